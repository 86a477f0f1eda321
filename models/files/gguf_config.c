/* The config of a GGUF model.  Keys that would change the arithmetic and that we don't follow are
 * refused by name; those that don't (names, quantisation notes, tokenizer) are left alone. */
#include "models/files/config_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/files/family_priv.h"
#include "models/files/gguf_priv.h"

/* Most keys begin with the family's name. */
typedef struct reader {
    const ltd_gguf *file;
    const char *path;
    const ltd_family *family;
    char key[96];
    ltd_err *err;
} reader;

/* "llama.block_count" of "block_count"; good until the next call. */
static const char *key_of(reader *r, const char *name)
{
    snprintf(r->key, sizeof r->key, "%s.%s", r->family->name, name);
    return r->key;
}

static int get_i32(const reader *r, const char *key, int32_t *ret)
{
    int64_t v = 0;
    int rc = ltd_gguf_get_i64(r->file, key, &v, r->err);
    if (rc != LTD_OK) return rc;
    if (v < INT32_MIN || v > INT32_MAX)
        return ltd_fail(r->err, LTD_EFORMAT, "%s: %s is %lld, expected 32 bits", r->path, key,
                        (long long)v);
    *ret = (int32_t)v;
    return LTD_OK;
}

static int need_i32(const reader *r, const char *key, int32_t *ret)
{
    int rc = get_i32(r, key, ret);
    if (rc != LTD_GGUF_ABSENT) return rc;
    return ltd_fail(r->err, LTD_EFORMAT, "%s: has no metadata key %s", r->path, key);
}

/* Takes the default in *ret when the key is absent. */
static int get_f32(const reader *r, const char *key, float *ret)
{
    double v = *ret;
    int rc = ltd_gguf_get_f64(r->file, key, &v, r->err);
    if (rc < 0) return rc;
    if (!isfinite((float)v) || (float)v <= 0)
        return ltd_fail(r->err, LTD_EFORMAT, "%s: %s is %g, expected a positive number", r->path,
                        key, v);
    *ret = (float)v;
    return LTD_OK;
}

static int find_family(reader *r)
{
    ltd_gguf_string arch = {0};
    int rc = ltd_gguf_get_string(r->file, "general.architecture", &arch, r->err);
    if (rc < 0) return rc;
    if (rc == LTD_GGUF_ABSENT)
        return ltd_fail(r->err, LTD_EFORMAT, "%s: has no general.architecture: no model", r->path);
    r->family = ltd_family_find(arch.data, arch.len, true);
    if (r->family) return LTD_OK;
    return ltd_fail(r->err, LTD_EUNSUPPORTED,
                    "%s: is a model of the %s family, only llama, qwen2, qwen3 and gemma3 are "
                    "handled",
                    r->path, ltd_gguf_label_of(arch).text);
}

/* Metadata that, unless it has the value given here, asks for something we don't do. */
static int refuse_others(reader *r, const ltd_llm_config *c)
{
    const struct {
        const char *name;
        double neutral;
    } keys[] = {
        {"expert_count", 0},
        {"attention.sliding_window", c->window},
        {"attention.scale", 0},
        {"attention.max_alibi_bias", 0},
        {"attention.clamp_kqv", 0},
        {"attention.causal", 1},
        {"attn_logit_softcapping", 0},
        {"final_logit_softcapping", 0},
        {"use_parallel_residual", 0},
        {"logit_scale", 1},
        {"embedding_scale", 1},
        {"residual_scale", 1},
        {"rope.scaling.attn_factor", 1},
        {"rope.dimension_count", c->head_dim},
        {"attention.value_length", c->head_dim},
        {"rope.dimension_count_swa", c->head_dim},
        {"attention.key_length_swa", c->head_dim},
        {"attention.value_length_swa", c->head_dim},
        {"vocab_size", c->vocab},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const ltd_gguf_value *value = ltd_gguf_find(r->file, key_of(r, keys[i].name));
        if (!value) continue;
        double v = ltd_gguf_number(value, 0);
        if (value->is_array || v != keys[i].neutral)
            return ltd_fail(r->err, LTD_EUNSUPPORTED, "%s: %s is %g, only %g is handled", r->path,
                            r->key, v, keys[i].neutral);
    }
    return LTD_OK;
}

