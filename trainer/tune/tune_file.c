/* tuned.json: the search's result and what it holds for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "trainer/records/survival_run.h"
#include "trainer/tune/tune.h"

/* Files that are kept for this length have no mention of it. */
enum { TUNED_ANSWERS = 48 };

int ltd_tuned_path(const ltd_setup *s, char *ret, size_t size, ltd_err *err)
{
    char key[640], hex[65];
    const ltd_config *c = &s->config;
    snprintf(key, sizeof key, "%s|%s|%s|%s|%d|%d|%d|%d|%d", s->machine, ltd_llama_hash(s->model),
             s->head ? ltd_eagle3_hash(s->head) : "", ltd_survival_hash(s, hex), c->env.top_k,
             c->env.max_forwards, c->env.lookup, c->env.lookup_min_match, c->env.lookup_max_chain);
    size_t at = strlen(key);
    for (int32_t i = 0; i < c->tune.top_k.n; i++)
        at += (size_t)snprintf(key + at, sizeof key - at, "|beam %d", c->tune.top_k.v[i]);
    if (c->tune.max_new != TUNED_ANSWERS) /* another task's lengths, so other prompts as well */
        at += (size_t)snprintf(key + at, sizeof key - at, "|answers %d", c->tune.max_new);
    if (c->env.temperature > 0) /* fewer drafts are accepted than with greedy decoding */
        snprintf(key + at, sizeof key - at, "|%g|%g|%d", c->env.temperature, c->env.top_p,
                 c->env.sample_top_k);
    return ltd_setup_beside_cost(s, "tuned", key, ret, size, err);
}

/* --- writing --- */

static void put_setting(ltd_json_writer *w, const ltd_setting *s)
{
    ltd_json_put_int(w, "forwards", s->forwards);
    ltd_json_put_int(w, "size", s->size);
    ltd_json_put_bool(w, "lookup", s->lookup);
    ltd_json_put_int(w, "top_k", s->top_k);
}

static void put_candidate(ltd_json_writer *w, const ltd_candidate *c)
{
    ltd_json_begin_inline_object(w, NULL);
    put_setting(w, &c->setting);
    ltd_json_put_f64(w, "tok_s", c->seconds > 0 ? c->tokens / c->seconds : 0);
    ltd_json_put_f64(w, "tokens", c->tokens);
    ltd_json_put_f64(w, "seconds", c->seconds);
    ltd_json_put_int(w, "prompts", c->prompts);
    ltd_json_put_f64(w, "predicted", c->predicted);
    ltd_json_end_object(w);
}

static void put_ints(ltd_json_writer *w, const char *key, const int32_t *v, int32_t n)
{
    ltd_json_begin_inline_array(w, key);
    for (int32_t i = 0; i < n; i++) ltd_json_put_int(w, NULL, v[i]);
    ltd_json_end_array(w);
}

void ltd_tuned_json(const ltd_tuned *t, ltd_str *out)
{
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_begin_inline_object(&w, "best");
    put_setting(&w, &t->best);
    ltd_json_end_object(&w);
    ltd_json_put_f64(&w, "tok_s", t->tok_s);
    ltd_json_begin_array(&w, "finalists");
    for (int32_t i = 0; i < t->n_finalists; i++) put_candidate(&w, &t->finalists[i]);
    ltd_json_end_array(&w);
    ltd_json_put_int(&w, "candidates", t->candidates);
    ltd_json_put_int(&w, "scouted", t->scouted);
    ltd_json_put_f64(&w, "seconds", t->seconds);
    ltd_json_put_string(&w, "machine", t->machine);
    ltd_json_put_string(&w, "model", t->model_hash);
    ltd_json_put_string(&w, "head", t->head_hash);
    ltd_json_put_string(&w, "survival", t->survival);
    ltd_json_put_int(&w, "top_k", t->top_k);
    ltd_json_put_int(&w, "max_forwards", t->max_forwards);
    ltd_json_put_bool(&w, "lookup", t->lookup);
    put_ints(&w, "sizes", t->sizes, t->n_sizes);
    put_ints(&w, "widths", t->widths, t->n_widths);
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}

