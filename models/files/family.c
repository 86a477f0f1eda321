/* The families, in the order of docs/models.md. */
#include "models/files/family_priv.h"

#include <math.h>
#include <string.h>

static const ltd_family families[] = {
    {.name = "llama", .hf = "llama", .interleaved = true, .theta = 10000, .max_context = 2048},
    {.name = "qwen2", .hf = "qwen2", .qkv_bias = true, .theta = 10000, .max_context = 32768},
    {.name = "qwen3",
     .hf = "qwen3",
     .qk_norm = true,
     .head_dim = 128,
     .theta = 10000,
     .max_context = 32768},
    {.name = "gemma3",
     .hf = "gemma3_text",
     .qk_norm = true,
     .gemma = true,
     .tied = true,
     .head_dim = 256,
     .theta = 1e6,
     .max_context = 131072},
};
enum { N_FAMILIES = sizeof families / sizeof *families };

const ltd_family *ltd_family_find(const char *name, size_t n, bool gguf)
{
    for (int i = 0; i < N_FAMILIES; i++) {
        const char *own = gguf ? families[i].name : families[i].hf;
        if (strlen(own) == n && memcmp(own, name, n) == 0) return &families[i];
    }
    return NULL;
}

void ltd_family_apply(const ltd_family *family, ltd_llm_config *c)
{
    memcpy(c->arch, family->name, strlen(family->name) + 1);
    c->qkv_bias = family->qkv_bias;
    c->qk_norm = family->qk_norm;
    c->post_norms = c->gelu = family->gemma;
    c->embed_scale = family->gemma ? sqrtf((float)c->hidden) : 1;
    c->attn_scale = 1.0f / sqrtf((float)c->head_dim);
}

int ltd_family_window(ltd_llm_config *c, int32_t window, int32_t pattern, const char *where,
                      ltd_err *err)
{
    if (window < 1)
        return ltd_fail(err, LTD_EFORMAT, "%s: the sliding window is %d, expected 1 or more", where,
                        window);
    if (pattern < 1)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: the pattern of sliding layers is %d, expected 1 or more", where,
                        pattern);
    c->window = window;
    for (int32_t i = 0; i < c->n_layers; i++) c->slides[i] = (i + 1) % pattern != 0;
    return LTD_OK;
}
