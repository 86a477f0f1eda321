/* config.json of a head, in two layouts: EAGLE's, one flat object, and that of vLLM's speculators,
 * where the decoder layer has an object of its own, transformer_layer_config, and what belongs to
 * EAGLE-3 stands beside it.  A key that asks for another arithmetic than ours is refused by name.
 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "models/llm/eagle3_priv.h"

#define PI 3.14159265358979323846

typedef struct source {
    const char *name; /* of the file */
    ltd_json head;    /* draft_vocab_size, norm_before_residual, ... */
    ltd_json layer;   /* hidden_size, ...; the same object in EAGLE's layout */
    bool speculators;
} source;

/* A whole number from 1; the default stays when the key is absent. */
static int get_i32(ltd_json object, const char *key, int32_t *ret, ltd_err *err)
{
    int64_t v;
    if (!ltd_json_has(object, key)) return LTD_OK;
    int rc = ltd_json_get_int(object, key, 1, 1 << 24, &v, err);
    if (rc == LTD_OK) *ret = (int32_t)v;
    return rc;
}

static int need_i32(ltd_json object, const char *key, int32_t *ret, ltd_err *err)
{
    int64_t v;
    int rc = ltd_json_get_int(object, key, 1, 1 << 24, &v, err);
    if (rc == LTD_OK) *ret = (int32_t)v;
    return rc;
}

static int need_positive(ltd_json object, const char *key, double *ret, ltd_err *err)
{
    double v;
    int rc = ltd_json_get_f64(object, key, &v, err);
    if (rc < 0) return rc;
    if (!(v > 0))
        return ltd_fail(err, LTD_EFORMAT, "%s: key '%s': is %g, expected a positive number",
                        object.name, key, v);
    *ret = v;
    return LTD_OK;
}

/* --- what we don't do --- */

static int unsupported(const source *s, const char *key, const char *expected, ltd_err *err)
{
    return ltd_fail(err, LTD_EUNSUPPORTED, "%s: key '%s' asks for what is not handled, expected %s",
                    s->name, key, expected);
}

/* Something other than null, false and 0. */
static bool is_set(ltd_json object, const char *key)
{
    bool on = false;
    double v = 0;
    if (!ltd_json_has(object, key)) return false;
    ltd_json_type type = ltd_json_type_of(ltd_json_member(object, key));
    if (type == LTD_JSON_BOOL) return ltd_json_get_bool(object, key, &on, NULL) < 0 || on;
    if (type == LTD_JSON_NUMBER) return ltd_json_get_f64(object, key, &v, NULL) < 0 || v != 0;
    return true;
}

static int check_text(const source *s, ltd_json object, const char *key, const char *only,
                      ltd_err *err)
{
    const char *text;
    if (!ltd_json_has(object, key)) return LTD_OK;
    int rc = ltd_json_get_string(object, key, &text, err);
    if (rc < 0 || strcmp(text, only) == 0) return rc;
    return ltd_fail(err, LTD_EUNSUPPORTED, "%s: key '%s' is '%.40s', only '%s' is handled", s->name,
                    key, text, only);
}