int ltd_tuned_save(const ltd_tuned *tuned, const char *path, ltd_err *err)
{
    ltd_str text = LTD_STR_INIT;
    ltd_tuned_json(tuned, &text);
    int rc = text.failed ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", path)
                         : ltd_file_write(path, text.data, text.len, err);
    ltd_str_fini(&text);
    return rc;
}

/* --- reading --- */

static int get_i32(ltd_json o, const char *key, int32_t min, int32_t max, int32_t *ret,
                   ltd_err *err)
{
    int64_t v;
    int rc = ltd_json_get_int(o, key, min, max, &v, err);
    if (rc == LTD_OK) *ret = (int32_t)v;
    return rc;
}

static int get_text(ltd_json o, const char *key, char *ret, size_t size, ltd_err *err)
{
    const char *v;
    int rc = ltd_json_get_string(o, key, &v, err);
    if (rc == LTD_OK) snprintf(ret, size, "%s", v);
    return rc;
}

static int get_setting(ltd_json o, ltd_setting *ret, ltd_err *err)
{
    int rc = get_i32(o, "forwards", 0, LTD_TREE_MAX_DEPTH, &ret->forwards, err);
    if (rc == LTD_OK) rc = get_i32(o, "size", 0, 1024, &ret->size, err);
    if (rc == LTD_OK) rc = ltd_json_get_bool(o, "lookup", &ret->lookup, err);
    if (rc == LTD_OK) rc = get_i32(o, "top_k", 0, LTD_TREE_MAX_TOP_K, &ret->top_k, err);
    return rc;
}

static int get_candidate(ltd_json o, ltd_candidate *ret, ltd_err *err)
{
    int rc = get_setting(o, &ret->setting, err);
    if (rc == LTD_OK) rc = ltd_json_get_f64(o, "tokens", &ret->tokens, err);
    if (rc == LTD_OK) rc = ltd_json_get_f64(o, "seconds", &ret->seconds, err);
    if (rc == LTD_OK) rc = get_i32(o, "prompts", 0, INT32_MAX, &ret->prompts, err);
    if (rc == LTD_OK) rc = ltd_json_get_f64(o, "predicted", &ret->predicted, err);
    return rc;
}

static int get_finalists(ltd_json root, ltd_tuned *t, ltd_err *err)
{
    ltd_json list;
    int rc = ltd_json_get_array(root, "finalists", &list, err);
    if (rc < 0) return rc;
    size_t n = ltd_json_count(list);
    if (n > LTD_TUNE_FINALISTS)
        return ltd_fail(err, LTD_EFORMAT, "%s: %zu finalists, expected up to %d", root.name, n,
                        LTD_TUNE_FINALISTS);
    t->n_finalists = (int32_t)n;
    for (size_t i = 0; rc == LTD_OK && i < n; i++)
        rc = get_candidate(ltd_json_at(list, i), &t->finalists[i], err);
    return rc;
}

/* Up to `most` numbers of 0 to 1024. */
static int get_ints(ltd_json root, const char *key, int32_t *ret, int32_t most, int32_t *ret_n,
                    ltd_err *err)
{
    ltd_json list;
    int rc = ltd_json_get_array(root, key, &list, err);
    if (rc < 0) return rc;
    size_t n = ltd_json_count(list);
    if (n > (size_t)most)
        return ltd_fail(err, LTD_EFORMAT, "%s: %zu %s, expected up to %d", root.name, n, key, most);
    *ret_n = (int32_t)n;
    for (size_t i = 0; rc == LTD_OK && i < n; i++) {
        int64_t v;
        rc = ltd_json_as_int(ltd_json_at(list, i), key, 0, 1024, &v, err);
        if (rc == LTD_OK) ret[i] = (int32_t)v;
    }
    return rc;
}