/* rope_freqs.weight gives each frequency its own divisor (Llama 3.1). */
static int read_rope_freqs(const reader *r, ltd_llm_config *c)
{
    const ltd_tensor_view *freqs = ltd_gguf_tensor(r->file, "rope_freqs.weight");
    if (!freqs) return LTD_OK;
    int n = c->head_dim / 2;
    if (freqs->n_dims != 1 || freqs->dims[0] != n || freqs->dtype != LTD_DTYPE_F32)
        return ltd_fail(r->err, LTD_EFORMAT,
                        "%s: rope_freqs.weight has %lld of %s, expected %d of F32", r->path,
                        (long long)ltd_tensor_view_count(freqs), ltd_dtype_name(freqs->dtype), n);
    for (int i = 0; i < n; i++) {
        float div;
        memcpy(&div, (const char *)freqs->data + 4 * i, sizeof div);
        if (!isfinite(div) || div <= 0)
            return ltd_fail(r->err, LTD_EFORMAT,
                            "%s: rope_freqs.weight[%d] is %g, expected above 0", r->path, i,
                            (double)div);
        c->rope_div[i] *= div;
    }
    return LTD_OK;
}

/* rope.scaling.type linear (or the older rope.scale_linear) divides every frequency alike. */
static int read_rope(reader *r, ltd_llm_config *c)
{
    float factor = 1;
    int rc = get_f32(r, key_of(r, "rope.freq_base"), &c->rope_theta);
    if (rc >= 0) rc = get_f32(r, key_of(r, "rope.scale_linear"), &factor);
    if (rc < 0) return rc;
    ltd_gguf_string type = {"none", 4};
    if ((rc = ltd_gguf_get_string(r->file, key_of(r, "rope.scaling.type"), &type, r->err)) < 0)
        return rc;
    if (type.len == 6 && memcmp(type.data, "linear", 6) == 0) {
        if ((rc = get_f32(r, key_of(r, "rope.scaling.factor"), &factor)) < 0) return rc;
    } else if (type.len != 4 || memcmp(type.data, "none", 4) != 0) {
        return ltd_fail(r->err, LTD_EUNSUPPORTED,
                        "%s: rope scaling '%s' is not handled, only linear", r->path,
                        ltd_gguf_label_of(type).text);
    }
    for (int i = 0; i < c->head_dim / 2; i++) c->rope_div[i] = factor;
    return r->family->interleaved ? read_rope_freqs(r, c) : LTD_OK;
}

/* Which layers slide: by rule unless the file says.  A number is the period, an array lists the
 * layers. */
static int read_pattern(reader *r, ltd_llm_config *c, int32_t window)
{
    int32_t pattern = LTD_GEMMA_PATTERN;
    const ltd_gguf_value *list =
        ltd_gguf_find(r->file, key_of(r, "attention.sliding_window_pattern"));
    bool is_list = list && list->is_array;
    int rc = is_list ? LTD_OK : get_i32(r, r->key, &pattern);
    if (rc >= 0) rc = ltd_family_window(c, window, pattern, r->path, r->err);
    if (rc < 0 || !is_list) return rc;
    if (list->type == LTD_GGUF_STRING || list->count != (uint64_t)c->n_layers)
        return ltd_fail(r->err, LTD_EFORMAT, "%s: %s has %llu entries, expected %d flags", r->path,
                        r->key, (unsigned long long)list->count, c->n_layers);
    for (int32_t i = 0; i < c->n_layers; i++)
        c->slides[i] = ltd_gguf_number(list, (uint64_t)i) != 0;
    return LTD_OK;
}