static int refuse_others(const source *s, ltd_err *err)
{
    static const char *const keys[] = {
        "attention_bias",      "mlp_bias",          "qkv_bias",          "bias",
        "quantization_config", "num_local_experts", "num_experts",       "fc_norm",
        "norm_output",         "norm_before_fc",    "use_sliding_window"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (is_set(s->layer, keys[i]) || is_set(s->head, keys[i]))
            return unsupported(s, keys[i], "null, false or no such key", err);
    if (is_set(s->layer, "sliding_window") && !ltd_json_has(s->layer, "use_sliding_window"))
        return unsupported(s, "sliding_window", "null or no such key", err);
    int32_t layers = 1;
    int rc = get_i32(s->layer, "num_hidden_layers", &layers, err);
    if (rc < 0) return rc;
    if (layers != 1) return unsupported(s, "num_hidden_layers", "1", err);
    rc = check_text(s, s->layer, "hidden_act", "silu", err);
    if (rc == LTD_OK) rc = check_text(s, s->head, "speculators_model_type", "eagle3", err);
    if (rc == LTD_OK && s->speculators) rc = check_text(s, s->layer, "model_type", "llama", err);
    return rc;
}

/* --- what we do --- */

/* EAGLE's own code forgets rope_theta when a scaling is set, vLLM keeps it.  So only plain
 * frequencies and Llama 3.1's rule, which EAGLE's code lacks, have one meaning. */
static int read_rope(ltd_eagle3 *head, const source *s, ltd_err *err)
{
    double theta = 10000;
    int rc = LTD_OK;
    ltd_json rope;
    const char *type = "default", *key = "rope_parameters";
    if (!ltd_json_has(s->layer, key)) key = "rope_scaling";
    if (ltd_json_has(s->layer, "rope_theta"))
        rc = need_positive(s->layer, "rope_theta", &theta, err);
    if (rc == LTD_OK && ltd_json_has(s->layer, key)) {
        rc = ltd_json_get_object(s->layer, key, &rope, err);
        const char *named = rc == LTD_OK && ltd_json_has(rope, "rope_type") ? "rope_type" : "type";
        if (rc == LTD_OK) rc = ltd_json_get_string(rope, named, &type, err);
        if (rc == LTD_OK && ltd_json_has(rope, "rope_theta"))
            rc = need_positive(rope, "rope_theta", &theta, err);
        if (rc == LTD_OK && strcmp(type, "llama3") == 0) {
            ltd_eagle3_rope *r = &head->rope;
            rc = need_positive(rope, "factor", &r->factor, err);
            if (rc == LTD_OK) rc = need_positive(rope, "low_freq_factor", &r->low, err);
            if (rc == LTD_OK) rc = need_positive(rope, "high_freq_factor", &r->high, err);
            if (rc == LTD_OK)
                rc = need_positive(rope, "original_max_position_embeddings", &r->original, err);
            if (rc == LTD_OK && r->high <= r->low)
                rc = ltd_fail(err, LTD_EFORMAT, "%s: high_freq_factor is %g, expected above %g",
                              s->name, r->high, r->low);
        } else if (rc == LTD_OK && strcmp(type, "default") != 0) {
            rc = ltd_fail(err, LTD_EUNSUPPORTED,
                          "%s: key '%s' is of type '%.32s', only default and llama3 are handled",
                          s->name, key, type);
        }
    }
    head->config.rope_theta = (float)theta;
    return rc;
}

static const char taps_key[] = "eagle_aux_hidden_state_layer_ids";

/* Three layers of `object`, of which `more` make the layer whose input is meant. */
static int read_taps(ltd_json object, const source *s, int32_t more, int32_t layers,
                     int32_t taps[3], ltd_err *err)
{
    ltd_json ids;
    int rc = ltd_json_get_array(object, taps_key, &ids, err);
    if (rc == LTD_OK && ltd_json_count(ids) != 3)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: %s names %zu layers, expected 3", s->name,
                        taps_key, ltd_json_count(ids));
    for (size_t i = 0; rc == LTD_OK && i < 3; i++) {
        int64_t id = 0;
        rc = ltd_json_as_int(ltd_json_at(ids, i), taps_key, 0, layers - more, &id, err);
        taps[i] = (int32_t)id + more;
    }
    return rc;
}

/* Features are the inputs of layers 2, n/2, n-3 where the head names no others.  vLLM counts so too
 * (0 = the embedding); in eagle_config, SGLang's place for them, a number means that layer's
 * output: one less. */
