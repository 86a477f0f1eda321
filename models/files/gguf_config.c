/* The config of a GGUF model.  Keys that would change the arithmetic and that we don't follow are
 * refused by name; those that don't (names, quantisation notes, tokenizer) are left alone. */
#include "models/files/config_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/files/gguf_priv.h"

#define ARCH "llama"

static int get_i32(const ltd_gguf *file, const char *key, int32_t *ret, ltd_err *err)
{
    int64_t v = 0;
    int rc = ltd_gguf_get_i64(file, key, &v, err);
    if (rc != LTD_OK) return rc;
    if (v < INT32_MIN || v > INT32_MAX)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s is %lld, expected 32 bits", ltd_gguf_path(file),
                        key, (long long)v);
    *ret = (int32_t)v;
    return LTD_OK;
}

static int need_i32(const ltd_gguf *file, const char *key, int32_t *ret, ltd_err *err)
{
    int rc = get_i32(file, key, ret, err);
    if (rc != LTD_GGUF_ABSENT) return rc;
    return ltd_fail(err, LTD_EFORMAT, "%s: has no metadata key %s", ltd_gguf_path(file), key);
}

/* Takes the default in *ret when the key is absent. */
static int get_f32(const ltd_gguf *file, const char *key, float *ret, ltd_err *err)
{
    double v = *ret;
    int rc = ltd_gguf_get_f64(file, key, &v, err);
    if (rc < 0) return rc;
    if (!isfinite(v) || v <= 0)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s is %g, expected a positive number",
                        ltd_gguf_path(file), key, v);
    *ret = (float)v;
    return LTD_OK;
}

static int check_arch(const ltd_gguf *file, ltd_err *err)
{
    ltd_gguf_string arch = {0};
    int rc = ltd_gguf_get_string(file, "general.architecture", &arch, err);
    if (rc < 0) return rc;
    if (rc == LTD_GGUF_ABSENT)
        return ltd_fail(err, LTD_EFORMAT, "%s: has no general.architecture: no model",
                        ltd_gguf_path(file));
    if (arch.len != strlen(ARCH) || memcmp(arch.data, ARCH, arch.len) != 0)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: is a model of the %s family, only " ARCH " is handled",
                        ltd_gguf_path(file), ltd_gguf_label_of(arch).text);
    return LTD_OK;
}

/* Metadata that, unless it has the value given here, asks for something we don't do. */
static int refuse_others(const ltd_gguf *file, const ltd_llm_config *c, ltd_err *err)
{
    const struct {
        const char *key;
        double neutral;
    } keys[] = {
        {ARCH ".expert_count", 0},
        {ARCH ".attention.sliding_window", 0},
        {ARCH ".attention.scale", 0},
        {ARCH ".attention.max_alibi_bias", 0},
        {ARCH ".attention.clamp_kqv", 0},
        {ARCH ".use_parallel_residual", 0},
        {ARCH ".logit_scale", 1},
        {ARCH ".embedding_scale", 1},
        {ARCH ".residual_scale", 1},
        {ARCH ".rope.scaling.attn_factor", 1},
        {ARCH ".rope.dimension_count", c->head_dim},
        {ARCH ".attention.value_length", c->head_dim},
        {ARCH ".vocab_size", c->vocab},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const ltd_gguf_value *value = ltd_gguf_find(file, keys[i].key);
        if (!value) continue;
        double v = ltd_gguf_number(value, 0);
        if (value->is_array || v != keys[i].neutral)
            return ltd_fail(err, LTD_EUNSUPPORTED, "%s: %s is %g, only %g is handled",
                            ltd_gguf_path(file), keys[i].key, v, keys[i].neutral);
    }
    return LTD_OK;
}

/* rope.scaling.type linear (or the older rope.scale_linear) divides every frequency alike;
 * rope_freqs.weight gives each its own divisor. */
