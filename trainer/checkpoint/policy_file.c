#include "trainer/checkpoint/policy_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/export/export.h"
#include "agents/fixed.h"
#include "base/mem.h"
#include "trainer/checkpoint/table_file.h"

/* One net: policy/<which>/ and its names in an export. */
typedef struct net_id {
    const char *which; /* "depth", "size" */
    bool critic;
} net_id;

static const char *layer_name(char ret[LTD_CHECKPOINT_MAX_NAME], net_id net, int32_t layer,
                              int32_t layers, const char *part)
{
    char name[LTD_BUNDLE_NAME];
    snprintf(ret, LTD_CHECKPOINT_MAX_NAME, "policy/%s/%s", net.which,
             ltd_bundle_layer(name, net.critic, layer, layers, part));
    return ret;
}

/* --- reading --- */

static int32_t count_layers(const ltd_checkpoint *c, net_id net)
{
    char name[LTD_CHECKPOINT_MAX_NAME];
    for (int32_t n = 0;; n++)
        if (!ltd_checkpoint_find(c, layer_name(name, net, n, n + 2, "weight"))) return n + 1;
}

static int find_matrix(const ltd_checkpoint *c, const char *file, net_id net, int32_t layer,
                       int32_t layers, const ltd_checkpoint_entry **w,
                       const ltd_checkpoint_entry **b, ltd_err *err)
{
    char name[LTD_CHECKPOINT_MAX_NAME];
    *w = ltd_checkpoint_find(c, layer_name(name, net, layer, layers, "weight"));
    if (!*w || (*w)->type != LTD_CHECKPOINT_F32 || (*w)->n_dims != 2 || (*w)->dims[0] < 1 ||
        (*w)->dims[1] < 1 || (*w)->dims[0] > LTD_MLP_MAX_DIM || (*w)->dims[1] > LTD_MLP_MAX_DIM)
        return ltd_fail(err, LTD_EFORMAT, "checkpoint %s: %s: missing or no f32 matrix", file,
                        name);
    *b = ltd_checkpoint_find(c, layer_name(name, net, layer, layers, "bias"));
    if (!*b || (*b)->type != LTD_CHECKPOINT_F32 || (*b)->n_dims != 1 ||
        (*b)->dims[0] != (*w)->dims[0])
        return ltd_fail(err, LTD_EFORMAT, "checkpoint %s: %s: missing or not [%lld]", file, name,
                        (long long)(*w)->dims[0]);
    return LTD_OK;
}

/* Has it any part of this net? */
static bool has_net(const ltd_checkpoint *c, net_id net)
{
    char name[LTD_CHECKPOINT_MAX_NAME];
    return count_layers(c, net) > 1 ||
           ltd_checkpoint_find(c, layer_name(name, net, 0, 1, "weight"));
}

/* A text of one actor, or the one of both. */
static int get_activation(const ltd_checkpoint *c, const char *file, const char *which,
                          ltd_activation *ret, ltd_err *err)
{
    char name[LTD_CHECKPOINT_MAX_NAME];
    const char *text;
    snprintf(name, sizeof name, "policy/%s/activation", which);
    if (!ltd_checkpoint_find(c, name)) snprintf(name, sizeof name, "policy/activation");
    int rc = ltd_checkpoint_get_text(c, name, &text, err);
    if (rc < 0) return rc;
    rc = ltd_activation_parse(ret, text, err);
    return rc < 0 ? ltd_err_prefix(err, rc, "checkpoint %s: %s", file, name) : LTD_OK;
}