static int read_layers(ltd_eagle3 *head, const source *s, ltd_err *err)
{
    const ltd_llm_config *t = ltd_llama_config(head->target);
    ltd_json inner = ltd_json_member(s->head, "eagle_config");
    int32_t *taps = head->config.taps, other[3];
    bool aux = true, outer = ltd_json_has(s->head, taps_key);
    if (ltd_json_has(inner, "use_aux_hidden_state") &&
        (ltd_json_get_bool(inner, "use_aux_hidden_state", &aux, NULL) < 0 || !aux))
        return unsupported(s, "use_aux_hidden_state", "true", err);
    int rc = LTD_OK;
    if (outer) rc = read_taps(s->head, s, 0, t->n_layers, taps, err);
    if (rc == LTD_OK && ltd_json_has(inner, taps_key)) {
        rc = read_taps(inner, s, 1, t->n_layers, other, err);
        if (rc == LTD_OK && outer && memcmp(taps, other, sizeof other) != 0)
            return ltd_fail(err, LTD_EFORMAT,
                            "%s: %s names the inputs of layers %d, %d, %d, in eagle_config those "
                            "of %d, %d, %d: expected the same",
                            s->name, taps_key, taps[0], taps[1], taps[2], other[0], other[1],
                            other[2]);
        memcpy(taps, other, sizeof other);
    } else if (rc == LTD_OK && !outer && !ltd_llama_taps(head->target, taps)) {
        rc = ltd_fail(err, LTD_EUNSUPPORTED,
                      "%s: no %s, and model %s has %d layers, EAGLE-3's own need at least 7",
                      s->name, taps_key, ltd_llama_path(head->target), t->n_layers);
    }
    return rc;
}

static int read_extents(ltd_eagle3_config *c, const source *s, ltd_err *err)
{
    double eps = 1e-6;
    int rc = need_i32(s->layer, "hidden_size", &c->hidden, err);
    if (rc == LTD_OK) rc = need_i32(s->layer, "intermediate_size", &c->ffn, err);
    if (rc == LTD_OK) rc = need_i32(s->layer, "num_attention_heads", &c->heads, err);
    if (rc == LTD_OK) rc = need_i32(s->layer, "vocab_size", &c->vocab, err);
    if (rc < 0) return rc;
    c->kv_heads = c->heads;
    c->draft_vocab = c->vocab;
    c->target_hidden = c->hidden;
    rc = get_i32(s->layer, "num_key_value_heads", &c->kv_heads, err);
    if (rc == LTD_OK) rc = get_i32(s->layer, "head_dim", &c->head_dim, err);
    if (rc == LTD_OK) rc = get_i32(s->head, "draft_vocab_size", &c->draft_vocab, err);
    if (rc == LTD_OK) rc = get_i32(s->head, "target_hidden_size", &c->target_hidden, err);
    if (rc == LTD_OK && ltd_json_has(s->layer, "rms_norm_eps"))
        rc = need_positive(s->layer, "rms_norm_eps", &eps, err);
    c->eps = (float)eps;
    if (rc == LTD_OK && c->heads % c->kv_heads)
        rc = ltd_fail(err, LTD_EFORMAT, "%s: %d kv heads don't divide %d heads", s->name,
                      c->kv_heads, c->heads);
    if (rc == LTD_OK && c->heads / c->kv_heads > LTD_ATTN_GROUP)
        rc = ltd_fail(err, LTD_EUNSUPPORTED,
                      "%s: %d heads share %d key/value heads: expected at most %d to share one",
                      s->name, c->heads, c->kv_heads, LTD_ATTN_GROUP);
    if (rc == LTD_OK && c->draft_vocab > c->vocab)
        rc = ltd_fail(err, LTD_EFORMAT, "%s: draft_vocab_size is %d, expected at most %d", s->name,
                      c->draft_vocab, c->vocab);
    return rc;
}

/* vLLM takes true when speculators' layout lacks the key, speculators itself false: so it must be
 * there.  EAGLE's own code knows only false. */
static int read_residual(ltd_eagle3_config *c, const source *s, ltd_err *err)
{
    if (!s->speculators && !ltd_json_has(s->head, "norm_before_residual")) return LTD_OK;
    return ltd_json_get_bool(s->head, "norm_before_residual", &c->norm_before_residual, err);
}

