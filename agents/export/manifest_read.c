/* Reading goes member by member into a policy; what a member may be stands where it is read. */
#include "agents/export/manifest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static int get_i32(ltd_json o, const char *key, int64_t min, int64_t max, int32_t *ret,
                   ltd_err *err)
{
    int64_t v;
    int rc = ltd_json_get_int(o, key, min, max, &v, err);
    if (rc == LTD_OK) *ret = (int32_t)v;
    return rc;
}

static int get_copy(ltd_json o, const char *key, char *ret, size_t size, ltd_err *err)
{
    const char *text;
    int rc = ltd_json_get_string(o, key, &text, err);
    if (rc < 0) return rc;
    if (strlen(text) >= size)
        return ltd_fail(err, LTD_EFORMAT, "%s: key '%s': has %zu bytes, expected %zu at most",
                        o.name, key, strlen(text), size - 1);
    memcpy(ret, text, strlen(text) + 1);
    return LTD_OK;
}

/* An array of exactly n. */
static int get_array(ltd_json o, const char *key, size_t n, ltd_json *ret, ltd_err *err)
{
    int rc = ltd_json_get_array(o, key, ret, err);
    if (rc < 0 || ltd_json_count(*ret) == n) return rc;
    return ltd_fail(err, LTD_EFORMAT, "%s: key '%s': has %zu entries, expected %zu", o.name, key,
                    ltd_json_count(*ret), n);
}

static int as_floats(ltd_json array, const char *what, float *ret, size_t n, ltd_err *err)
{
    if (ltd_json_count(array) != n)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s: has %zu entries, expected %zu", array.name, what,
                        ltd_json_count(array), n);
    for (size_t i = 0; i < n; i++) {
        double v;
        int rc = ltd_json_as_f64(ltd_json_at(array, i), what, &v, err);
        if (rc < 0) return rc;
        ret[i] = (float)v;
        if (!isfinite(ret[i]))
            return ltd_fail(err, LTD_EFORMAT, "%s: %s: entry %zu is %g, expected a finite number",
                            array.name, what, i, v);
    }
    return LTD_OK;
}

/* --- the turns --- */

/* Where what a turn says goes to. */
typedef struct turn {
    const char *name; /* "depth" */
    ltd_contract *contract;
    ltd_net_shape *actor, *critic;
} turn;

static int read_contract(ltd_json o, ltd_contract *ret, ltd_err *err)
{
    const char *text;
    int rc = ltd_json_get_string(o, "obs", &text, err);
    if (rc < 0) return rc;
    int found = ltd_contract_find(text);
    if (found < 0)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: key 'obs': contract '%.60s' is not known to this build", o.name, text);
    *ret = (ltd_contract)found;
    return LTD_OK;
}

static int read_sizes(ltd_json o, ltd_policy *p, ltd_err *err)
{
    ltd_json array;
    int rc = ltd_json_get_array(o, "actions", &array, err);
    if (rc < 0) return rc;
    size_t n = ltd_json_count(array);
    if (n < 1 || n > LTD_MAX_SIZES)
        return ltd_fail(err, LTD_EFORMAT, "%s: key 'actions': has %zu sizes, expected 1 to %d",
                        o.name, n, LTD_MAX_SIZES);
    int64_t least = 0;
    for (size_t i = 0; rc == LTD_OK && i < n; i++) {
        int64_t v = 0;
        rc = ltd_json_as_int(ltd_json_at(array, i), "key 'actions', ascending sizes", least,
                             LTD_MLP_MAX_DIM, &v, err);
        p->sizes[i] = (int32_t)v;
        least = v + 1;
    }
    p->n_sizes = (int32_t)n;
    return rc;
}

static int read_depth_actions(ltd_json o, ltd_err *err)
{
    static const char *const names[] = {"stop", "continue"}; /* LTD_DEPTH_STOP, _CONTINUE */
    ltd_json array;
    int rc = get_array(o, "actions", 2, &array, err);
    for (size_t i = 0; rc == LTD_OK && i < 2; i++) {
        const char *text;
        rc = ltd_json_as_string(ltd_json_at(array, i), "key 'actions'", &text, err);
        if (rc == LTD_OK && strcmp(text, names[i]) != 0)
            rc =
                ltd_fail(err, LTD_EFORMAT, "%s: key 'actions': entry %zu is '%.20s', expected '%s'",
                         o.name, i, text, names[i]);
    }
    return rc;
}

