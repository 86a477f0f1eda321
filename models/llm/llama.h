/* The target model: weights packed for the kernels.  Immutable once open; sessions hold what moves.
 *
 *     ltd_llama *model;
 *     ltd_llama_options opt = LTD_LLAMA_DEFAULTS;
 *     if (ltd_llama_open(&model, path, &opt, &err) < 0) ...
 *
 * Thread rule: any number of sessions may share a model, but its thread pool serves one call at a
 * time. */
#ifndef LTD_MODELS_LLM_LLAMA_H
#define LTD_MODELS_LLM_LLAMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/status.h"
#include "models/files/model_files.h"
#include "models/kernels/kernels.h"
#include "models/kernels/pool.h"
#include "models/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_load_dtype {
    LTD_LOAD_FILE, /* weights as they are in the file */
    LTD_LOAD_F32,  /* widened to floats, float arithmetic: the reference */
    LTD_LOAD_F16,  /* rounded to halves, float arithmetic */
    LTD_LOAD_Q8,   /* rounded to Q8_0 */
    LTD_LOAD_Q4,   /* rounded to Q4_1, embedding and head to Q8_0; target models only */
    LTD_LOAD_COUNT
} ltd_load_dtype;

typedef struct ltd_llama_options {
    ltd_load_dtype dtype;       /* matrices that don't divide into blocks of 32 become halves */
    int32_t activation_bits;    /* 16 or 8: integers beside quantised weights */
    int32_t threads;            /* 0 = all processors */
    const ltd_kernels *kernels; /* NULL = ltd_kernels_choose() */
} ltd_llama_options;

/* clang-format off */
#define LTD_LLAMA_DEFAULTS {LTD_LOAD_FILE, 8, 0, 0}
/* clang-format on */

typedef struct ltd_llama ltd_llama;

/* Load a GGUF file or an HF folder.  LTD_EIO, LTD_EFORMAT, LTD_EUNSUPPORTED, LTD_ENOMEM.  *ret
 * owned. */
int ltd_llama_open(ltd_llama **ret, const char *path, const ltd_llama_options *options,
                   ltd_err *err);
void ltd_llama_close(ltd_llama *model);

const ltd_llm_config *ltd_llama_config(const ltd_llama *model);
const char *ltd_llama_path(const ltd_llama *model);
const char *ltd_llama_hash(const ltd_llama *model); /* SHA-256 of the weights, hex */
/* NULL when file or folder carries none, or one that can't be used: the weights serve without. */
const ltd_tokenizer *ltd_llama_tokenizer(const ltd_llama *model);
/* Why there is none, "" when there is one; borrowed. */
const char *ltd_llama_tokenizer_error(const ltd_llama *model);
ltd_pool *ltd_llama_pool(const ltd_llama *model);
const ltd_kernels *ltd_llama_kernels(const ltd_llama *model);
int32_t ltd_llama_activation_bits(const ltd_llama *model);
size_t ltd_llama_bytes(const ltd_llama *model); /* of packed weights */
/* "Q4_1", "F32": the type of the layers' matrices as they are computed; static. */
const char *ltd_llama_dtype_name(const ltd_llama *model);

/* Layers whose inputs are EAGLE-3's features: 2, n/2, n-3.  Fewer than 7 layers can't have them:
 * returns 0, else 3. */
int ltd_llama_taps(const ltd_llama *model, int32_t taps[3]);
/* Row of the embedding widened to f32 [hidden], as the file has it: what draft heads read.  The
 * first layer of some families gets it scaled (ltd_llm_config.embed_scale). */
void ltd_llama_embed(const ltd_llama *model, int32_t token, float *ret);

/* Weights widened to f32, for what is trained from them: */
void ltd_llama_head_row(const ltd_llama *model, int32_t token, float *ret); /* [hidden] */
const float *ltd_llama_output_norm(const ltd_llama *model);                 /* [hidden] */
typedef enum ltd_layer_part {
    LTD_LAYER_QKV,       /* [(heads + 2 kv_heads) * head_dim, hidden]: rows of q, k, v */
    LTD_LAYER_OUT,       /* [hidden, heads * head_dim] */
    LTD_LAYER_GATE_UP,   /* [2 ffn, hidden]: rows of gate, up */
    LTD_LAYER_DOWN,      /* [hidden, ffn] */
    LTD_LAYER_ATTN_NORM, /* [hidden] */
    LTD_LAYER_FFN_NORM,  /* [hidden] */
} ltd_layer_part;
void ltd_llama_layer_part(const ltd_llama *model, int32_t layer, ltd_layer_part part, float *ret);

#ifdef __cplusplus
}
#endif
#endif