static int load_layers(const ltd_checkpoint *c, const char *file, net_id net, ltd_mlp **ret,
                       ltd_err *err)
{
    ltd_activation act;
    const char *which = net.which;
    int32_t layers = count_layers(c, net), dims[LTD_MLP_MAX_LAYERS + 1] = {0};
    const ltd_checkpoint_entry *w, *b;
    if (layers > LTD_MLP_MAX_LAYERS)
        return ltd_fail(err, LTD_EFORMAT,
                        "checkpoint %s: policy/%s has %d layers, expected 1 to %d", file, which,
                        layers, LTD_MLP_MAX_LAYERS);
    for (int32_t i = 0; i < layers; i++) {
        int rc = find_matrix(c, file, net, i, layers, &w, &b, err);
        if (rc < 0) return rc;
        if (i && w->dims[1] != dims[i])
            return ltd_fail(err, LTD_EFORMAT,
                            "checkpoint %s: policy/%s layer %d takes %lld inputs, expected %d",
                            file, which, i, (long long)w->dims[1], dims[i]);
        dims[i] = (int32_t)w->dims[1];
        dims[i + 1] = (int32_t)w->dims[0];
    }
    int rc = get_activation(c, file, which, &act, err);
    if (rc == LTD_OK) rc = ltd_mlp_new(ret, dims, layers, act, err);
    for (int32_t i = 0; rc == LTD_OK && i < layers; i++) {
        rc = find_matrix(c, file, net, i, layers, &w, &b, err);
        if (rc == LTD_OK) rc = ltd_mlp_set(*ret, i, w->data, b->data, err);
    }
    return rc;
}

static int get_contract(const ltd_checkpoint *c, const char *file, const char *name,
                        ltd_contract *ret, ltd_err *err)
{
    const char *text;
    int rc = ltd_checkpoint_get_text(c, name, &text, err);
    if (rc < 0) return rc;
    int found = ltd_contract_find(text);
    if (found < 0)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "checkpoint %s: %s is '%s', which this build doesn't "
                        "know",
                        file, name, text);
    *ret = (ltd_contract)found;
    return LTD_OK;
}

static int get_copy(const ltd_checkpoint *c, const char *name, char *ret, size_t size, ltd_err *err)
{
    const char *text;
    int rc = ltd_checkpoint_get_text(c, name, &text, err);
    if (rc == LTD_OK) snprintf(ret, size, "%s", text);
    return rc;
}

/* Checkpoints of earlier versions lack it: their policies were asked after each forward. */
static int load_every(const ltd_checkpoint *c, const char *file, ltd_policy *p, ltd_err *err)
{
    int64_t every = 1;
    if (ltd_checkpoint_find(c, "policy/depth_every")) {
        int rc = ltd_checkpoint_get_i64(c, "policy/depth_every", &every, 1, err);
        if (rc < 0) return rc;
    }
    if (every < 1 || every > LTD_TREE_MAX_DEPTH)
        return ltd_fail(err, LTD_EFORMAT,
                        "checkpoint %s: policy/depth_every: is %lld, expected 1 to %d", file,
                        (long long)every, LTD_TREE_MAX_DEPTH);
    p->depth_every = (int32_t)every;
    return LTD_OK;
}

static int load_space(const ltd_checkpoint *c, const char *file, ltd_policy *p, ltd_err *err)
{
    const ltd_checkpoint_entry *e = ltd_checkpoint_find(c, "policy/sizes");
    if (!e || e->type != LTD_CHECKPOINT_I64 || e->n_dims != 1 || e->dims[0] < 1 ||
        e->dims[0] > LTD_MAX_SIZES)
        return ltd_fail(err, LTD_EFORMAT,
                        "checkpoint %s: policy/sizes: missing or not 1 to %d "
                        "integers",
                        file, LTD_MAX_SIZES);
    const int64_t *sizes = e->data;
    for (int64_t i = 0; i < e->dims[0]; i++)
        if (sizes[i] < 0 || sizes[i] > LTD_MLP_MAX_DIM || (i && sizes[i] <= sizes[i - 1]))
            return ltd_fail(err, LTD_EFORMAT,
                            "checkpoint %s: policy/sizes: entry %lld is %lld, expected ascending "
                            "sizes of 0 to %d",
                            file, (long long)i, (long long)sizes[i], LTD_MLP_MAX_DIM);
    p->n_sizes = (int32_t)e->dims[0];
    for (int32_t i = 0; i < p->n_sizes; i++) p->sizes[i] = (int32_t)sizes[i];
    int64_t space[4];
    int rc = ltd_checkpoint_get_i64(c, "policy/space", space, 4, err);
    if (rc < 0) return rc;
    if (space[0] < 1 || space[0] > LTD_TREE_MAX_TOP_K || space[1] < 0 || space[2] < space[1] ||
        space[2] > LTD_TREE_MAX_DEPTH)
        return ltd_fail(err, LTD_EFORMAT,
                        "checkpoint %s: policy/space: beam of %lld, %lld to %lld forwards: out of "
                        "range",
                        file, (long long)space[0], (long long)space[1], (long long)space[2]);
    p->top_k = (int32_t)space[0];
    p->min_forwards = (int32_t)space[1];
    p->max_forwards = (int32_t)space[2];
    p->lookup = space[3] != 0;
    return load_every(c, file, p, err);
}