/* The dims under `key`, from `in` to `out`; null: none. */
static int read_net(ltd_json o, const char *key, ltd_activation act, int32_t in, int32_t out,
                    ltd_net_shape *ret, ltd_err *err)
{
    ltd_json array;
    ltd_net_shape shape = {.activation = act};
    int32_t *dims = shape.dims;
    if (!ltd_json_has(o, key)) return LTD_OK;
    int rc = ltd_json_get_array(o, key, &array, err);
    if (rc < 0) return rc;
    size_t n = ltd_json_count(array);
    if (n < 2 || n > LTD_MLP_MAX_LAYERS + 1)
        return ltd_fail(err, LTD_EFORMAT, "%s: key '%s': has %zu sizes, expected 2 to %d", o.name,
                        key, n, LTD_MLP_MAX_LAYERS + 1);
    for (size_t i = 0; i < n; i++) {
        int64_t v;
        rc = ltd_json_as_int(ltd_json_at(array, i), key, 1, LTD_MLP_MAX_DIM, &v, err);
        if (rc < 0) return rc;
        dims[i] = (int32_t)v;
    }
    if (dims[0] != in || dims[n - 1] != out)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: key '%s': is %d -> %d, expected %d -> %d by its contract and actions",
                        o.name, key, dims[0], dims[n - 1], in, out);
    shape.n_layers = (int32_t)n - 1;
    *ret = shape;
    return LTD_OK;
}

static int read_nets(ltd_json o, const turn *t, int32_t actions, ltd_err *err)
{
    const char *text;
    ltd_activation act;
    int32_t in = ltd_contract_dim(*t->contract);
    if (!ltd_json_has(o, "actor")) {
        if (!ltd_json_has(o, "critic")) return LTD_OK;
        return ltd_fail(err, LTD_EFORMAT, "%s: key 'critic': there is one, but no actor", o.name);
    }
    int rc = ltd_json_get_string(o, "activation", &text, err);
    if (rc < 0) return rc;
    rc = ltd_activation_parse(&act, text, err);
    if (rc < 0) return ltd_err_prefix(err, rc, "%s", o.name);
    rc = read_net(o, "actor", act, in, actions, t->actor, err);
    return rc == LTD_OK ? read_net(o, "critic", act, in, 1, t->critic, err) : rc;
}

static int read_turn(ltd_json root, const turn *t, ltd_policy *p, ltd_err *err)
{
    ltd_json o;
    int rc = ltd_json_get_object(root, t->name, &o, err);
    if (rc < 0) return rc;
    bool depth = t->contract == &p->depth_contract;
    rc = read_contract(o, t->contract, err);
    if (rc == LTD_OK) rc = depth ? read_depth_actions(o, err) : read_sizes(o, p, err);
    if (rc == LTD_OK) rc = read_nets(o, t, depth ? 2 : p->n_sizes, err);
    return rc < 0 ? ltd_err_prefix(err, rc, "%s turn", t->name) : LTD_OK;
}

static int read_turns(ltd_json root, ltd_policy *p, ltd_net_shape shapes[LTD_NETS], ltd_err *err)
{
    ltd_net_shape *s = shapes;
    const turn depth = {"depth", &p->depth_contract, s + LTD_NET_DEPTH, s + LTD_NET_DEPTH_CRITIC};
    const turn size = {"size", &p->size_contract, s + LTD_NET_SIZE, s + LTD_NET_SIZE_CRITIC};
    int rc = read_turn(root, &depth, p, err);
    if (rc == LTD_OK) rc = read_turn(root, &size, p, err);
    if (rc == LTD_OK && !s[LTD_NET_DEPTH].n_layers && !s[LTD_NET_SIZE].n_layers)
        rc = ltd_fail(err, LTD_EFORMAT, "%s: neither the depth nor the size turn has an actor",
                      root.name);
    return rc;
}

/* --- curves and table --- */