static int read_rope(ltd_llm_config *c, const ltd_gguf *file, ltd_err *err)
{
    const char *path = ltd_gguf_path(file);
    float factor = 1;
    int rc = get_f32(file, ARCH ".rope.scale_linear", &factor, err);
    if (rc < 0) return rc;
    ltd_gguf_string type = {"none", 4};
    if ((rc = ltd_gguf_get_string(file, ARCH ".rope.scaling.type", &type, err)) < 0) return rc;
    if (type.len == 6 && memcmp(type.data, "linear", 6) == 0) {
        if ((rc = get_f32(file, ARCH ".rope.scaling.factor", &factor, err)) < 0) return rc;
    } else if (type.len != 4 || memcmp(type.data, "none", 4) != 0) {
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: rope scaling '%s' is not handled, only linear",
                        path, ltd_gguf_label_of(type).text);
    }
    int n = c->head_dim / 2;
    for (int i = 0; i < n; i++) c->rope_div[i] = factor;
    const ltd_tensor_view *freqs = ltd_gguf_tensor(file, "rope_freqs.weight");
    if (!freqs) return LTD_OK;
    if (freqs->n_dims != 1 || freqs->dims[0] != n || freqs->dtype != LTD_DTYPE_F32)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: rope_freqs.weight has %lld of %s, expected %d of F32", path,
                        (long long)ltd_tensor_view_count(freqs), ltd_dtype_name(freqs->dtype), n);
    for (int i = 0; i < n; i++) {
        float div;
        memcpy(&div, (const char *)freqs->data + 4 * i, sizeof div);
        if (!isfinite(div) || div <= 0)
            return ltd_fail(err, LTD_EFORMAT, "%s: rope_freqs.weight[%d] is %g, expected above 0",
                            path, i, (double)div);
        c->rope_div[i] *= div;
    }
    return LTD_OK;
}

static int read_extents(ltd_llm_config *c, const ltd_gguf *file, ltd_err *err)
{
    const struct {
        const char *key;
        int32_t *ret;
    } needed[] = {
        {ARCH ".block_count", &c->n_layers},       {ARCH ".embedding_length", &c->hidden},
        {ARCH ".feed_forward_length", &c->ffn},    {ARCH ".attention.head_count", &c->n_heads},
        {ARCH ".context_length", &c->max_context},
    };
    int rc;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if ((rc = need_i32(file, needed[i].key, needed[i].ret, err)) < 0) return rc;
    c->n_kv_heads = c->n_heads;
    if ((rc = get_i32(file, ARCH ".attention.head_count_kv", &c->n_kv_heads, err)) < 0) return rc;
    c->head_dim = c->n_heads > 0 ? c->hidden / c->n_heads : 0;
    if ((rc = get_i32(file, ARCH ".attention.key_length", &c->head_dim, err)) < 0) return rc;
    const ltd_tensor_view *embed = ltd_gguf_tensor(file, "token_embd.weight");
    if (!embed || embed->n_dims != 2 || embed->dims[0] > INT32_MAX)
        return ltd_fail(err, LTD_EFORMAT, "%s: has no matrix token_embd.weight",
                        ltd_gguf_path(file));
    c->vocab = (int32_t)embed->dims[0];
    return LTD_OK;
}

int ltd_config_from_gguf(ltd_llm_config *ret, const ltd_gguf *file, ltd_err *err)
{
    ltd_llm_config c = {.arch = ARCH, .rope_theta = 10000, .rope_interleaved = true};
    c.bos = c.eos = c.pad = -1;
    int rc = check_arch(file, err);
    if (rc == LTD_OK) rc = read_extents(&c, file, err);
    if (rc == LTD_OK) rc = ltd_llm_config_check(&c, ltd_gguf_path(file), err);
    if (rc == LTD_OK) rc = refuse_others(file, &c, err);
    if (rc == LTD_OK) rc = get_f32(file, ARCH ".rope.freq_base", &c.rope_theta, err);
    if (rc == LTD_OK) rc = read_rope(&c, file, err);
    if (rc < 0) return rc;
    c.rms_eps = 0;
    if (!ltd_gguf_find(file, ARCH ".attention.layer_norm_rms_epsilon"))
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: has no metadata key " ARCH ".attention.layer_norm_rms_epsilon",
                        ltd_gguf_path(file));
    rc = get_f32(file, ARCH ".attention.layer_norm_rms_epsilon", &c.rms_eps, err);
    if (rc >= 0) rc = get_i32(file, "tokenizer.ggml.bos_token_id", &c.bos, err);
    if (rc >= 0) rc = get_i32(file, "tokenizer.ggml.eos_token_id", &c.eos, err);
    if (rc >= 0) rc = get_i32(file, "tokenizer.ggml.padding_token_id", &c.pad, err);
    if (rc < 0) return rc;
    c.tied = !ltd_gguf_tensor(file, "output.weight");
    *ret = c;
    return LTD_OK;
}
