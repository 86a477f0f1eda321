/* What tells one family of models from another, for both readers of configs.  A family is a row of
 * the table in family.c: flags that turn steps of the one forward on.
 * Private to models/files. */
#ifndef LTD_MODELS_FILES_FAMILY_PRIV_H
#define LTD_MODELS_FILES_FAMILY_PRIV_H

#include "models/files/model_files.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_GEMMA_PATTERN = 6 };       /* every sixth layer sees the whole text */
#define LTD_GEMMA_LOCAL_THETA 10000.0 /* rotary base of the others */

typedef struct ltd_family {
    const char *name; /* general.architecture of GGUF, and ltd_llm_config.arch */
    const char *hf;   /* model_type of config.json */
    bool interleaved; /* rotary pairs in GGUF files */
    bool qkv_bias, qk_norm;
    bool gemma; /* GELU, norms behind attention and MLP, scaled embeddings, sliding layers */
    /* What config.json means when it leaves a key out. */
    bool tied;
    int32_t head_dim; /* 0: hidden / heads */
    double theta;
    int32_t max_context;
} ltd_family;

/* NULL when we don't know it; `name` has n bytes. */
const ltd_family *ltd_family_find(const char *name, size_t n, bool gguf);

/* Flags and scales; hidden and head_dim are set already. */
void ltd_family_apply(const ltd_family *family, ltd_llm_config *config);

/* All layers slide but each `pattern`th.  LTD_EFORMAT. */
int ltd_family_window(ltd_llm_config *config, int32_t window, int32_t pattern, const char *where,
                      ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