static int read_rows(ltd_json o, const char *key, float *ret, size_t rows, size_t n, ltd_err *err)
{
    ltd_json array;
    int rc = get_array(o, key, rows, &array, err);
    for (size_t i = 0; rc == LTD_OK && i < rows; i++)
        rc = as_floats(ltd_json_at(array, i), key, ret + i * n, n, err);
    return rc;
}

static int read_survival(ltd_json root, ltd_policy *p, ltd_err *err)
{
    ltd_json o;
    if (!ltd_json_has(root, "survival")) return LTD_OK;
    int rc = ltd_json_get_object(root, "survival", &o, err);
    if (rc < 0) return rc;
    ltd_survival *s = p->survival = ltd_mem_zeros(1, sizeof *s);
    if (!s) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", root.name);
    rc = as_floats(ltd_json_member(o, "head"), "survival, head", s->head, LTD_SURVIVAL_KNOTS, err);
    if (rc == LTD_OK)
        rc = read_rows(o, "lookup", s->lookup[0], LTD_SURVIVAL_MATCHES, LTD_SURVIVAL_CHAIN, err);
    if (rc == LTD_OK) rc = read_rows(o, "both", s->both[0], LTD_SURVIVAL_MATCHES, 3, err);
    if (rc == LTD_OK && !ltd_survival_is_sane(s))
        rc =
            ltd_fail(err, LTD_EFORMAT, "%s: survival: a curve rises or is out of range", root.name);
    return rc;
}

/* Row c of the classes after n forwards. */
static int read_classes(ltd_json row, ltd_table_class *ret, ltd_err *err)
{
    static const char what[] = "table, classes";
    int rc = LTD_OK;
    if (ltd_json_count(row) != 3 * LTD_TABLE_MATCHES)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s: has %zu entries, expected %d", row.name, what,
                        ltd_json_count(row), 3 * LTD_TABLE_MATCHES);
    for (size_t m = 0; rc == LTD_OK && m < LTD_TABLE_MATCHES; m++) {
        int64_t go = 0, nodes = 0, cycles = 0;
        rc = ltd_json_as_int(ltd_json_at(row, 3 * m), what, 0, 1, &go, err);
        if (rc == LTD_OK)
            rc = ltd_json_as_int(ltd_json_at(row, 3 * m + 1), what, 0, INT32_MAX, &nodes, err);
        if (rc == LTD_OK)
            rc = ltd_json_as_int(ltd_json_at(row, 3 * m + 2), what, 0, INT64_MAX, &cycles, err);
        ret[m] = (ltd_table_class){go == 1, (int32_t)nodes, cycles};
    }
    return rc;
}

static int read_table(ltd_json root, ltd_policy *p, ltd_err *err)
{
    ltd_json o, match = {0}, classes = {0};
    if (!ltd_json_has(root, "table")) return LTD_OK;
    int rc = ltd_json_get_object(root, "table", &o, err);
    if (rc == LTD_OK) rc = ltd_json_get_array(o, "classes", &classes, err);
    if (rc < 0) return rc;
    size_t rows = ltd_json_count(classes);
    if (rows < 1 || rows % LTD_TABLE_CONFIDENCES != 0 ||
        rows / LTD_TABLE_CONFIDENCES > LTD_TABLE_FORWARDS)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: table, classes: has %zu rows, expected %d for each of 1 to %d "
                        "forwards",
                        root.name, rows, LTD_TABLE_CONFIDENCES, LTD_TABLE_FORWARDS);
    ltd_table *t = p->table = ltd_mem_zeros(1, sizeof *t);
    if (!t) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", root.name);
    t->max_forwards = (int32_t)(rows / LTD_TABLE_CONFIDENCES) - 1;
    rc = as_floats(ltd_json_member(o, "confidence"), "table, confidence", t->confidence,
                   LTD_TABLE_CONFIDENCES - 1, err);
    if (rc == LTD_OK) rc = get_array(o, "match", LTD_TABLE_MATCHES - 1, &match, err);
    for (size_t i = 0; rc == LTD_OK && i < LTD_TABLE_MATCHES - 1; i++) {
        int64_t v = 0;
        rc = ltd_json_as_int(ltd_json_at(match, i), "table, match", 1, INT32_MAX, &v, err);
        t->match[i] = (int32_t)v;
    }
    for (size_t i = 0; rc == LTD_OK && i < rows; i++)
        rc = read_classes(ltd_json_at(classes, i),
                          t->at[i / LTD_TABLE_CONFIDENCES][i % LTD_TABLE_CONFIDENCES], err);
    if (rc < 0) return rc;
    rc = ltd_table_check(t, err);
    return rc < 0 ? ltd_err_prefix(err, rc, "%s", root.name) : LTD_OK;
}