static int get_scope(ltd_json root, ltd_tuned *t, ltd_err *err)
{
    int rc = get_text(root, "machine", t->machine, sizeof t->machine, err);
    if (rc == LTD_OK) rc = get_text(root, "model", t->model_hash, sizeof t->model_hash, err);
    if (rc == LTD_OK) rc = get_text(root, "head", t->head_hash, sizeof t->head_hash, err);
    if (rc == LTD_OK) rc = get_text(root, "survival", t->survival, sizeof t->survival, err);
    if (rc == LTD_OK) rc = get_i32(root, "top_k", 1, LTD_TREE_MAX_TOP_K, &t->top_k, err);
    if (rc == LTD_OK)
        rc = get_i32(root, "max_forwards", 0, LTD_TREE_MAX_DEPTH, &t->max_forwards, err);
    if (rc == LTD_OK) rc = ltd_json_get_bool(root, "lookup", &t->lookup, err);
    if (rc == LTD_OK) rc = get_ints(root, "sizes", t->sizes, LTD_MAX_SIZES, &t->n_sizes, err);
    if (rc == LTD_OK)
        rc = get_ints(root, "widths", t->widths, LTD_CONFIG_WIDTHS, &t->n_widths, err);
    return rc;
}

static int get_all(ltd_json root, ltd_tuned *t, ltd_err *err)
{
    ltd_json best;
    int64_t version;
    int rc = ltd_json_get_int(root, "version", 1, 1, &version, err);
    if (rc == LTD_OK) rc = ltd_json_get_object(root, "best", &best, err);
    if (rc == LTD_OK) rc = get_setting(best, &t->best, err);
    if (rc == LTD_OK) rc = ltd_json_get_f64(root, "tok_s", &t->tok_s, err);
    if (rc == LTD_OK) rc = get_i32(root, "candidates", 0, INT32_MAX, &t->candidates, err);
    if (rc == LTD_OK) rc = get_i32(root, "scouted", 0, INT32_MAX, &t->scouted, err);
    if (rc == LTD_OK) rc = ltd_json_get_f64(root, "seconds", &t->seconds, err);
    if (rc == LTD_OK) rc = get_finalists(root, t, err);
    return rc == LTD_OK ? get_scope(root, t, err) : rc;
}

int ltd_tuned_load(ltd_tuned *ret, const char *path, ltd_err *err)
{
    ltd_file file;
    ltd_json_doc *doc;
    ltd_tuned t = {.n_finalists = 0};
    int rc = ltd_file_map(&file, path, err);
    if (rc < 0) return rc;
    rc = ltd_json_parse(&doc, path, file.data, file.size, err);
    ltd_file_unmap(&file);
    if (rc < 0) return rc;
    rc = get_all(ltd_json_root(doc), &t, err);
    ltd_json_free(doc);
    if (rc == LTD_OK) *ret = t;
    return rc;
}

static bool same_ints(const int32_t *v, int32_t n, const ltd_ints *list)
{
    return n == list->n && memcmp(v, list->v, (size_t)n * sizeof *v) == 0;
}

int ltd_tuned_check(const ltd_tuned *t, const ltd_setup *s, ltd_err *err)
{
    const ltd_config *c = &s->config;
    const char *head = s->head ? ltd_eagle3_hash(s->head) : "";
    char survival[65];
    if (strcmp(t->machine, s->machine) != 0)
        return ltd_fail(err, LTD_EINVAL, "tuned setting: searched on '%s', but this is '%s'",
                        t->machine, s->machine);
    if (strcmp(t->model_hash, ltd_llama_hash(s->model)) != 0 || strcmp(t->head_hash, head) != 0)
        return ltd_fail(err, LTD_EINVAL,
                        "tuned setting: searched with another model or draft head");
    if (strcmp(t->survival, ltd_survival_hash(s, survival)) != 0)
        return ltd_fail(err, LTD_EINVAL, "tuned setting: searched with other survival curves");
    if (t->top_k != c->env.top_k || t->lookup != c->env.lookup ||
        (s->head && t->max_forwards != c->env.max_forwards))
        return ltd_fail(err, LTD_EINVAL,
                        "tuned setting: searched with another env.top_k, env.lookup or "
                        "env.max_forwards");
    if (!same_ints(t->sizes, t->n_sizes, &c->env.sizes))
        return ltd_fail(err, LTD_EINVAL, "tuned setting: searched with other env.sizes");
    if (!same_ints(t->widths, t->n_widths, &c->tune.top_k))
        return ltd_fail(err, LTD_EINVAL, "tuned setting: searched with another tune.top_k");
    return LTD_OK;
}