static int check_target(const ltd_eagle3 *head, const char *folder, ltd_err *err)
{
    const ltd_eagle3_config *c = &head->config;
    const ltd_llm_config *t = ltd_llama_config(head->target);
    if (c->target_hidden != t->hidden || c->vocab != t->vocab)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "draft head %s: hidden %d and vocabulary %d, but model %s has %d and %d",
                        folder, c->target_hidden, c->vocab, ltd_llama_path(head->target), t->hidden,
                        t->vocab);
    if (c->hidden % 8 || c->ffn % 4)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "draft head %s: hidden %d, ffn %d: expected multiples of 8 and 4", folder,
                        c->hidden, c->ffn);
    return LTD_OK;
}

int ltd_eagle3_read_config(ltd_eagle3 *head, const char *folder, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_file text;
    ltd_json_doc *doc = NULL;
    if (snprintf(path, sizeof path, "%s/config.json", folder) >= (int)sizeof path)
        return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", folder);
    int rc = ltd_file_map(&text, path, err);
    if (rc == LTD_OK) rc = ltd_json_parse(&doc, path, text.data, text.size, err);
    if (rc == LTD_OK) {
        source s = {.name = path, .head = ltd_json_root(doc)};
        s.layer = s.head;
        s.speculators = ltd_json_has(s.head, "transformer_layer_config");
        if (s.speculators)
            rc = ltd_json_get_object(s.head, "transformer_layer_config", &s.layer, err);
        if (rc == LTD_OK) rc = read_extents(&head->config, &s, err);
        if (rc == LTD_OK) rc = check_target(head, folder, err);
        if (rc == LTD_OK) rc = refuse_others(&s, err);
        if (rc == LTD_OK) rc = read_residual(&head->config, &s, err);
        if (rc == LTD_OK) rc = read_rope(head, &s, err);
        if (rc == LTD_OK) rc = read_layers(head, &s, err);
    }
    ltd_json_free(doc);
    ltd_file_unmap(&text);
    return rc;
}

int ltd_eagle3_settle_heads(ltd_eagle3 *head, int64_t q_rows, ltd_err *err)
{
    ltd_eagle3_config *c = &head->config;
    const ltd_eagle3_rope *r = &head->rope;
    int32_t plain = c->hidden % c->heads ? 0 : c->hidden / c->heads;
    /* EAGLE's code ignored the key head_dim at first: heads of that time were trained without. */
    if (!c->head_dim || (int64_t)c->heads * c->head_dim != q_rows) {
        if (!plain || (int64_t)c->heads * plain != q_rows)
            return ltd_fail(err, LTD_EFORMAT,
                            "%lld rows of queries are not %d heads of %d (head_dim) or of hidden "
                            "size %d / heads",
                            (long long)q_rows, c->heads, c->head_dim, c->hidden);
        c->head_dim = plain;
    }
    if (c->head_dim % 8 || c->head_dim > LTD_MAX_HEAD_DIM)
        return ltd_fail(err, LTD_EUNSUPPORTED, "head_dim is %d, expected a multiple of 8 up to %d",
                        c->head_dim, LTD_MAX_HEAD_DIM);
    int32_t half = c->head_dim / 2;
    if (!(head->rope_div = ltd_mem_zeros((size_t)half, sizeof(float))))
        return ltd_fail(err, LTD_ENOMEM, "no memory");
    for (int32_t i = 0; i < half; i++) {
        double wavelength = 2 * PI * pow((double)c->rope_theta, 2.0 * i / c->head_dim), blend = 1;
        if (r->factor != 1)
            blend = fmin(fmax((r->original / wavelength - r->low) / (r->high - r->low), 0), 1);
        head->rope_div[i] = (float)(1 / ((1 - blend) / r->factor + blend));
    }
    return LTD_OK;
}
