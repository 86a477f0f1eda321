/* Names and shapes of the weights, and the ranges of a config. */
#include "models/files/weights_priv.h"

#include <stdio.h>
#include <string.h>

#include "models/files/config_priv.h"

enum { MAX_WIDTH = 1 << 20, MAX_VOCAB = 1 << 24 };

static const struct {
    const char *gguf, *hf; /* without the layer's prefix */
} names[LTD_WEIGHT_COUNT] = {
    [LTD_WEIGHT_EMBED] = {"token_embd.weight", "model.embed_tokens.weight"},
    [LTD_WEIGHT_OUTPUT_NORM] = {"output_norm.weight", "model.norm.weight"},
    [LTD_WEIGHT_OUTPUT] = {"output.weight", "lm_head.weight"},
    [LTD_WEIGHT_ATTN_NORM] = {"attn_norm.weight", "input_layernorm.weight"},
    [LTD_WEIGHT_ATTN_Q] = {"attn_q.weight", "self_attn.q_proj.weight"},
    [LTD_WEIGHT_ATTN_K] = {"attn_k.weight", "self_attn.k_proj.weight"},
    [LTD_WEIGHT_ATTN_V] = {"attn_v.weight", "self_attn.v_proj.weight"},
    [LTD_WEIGHT_ATTN_OUT] = {"attn_output.weight", "self_attn.o_proj.weight"},
    [LTD_WEIGHT_FFN_NORM] = {"ffn_norm.weight", "post_attention_layernorm.weight"},
    [LTD_WEIGHT_FFN_GATE] = {"ffn_gate.weight", "mlp.gate_proj.weight"},
    [LTD_WEIGHT_FFN_UP] = {"ffn_up.weight", "mlp.up_proj.weight"},
    [LTD_WEIGHT_FFN_DOWN] = {"ffn_down.weight", "mlp.down_proj.weight"},
    [LTD_WEIGHT_ATTN_Q_BIAS] = {"attn_q.bias", "self_attn.q_proj.bias"},
    [LTD_WEIGHT_ATTN_K_BIAS] = {"attn_k.bias", "self_attn.k_proj.bias"},
    [LTD_WEIGHT_ATTN_V_BIAS] = {"attn_v.bias", "self_attn.v_proj.bias"},
    [LTD_WEIGHT_ATTN_Q_NORM] = {"attn_q_norm.weight", "self_attn.q_norm.weight"},
    [LTD_WEIGHT_ATTN_K_NORM] = {"attn_k_norm.weight", "self_attn.k_norm.weight"},
    [LTD_WEIGHT_ATTN_POST_NORM] = {"post_attention_norm.weight", "post_attention_layernorm.weight"},
    [LTD_WEIGHT_FFN_POST_NORM] = {"post_ffw_norm.weight", "post_feedforward_layernorm.weight"},
};

bool ltd_weight_belongs(ltd_weight weight, const ltd_llm_config *config)
{
    switch (weight) {
    case LTD_WEIGHT_ATTN_Q_BIAS:
    case LTD_WEIGHT_ATTN_K_BIAS:
    case LTD_WEIGHT_ATTN_V_BIAS: return config->qkv_bias;
    case LTD_WEIGHT_ATTN_Q_NORM:
    case LTD_WEIGHT_ATTN_K_NORM: return config->qk_norm;
    case LTD_WEIGHT_ATTN_POST_NORM:
    case LTD_WEIGHT_FFN_POST_NORM: return config->post_norms;
    default: return true;
    }
}

void ltd_weight_file_name(char ret[LTD_WEIGHT_NAME], ltd_weight weight, int layer,
                          const ltd_llm_config *config, bool gguf)
{
    const char *name = gguf ? names[weight].gguf : names[weight].hf;
    /* Without norms behind attention, Hugging Face calls the one before the MLP "post attention".
     */
    if (!gguf && weight == LTD_WEIGHT_FFN_NORM && config->post_norms)
        name = "pre_feedforward_layernorm.weight";
    if (weight < LTD_WEIGHT_ATTN_NORM)
        snprintf(ret, LTD_WEIGHT_NAME, "%s", name);
    else
        snprintf(ret, LTD_WEIGHT_NAME, gguf ? "blk.%d.%s" : "model.layers.%d.%s", layer, name);
}