/* --- the rest --- */

static int read_version(ltd_json root, ltd_err *err)
{
    const char *format;
    int64_t version;
    int rc = ltd_json_get_string(root, "format", &format, err);
    if (rc < 0) return rc;
    if (strcmp(format, LTD_MANIFEST_KEY) != 0)
        return ltd_fail(err, LTD_EFORMAT, "%s: key 'format': is '%.40s', expected '%s'", root.name,
                        format, LTD_MANIFEST_KEY);
    rc = ltd_json_get_int(root, "version", 1, INT32_MAX, &version, err);
    if (rc == LTD_OK && version > LTD_MANIFEST_VERSION)
        rc = ltd_fail(err, LTD_EUNSUPPORTED,
                      "%s: is of version %lld of exported policies, this build reads up to %d",
                      root.name, (long long)version, LTD_MANIFEST_VERSION);
    return rc;
}

static int read_space(ltd_json root, ltd_policy *p, ltd_err *err)
{
    int rc = get_i32(root, "top_k", 1, LTD_TREE_MAX_TOP_K, &p->top_k, err);
    if (rc == LTD_OK)
        rc = get_i32(root, "min_forwards", 0, LTD_TREE_MAX_DEPTH, &p->min_forwards, err);
    if (rc == LTD_OK)
        rc = get_i32(root, "max_forwards", p->min_forwards, LTD_TREE_MAX_DEPTH, &p->max_forwards,
                     err);
    if (rc == LTD_OK)
        rc = get_i32(root, "depth_every", 1, LTD_TREE_MAX_DEPTH, &p->depth_every, err);
    if (rc == LTD_OK) rc = ltd_json_get_bool(root, "lookup", &p->lookup, err);
    if (rc == LTD_OK) rc = ltd_json_get_f64(root, "rate", &p->rate, err);
    if (rc == LTD_OK)
        rc = get_i32(root, "fixed_forwards", 0, LTD_TREE_MAX_DEPTH, &p->fixed_forwards, err);
    if (rc == LTD_OK) rc = get_i32(root, "fixed_size", 0, LTD_MLP_MAX_DIM, &p->fixed_size, err);
    return rc;
}

static int read_all(ltd_json root, ltd_policy *p, ltd_manifest_nets *nets, ltd_err *err)
{
    int rc = read_version(root, err);
    if (rc == LTD_OK) rc = read_turns(root, p, nets->shapes, err);
    if (rc == LTD_OK) rc = read_space(root, p, err);
    if (rc == LTD_OK) rc = read_survival(root, p, err);
    if (rc == LTD_OK) rc = read_table(root, p, err);
    if (rc == LTD_OK)
        rc = get_copy(root, "weights_sha256", nets->weights_sha256, sizeof nets->weights_sha256,
                      err);
    if (rc == LTD_OK) rc = get_copy(root, "model_sha256", p->model_hash, sizeof p->model_hash, err);
    if (rc == LTD_OK) rc = get_copy(root, "head_sha256", p->head_hash, sizeof p->head_hash, err);
    return rc == LTD_OK ? get_copy(root, "machine", p->machine, sizeof p->machine, err) : rc;
}

int ltd_manifest_read(ltd_policy **ret, ltd_manifest_nets *nets, const char *text, size_t n,
                      const char *name, ltd_err *err)
{
    *ret = NULL;
    *nets = (ltd_manifest_nets){0};
    ltd_json_doc *doc;
    int rc = ltd_json_parse(&doc, name, text, n, err);
    if (rc < 0) return rc;
    ltd_policy *p = ltd_mem_zeros(1, sizeof *p);
    rc = p ? read_all(ltd_json_root(doc), p, nets, err)
           : ltd_fail(err, LTD_ENOMEM, "%s: no memory", name);
    ltd_json_free(doc);
    if (rc < 0) {
        ltd_policy_free(p);
        return rc;
    }
    *ret = p;
    return LTD_OK;
}