/* A net from its contract's floats to `out`. */
static int load_net(const ltd_checkpoint *c, const char *file, net_id net, int32_t in, int32_t out,
                    ltd_mlp **ret, ltd_err *err)
{
    const char *critic = net.critic ? ", critic" : "";
    int rc = load_layers(c, file, net, ret, err);
    if (rc < 0) return rc;
    int32_t has_in = ltd_mlp_dim(*ret, 0), has_out = ltd_mlp_dim(*ret, ltd_mlp_layers(*ret));
    if (has_in != in)
        return ltd_fail(err, LTD_EFORMAT, "checkpoint %s: policy/%s%s takes %d inputs, expected %d",
                        file, net.which, critic, has_in, in);
    if (has_out != out)
        return ltd_fail(err, LTD_EFORMAT,
                        "checkpoint %s: policy/%s%s gives %d outputs, expected %d", file, net.which,
                        critic, has_out, out);
    return LTD_OK;
}

/* The actor of a turn, and its critic; neither: NULL. */
static int load_turn(const ltd_checkpoint *c, const char *file, const char *which, int32_t in,
                     int32_t out, ltd_mlp **actor, ltd_mlp **critic, ltd_err *err)
{
    const net_id a = {which, false}, v = {which, true};
    if (ltd_checkpoint_find(c, "policy/fixed") && !has_net(c, a)) return LTD_OK;
    int rc = load_net(c, file, a, in, out, actor, err);
    return rc == LTD_OK && has_net(c, v) ? load_net(c, file, v, in, 1, critic, err) : rc;
}

static int load_fixed(const ltd_checkpoint *c, const char *file, ltd_policy *p, ltd_err *err)
{
    int64_t fixed[2] = {LTD_EAGLE_FORWARDS, LTD_EAGLE_SIZE};
    if (!ltd_checkpoint_find(c, "policy/fixed")) {
        p->fixed_forwards = LTD_EAGLE_FORWARDS;
        p->fixed_size = LTD_EAGLE_SIZE;
        return LTD_OK;
    }
    int rc = ltd_checkpoint_get_i64(c, "policy/fixed", fixed, 2, err);
    if (rc < 0) return rc;
    if (fixed[0] < 0 || fixed[0] > LTD_TREE_MAX_DEPTH || fixed[1] < 0 || fixed[1] > LTD_MLP_MAX_DIM)
        return ltd_fail(err, LTD_EFORMAT,
                        "checkpoint %s: policy/fixed: %lld forwards, %lld nodes: out of range",
                        file, (long long)fixed[0], (long long)fixed[1]);
    p->fixed_forwards = (int32_t)fixed[0];
    p->fixed_size = (int32_t)fixed[1];
    return LTD_OK;
}

static int load_nets(const ltd_checkpoint *c, const char *file, ltd_policy *p, ltd_err *err)
{
    int rc = load_fixed(c, file, p, err);
    if (rc == LTD_OK)
        rc = load_turn(c, file, "depth", ltd_contract_dim(p->depth_contract), 2, &p->depth,
                       &p->depth_critic, err);
    if (rc == LTD_OK)
        rc = load_turn(c, file, "size", ltd_contract_dim(p->size_contract), p->n_sizes, &p->size,
                       &p->size_critic, err);
    if (rc == LTD_OK && !p->depth && !p->size)
        rc = ltd_fail(err, LTD_EFORMAT,
                      "checkpoint %s: neither policy/depth/action_net.weight nor "
                      "policy/size/action_net.weight is there",
                      file);
    return rc;
}