/* What files of Gemma 3 don't say was fixed with the format. */
static int read_gemma(reader *r, ltd_llm_config *c)
{
    enum {
        LAYERS_OF_27B = 62
    }; /* its scores are scaled as if hidden / heads were the head's width */
    if (c->n_layers == LAYERS_OF_27B)
        c->attn_scale = 1.0f / sqrtf((float)c->hidden / (float)c->n_heads);
    int32_t window = 0;
    c->rope_local_theta = (float)LTD_GEMMA_LOCAL_THETA;
    int rc = need_i32(r, key_of(r, "attention.sliding_window"), &window);
    if (rc >= 0) rc = get_f32(r, key_of(r, "rope.freq_base_swa"), &c->rope_local_theta);
    return rc < 0 ? rc : read_pattern(r, c, window);
}

static int read_extents(reader *r, ltd_llm_config *c)
{
    const struct {
        const char *name;
        int32_t *ret;
    } needed[] = {
        {"block_count", &c->n_layers},       {"embedding_length", &c->hidden},
        {"feed_forward_length", &c->ffn},    {"attention.head_count", &c->n_heads},
        {"context_length", &c->max_context},
    };
    int rc;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if ((rc = need_i32(r, key_of(r, needed[i].name), needed[i].ret)) < 0) return rc;
    c->n_kv_heads = c->n_heads;
    if ((rc = get_i32(r, key_of(r, "attention.head_count_kv"), &c->n_kv_heads)) < 0) return rc;
    c->head_dim = c->n_heads > 0 ? c->hidden / c->n_heads : 0;
    if ((rc = get_i32(r, key_of(r, "attention.key_length"), &c->head_dim)) < 0) return rc;
    const ltd_tensor_view *embed = ltd_gguf_tensor(r->file, "token_embd.weight");
    if (!embed || embed->n_dims != 2 || embed->dims[0] > INT32_MAX)
        return ltd_fail(r->err, LTD_EFORMAT, "%s: has no matrix token_embd.weight", r->path);
    c->vocab = (int32_t)embed->dims[0];
    return LTD_OK;
}

static int read_norms_and_tokens(reader *r, ltd_llm_config *c)
{
    const char *eps = key_of(r, "attention.layer_norm_rms_epsilon");
    if (!ltd_gguf_find(r->file, eps))
        return ltd_fail(r->err, LTD_EFORMAT, "%s: has no metadata key %s", r->path, eps);
    int rc = get_f32(r, eps, &c->rms_eps);
    if (rc >= 0) rc = get_i32(r, "tokenizer.ggml.bos_token_id", &c->bos);
    if (rc >= 0) rc = get_i32(r, "tokenizer.ggml.eos_token_id", &c->eos);
    if (rc >= 0) rc = get_i32(r, "tokenizer.ggml.padding_token_id", &c->pad);
    return rc < 0 ? rc : LTD_OK;
}

int ltd_config_from_gguf(ltd_llm_config *ret, const ltd_gguf *file, ltd_err *err)
{
    ltd_llm_config c = {.rope_theta = 10000, .bos = -1, .eos = -1, .pad = -1};
    reader r = {.file = file, .path = ltd_gguf_path(file), .err = err};
    int rc = find_family(&r);
    if (rc == LTD_OK) rc = read_extents(&r, &c);
    if (rc == LTD_OK) rc = ltd_llm_config_check(&c, r.path, err);
    if (rc < 0) return rc;
    ltd_family_apply(r.family, &c);
    c.rope_interleaved = r.family->interleaved;
    if (r.family->gemma) rc = read_gemma(&r, &c);
    if (rc == LTD_OK) rc = refuse_others(&r, &c);
    if (rc == LTD_OK) rc = read_rope(&r, &c);
    if (rc == LTD_OK) rc = read_norms_and_tokens(&r, &c);
    if (rc < 0) return rc;
    c.tied = !ltd_gguf_tensor(file, "output.weight");
    *ret = c;
    return LTD_OK;
}
