/* A target model on disk, whatever its form: a GGUF file, or a folder with config.json and
 * safetensors (one file or sharded by model.safetensors.index.json).  Gives one config and one way
 * to ask for a weight; knows nothing of kernels or arithmetic.
 *
 *     ltd_model_files *files;
 *     if (ltd_model_files_open(&files, path, &err) < 0) ...
 *     const ltd_llm_config *c = ltd_model_files_config(files);
 *     ltd_tensor_view q;
 *     if (ltd_model_files_weight(files, LTD_WEIGHT_ATTN_Q, 3, &q, &err) < 0) ...
 *
 * A model that we can't run exactly is refused with the reason (LTD_EUNSUPPORTED).
 * Thread rule: immutable once open. */
#ifndef LTD_MODELS_FILES_MODEL_FILES_H
#define LTD_MODELS_FILES_MODEL_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "models/files/dtype.h"
#include "models/files/gguf.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_model_files ltd_model_files;

enum { LTD_MAX_HEAD_DIM = 512, LTD_MAX_LAYERS = 1024 };

/* What a decoder needs to know; extents in elements. */
typedef struct ltd_llm_config {
    char arch[32];       /* "llama", "qwen2", "qwen3", "gemma3" */
    int32_t n_layers;    /* decoder layers */
    int32_t hidden;      /* width of the residual stream */
    int32_t ffn;         /* width of the gated MLP */
    int32_t n_heads;     /* query heads */
    int32_t n_kv_heads;  /* key/value heads, divides n_heads */
    int32_t head_dim;    /* per head, even */
    int32_t vocab;       /* rows of the embedding */
    int32_t max_context; /* positions the model was trained for */
    float rms_eps;
    float rope_theta;
    bool rope_interleaved; /* pairs (2i, 2i+1): llama-arch GGUF; else (i, i + head_dim/2): HF */
    bool tied;             /* the head is the embedding */
    /* Divisor of each rotary frequency [head_dim / 2]: 1 without scaling; Llama 3.1's rule or the
     * file's rope_freqs otherwise. */
    float rope_div[LTD_MAX_HEAD_DIM / 2];
    int32_t bos, eos, pad; /* token ids, -1 when absent */

    /* What families differ in; all off for Llama. */
    bool qkv_bias;       /* q, k and v add a bias */
    bool qk_norm;        /* each head of q and k is normalised before it is rotated */
    bool post_norms;     /* what attention and MLP give is normalised before it is added */
    bool gelu;           /* the MLP's gate is GELU (its tanh form), else SiLU */
    bool norms_less_one; /* the files hold the norms' weights less 1 (Gemma of Hugging Face) */
    float embed_scale;   /* of the embedding's rows where they enter the first layer; else 1 */
    bool embed_rounded;  /* that scale is rounded to the type of the embedding's weights */
    float attn_scale;    /* of scores: 1 / sqrt(head_dim) unless the config says otherwise */
    int32_t window;      /* last keys that a sliding layer sees, its own included; 0: none slide */
    float rope_local_theta;      /* of the sliding layers, where no divisor applies */
    bool slides[LTD_MAX_LAYERS]; /* [n_layers] */
} ltd_llm_config;

typedef enum ltd_weight {
    LTD_WEIGHT_EMBED,       /* [vocab, hidden] */
    LTD_WEIGHT_OUTPUT_NORM, /* [hidden] */
    LTD_WEIGHT_OUTPUT,      /* [vocab, hidden]; the embedding when tied */
    LTD_WEIGHT_ATTN_NORM,   /* [hidden] */
    LTD_WEIGHT_ATTN_Q,      /* [n_heads * head_dim, hidden] */
    LTD_WEIGHT_ATTN_K,      /* [n_kv_heads * head_dim, hidden] */
    LTD_WEIGHT_ATTN_V,      /* [n_kv_heads * head_dim, hidden] */
    LTD_WEIGHT_ATTN_OUT,    /* [hidden, n_heads * head_dim] */
    LTD_WEIGHT_FFN_NORM,    /* [hidden] */
    LTD_WEIGHT_FFN_GATE,    /* [ffn, hidden] */
    LTD_WEIGHT_FFN_UP,      /* [ffn, hidden] */
    LTD_WEIGHT_FFN_DOWN,    /* [hidden, ffn] */
    /* Those that only some families have: */
    LTD_WEIGHT_ATTN_Q_BIAS,    /* [n_heads * head_dim] */
    LTD_WEIGHT_ATTN_K_BIAS,    /* [n_kv_heads * head_dim] */
    LTD_WEIGHT_ATTN_V_BIAS,    /* [n_kv_heads * head_dim] */
    LTD_WEIGHT_ATTN_Q_NORM,    /* [head_dim] */
    LTD_WEIGHT_ATTN_K_NORM,    /* [head_dim] */
    LTD_WEIGHT_ATTN_POST_NORM, /* [hidden] */
    LTD_WEIGHT_FFN_POST_NORM,  /* [hidden] */
    LTD_WEIGHT_COUNT
} ltd_weight;

enum { LTD_WEIGHT_NONE = 1 }; /* condition of ltd_model_files_weight: the family has no such one */

/* Open and check: every weight is there with the right shape.  `path` is a .gguf file or a folder.
 */
int ltd_model_files_open(ltd_model_files **ret, const char *path, ltd_err *err);
void ltd_model_files_close(ltd_model_files *files);
/* Let the mapped pages go, after the weights have been packed. */
void ltd_model_files_forget(const ltd_model_files *files);

const ltd_llm_config *ltd_model_files_config(const ltd_model_files *files);
/* The view of a weight; `layer` is ignored for those outside the layers.  0, LTD_WEIGHT_NONE (*ret
 * untouched) or LTD_EINVAL. */
int ltd_model_files_weight(const ltd_model_files *files, ltd_weight weight, int layer,
                           ltd_tensor_view *ret, ltd_err *err);
/* The GGUF file behind, NULL for a folder. */
const ltd_gguf *ltd_model_files_gguf(const ltd_model_files *files);
const char *ltd_model_files_path(const ltd_model_files *files);
/* Bytes of all weight files. */
uint64_t ltd_model_files_bytes(const ltd_model_files *files);
/* SHA-256 of the (first) weight file, computed on the first call of ltd_model_files_hash; 64 hex
 * digits. */
int ltd_model_files_hash(const ltd_model_files *files, char hex[65], ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