static int load_survival(const ltd_checkpoint *c, ltd_policy *p, ltd_err *err)
{
    const int64_t head = LTD_SURVIVAL_KNOTS;
    const int64_t lookup[2] = {LTD_SURVIVAL_MATCHES, LTD_SURVIVAL_CHAIN};
    if (!ltd_checkpoint_find(c, "policy/survival/head")) return LTD_OK;
    ltd_survival *v = p->survival = ltd_mem_zeros(1, sizeof *v);
    if (!v) return ltd_fail(err, LTD_ENOMEM, "policy: no memory");
    int rc = ltd_checkpoint_get_f32(c, "policy/survival/head", v->head, &head, 1, err);
    if (rc < 0) return rc;
    rc = ltd_checkpoint_get_f32(c, "policy/survival/lookup", v->lookup[0], lookup, 2, err);
    if (rc < 0) return rc;
    const int64_t both[2] = {LTD_SURVIVAL_MATCHES, 3};
    rc = ltd_checkpoint_get_f32(c, "policy/survival/both", v->both[0], both, 2, err);
    if (rc == LTD_OK && !ltd_survival_is_sane(v))
        rc = ltd_fail(err, LTD_EFORMAT, "policy/survival: a curve rises or is out of range");
    return rc;
}

int ltd_policy_from_checkpoint(ltd_policy **ret, const ltd_checkpoint *c, const char *name,
                               ltd_err *err)
{
    *ret = NULL;
    ltd_policy *p = ltd_mem_zeros(1, sizeof *p);
    if (!p) return ltd_fail(err, LTD_ENOMEM, "checkpoint %s: no memory", name);
    int rc = get_contract(c, name, "policy/depth_obs", &p->depth_contract, err);
    if (rc == LTD_OK) rc = get_contract(c, name, "policy/size_obs", &p->size_contract, err);
    if (rc == LTD_OK) rc = load_space(c, name, p, err);
    if (rc == LTD_OK) rc = load_nets(c, name, p, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_f64(c, "policy/rate", &p->rate, 1, err);
    if (rc == LTD_OK) rc = load_survival(c, p, err);
    if (rc == LTD_OK) rc = ltd_table_get(&p->table, c, err);
    if (rc == LTD_OK)
        rc = get_copy(c, "run/model_sha256", p->model_hash, sizeof p->model_hash, err);
    if (rc == LTD_OK) rc = get_copy(c, "run/head_sha256", p->head_hash, sizeof p->head_hash, err);
    if (rc == LTD_OK) rc = get_copy(c, "run/machine", p->machine, sizeof p->machine, err);
    if (rc < 0) {
        ltd_policy_free(p);
        return rc;
    }
    *ret = p;
    return LTD_OK;
}

int ltd_policy_checkpoint(char *ret, size_t size, const char *path, ltd_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        snprintf(ret, size, "%s", path);
        return LTD_OK;
    }
    snprintf(ret, size, "%s/checkpoints/best.h5", path);
    return access(ret, R_OK) == 0 ? LTD_OK : ltd_checkpoint_newest(path, ret, size, err);
}