/* dims[0] x dims[1]; dims[1] is 0 for a vector. */
static void shape_of(int64_t dims[2], ltd_weight weight, const ltd_llm_config *c)
{
    int64_t q = (int64_t)c->n_heads * c->head_dim, kv = (int64_t)c->n_kv_heads * c->head_dim;
    int64_t rows = c->hidden, cols = c->hidden;
    switch (weight) {
    case LTD_WEIGHT_EMBED:
    case LTD_WEIGHT_OUTPUT: rows = c->vocab; break;
    case LTD_WEIGHT_ATTN_Q: rows = q; break;
    case LTD_WEIGHT_ATTN_K:
    case LTD_WEIGHT_ATTN_V: rows = kv; break;
    case LTD_WEIGHT_ATTN_OUT: cols = q; break;
    case LTD_WEIGHT_FFN_GATE:
    case LTD_WEIGHT_FFN_UP: rows = c->ffn; break;
    case LTD_WEIGHT_FFN_DOWN: cols = c->ffn; break;
    case LTD_WEIGHT_ATTN_Q_BIAS: rows = q, cols = 0; break;
    case LTD_WEIGHT_ATTN_K_BIAS:
    case LTD_WEIGHT_ATTN_V_BIAS: rows = kv, cols = 0; break;
    case LTD_WEIGHT_ATTN_Q_NORM:
    case LTD_WEIGHT_ATTN_K_NORM: rows = c->head_dim, cols = 0; break;
    default: cols = 0; break; /* the norms */
    }
    dims[0] = rows;
    dims[1] = cols;
}

static bool is_readable(ltd_dtype dtype)
{
    return dtype <= LTD_DTYPE_F64 || dtype >= LTD_DTYPE_Q4_0;
}

int ltd_weight_check(const ltd_tensor_view *view, ltd_weight weight, const ltd_llm_config *config,
                     const char *where, ltd_err *err)
{
    int64_t dims[2];
    shape_of(dims, weight, config);
    int n = dims[1] ? 2 : 1;
    if (view->n_dims != n || view->dims[0] != dims[0] || (n == 2 && view->dims[1] != dims[1])) {
        char found[96] = "", expected[48];
        for (int i = 0; i < view->n_dims && i < 4; i++)
            snprintf(found + strlen(found), sizeof found - strlen(found), "%s%lld", i ? " x " : "",
                     (long long)view->dims[i]);
        snprintf(expected, sizeof expected, n == 2 ? "%lld x %lld" : "%lld", (long long)dims[0],
                 (long long)dims[1]);
        return ltd_fail(err, LTD_EFORMAT, "%s: weight %s is %s, expected %s", where, view->name,
                        found, expected);
    }
    if (!is_readable(view->dtype))
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: weight %s is of type %s, which is not handled",
                        where, view->name, ltd_dtype_name(view->dtype));
    return LTD_OK;
}

bool ltd_weight_is_spare(const char *name, const ltd_llm_config *config, bool gguf)
{
    if (gguf) return config->rope_interleaved && strcmp(name, "rope_freqs.weight") == 0;
    /* Old checkpoints store the rotary frequencies, which follow from the config. */
    static const char inv_freq[] = "rotary_emb.inv_freq";
    size_t n = strlen(name), m = sizeof inv_freq - 1;
    if (n >= m && strcmp(name + n - m, inv_freq) == 0) return true;
    return config->tied && strcmp(name, names[LTD_WEIGHT_OUTPUT].hf) == 0;
}

int ltd_llm_config_check(const ltd_llm_config *c, const char *where, ltd_err *err)
{
    const struct {
        const char *what;
        int32_t value, max;
    } ranges[] = {
        {"the number of layers", c->n_layers, LTD_MAX_LAYERS},
        {"the hidden width", c->hidden, MAX_WIDTH},
        {"the width of the MLP", c->ffn, MAX_WIDTH},
        {"the number of heads", c->n_heads, MAX_WIDTH},
        {"the number of key/value heads", c->n_kv_heads, MAX_WIDTH},
        {"the width of a head", c->head_dim, LTD_MAX_HEAD_DIM},
        {"the size of the vocabulary", c->vocab, MAX_VOCAB},
        {"the context length", c->max_context, INT32_MAX},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (ranges[i].value < 1 || ranges[i].value > ranges[i].max)
            return ltd_fail(err, LTD_EFORMAT, "%s: %s is %d, expected 1 to %d", where,
                            ranges[i].what, ranges[i].value, ranges[i].max);
    if (c->head_dim % 2)
        return ltd_fail(err, LTD_EFORMAT, "%s: the width of a head is %d, expected an even number",
                        where, c->head_dim);
    if (c->n_heads % c->n_kv_heads)
        return ltd_fail(err, LTD_EFORMAT, "%s: %d key/value heads do not divide %d heads", where,
                        c->n_kv_heads, c->n_heads);
    return LTD_OK;
}