int ltd_policy_load(ltd_policy **ret, const char *path, ltd_err *err)
{
    *ret = NULL;
    char file[PATH_MAX];
    ltd_checkpoint *c;
    int rc = ltd_policy_checkpoint(file, sizeof file, path, err);
    /* A folder of exports has no checkpoints, a run folder may have both. */
    if ((rc == LTD_EIO || strcmp(file, path) == 0) && ltd_export_is_at(path))
        return ltd_export_load(ret, path, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_open(&c, file, err);
    if (rc < 0) return rc;
    rc = ltd_policy_from_checkpoint(ret, c, file, err);
    ltd_checkpoint_close(c);
    return rc;
}

/* --- writing --- */

static int put_net(ltd_checkpoint_writer *w, net_id net, const ltd_mlp *mlp, ltd_err *err)
{
    char name[LTD_CHECKPOINT_MAX_NAME];
    int32_t layers = mlp ? ltd_mlp_layers(mlp) : 0;
    for (int32_t i = 0; i < layers; i++) {
        const int64_t dims[2] = {ltd_mlp_dim(mlp, i + 1), ltd_mlp_dim(mlp, i)};
        float *weight = ltd_mem_zeros((size_t)(dims[0] * dims[1]), sizeof *weight);
        float *bias = ltd_mem_zeros((size_t)dims[0], sizeof *bias);
        int rc = weight && bias ? ltd_mlp_get(mlp, i, weight, bias, err)
                                : ltd_fail(err, LTD_ENOMEM, "policy/%s: no memory", net.which);
        if (rc == LTD_OK) {
            ltd_checkpoint_put_f32(w, layer_name(name, net, i, layers, "weight"), weight, dims, 2);
            ltd_checkpoint_put_f32(w, layer_name(name, net, i, layers, "bias"), bias, dims, 1);
        }
        free(weight);
        free(bias);
        if (rc < 0) return rc;
    }
    return LTD_OK;
}

static void put_activations(ltd_checkpoint_writer *w, const ltd_policy *p)
{
    ltd_activation act = ltd_mlp_activation(p->depth ? p->depth : p->size);
    ltd_checkpoint_put_text(w, "policy/activation", ltd_activation_name(act));
    if (p->size && ltd_mlp_activation(p->size) != act)
        ltd_checkpoint_put_text(w, "policy/size/activation",
                                ltd_activation_name(ltd_mlp_activation(p->size)));
}

static void put_space(ltd_checkpoint_writer *w, const ltd_policy *p)
{
    int64_t sizes[LTD_MAX_SIZES];
    for (int32_t i = 0; i < p->n_sizes; i++) sizes[i] = p->sizes[i];
    const int64_t space[4] = {p->top_k, p->min_forwards, p->max_forwards, p->lookup};
    const int64_t every = p->depth_every > 0 ? p->depth_every : 1;
    ltd_checkpoint_put_text(w, "policy/depth_obs", ltd_contract_name(p->depth_contract));
    ltd_checkpoint_put_text(w, "policy/size_obs", ltd_contract_name(p->size_contract));
    ltd_checkpoint_put_i64(w, "policy/sizes", sizes, (size_t)p->n_sizes);
    ltd_checkpoint_put_i64(w, "policy/space", space, 4);
    ltd_checkpoint_put_i64(w, "policy/depth_every", &every, 1);
    ltd_checkpoint_put_f64(w, "policy/rate", &p->rate, 1);
    if (!p->depth || !p->size) ltd_policy_put_fixed(w, p->fixed_forwards, p->fixed_size);
}

void ltd_policy_put_fixed(ltd_checkpoint_writer *w, int32_t forwards, int32_t size)
{
    const int64_t fixed[2] = {forwards, size};
    ltd_checkpoint_put_i64(w, "policy/fixed", fixed, 2);
}

void ltd_policy_put_survival(ltd_checkpoint_writer *w, const ltd_survival *v)
{
    const int64_t head = LTD_SURVIVAL_KNOTS;
    const int64_t lookup[2] = {LTD_SURVIVAL_MATCHES, LTD_SURVIVAL_CHAIN};
    const int64_t both[2] = {LTD_SURVIVAL_MATCHES, 3};
    ltd_checkpoint_put_f32(w, "policy/survival/head", v->head, &head, 1);
    ltd_checkpoint_put_f32(w, "policy/survival/lookup", v->lookup[0], lookup, 2);
    ltd_checkpoint_put_f32(w, "policy/survival/both", v->both[0], both, 2);
}

int ltd_policy_put(ltd_checkpoint_writer *w, const ltd_policy *p, ltd_err *err)
{
    if (!p->depth && !p->size)
        return ltd_fail(err, LTD_EINVAL, "policy: neither a depth nor a size net to write");
    put_space(w, p);
    put_activations(w, p);
    if (p->survival) ltd_policy_put_survival(w, p->survival);
    if (p->table) ltd_table_put(p->table, w);
    ltd_checkpoint_put_text(w, "run/model_sha256", p->model_hash);
    ltd_checkpoint_put_text(w, "run/head_sha256", p->head_hash);
    ltd_checkpoint_put_text(w, "run/machine", p->machine);
    int rc = put_net(w, (net_id){"depth", false}, p->depth, err);
    if (rc == LTD_OK) rc = put_net(w, (net_id){"depth", true}, p->depth_critic, err);
    if (rc == LTD_OK) rc = put_net(w, (net_id){"size", false}, p->size, err);
    return rc == LTD_OK ? put_net(w, (net_id){"size", true}, p->size_critic, err) : rc;
}
