/* The inside of a model, for session.c. */
#ifndef LTD_MODELS_LLM_LLAMA_PRIV_H
#define LTD_MODELS_LLM_LLAMA_PRIV_H

#include "models/llm/llama.h"

/* Matrices with one input, rows below each other: one, or several where their kinds differ. */
typedef struct ltd_stack {
    ltd_packed part[3];
    int32_t parts;
} ltd_stack;

typedef struct ltd_llama_layer {
    float *attn_norm, *ffn_norm; /* [hidden] */
    /* NULL where the family has none. */
    float *qkv_bias;                       /* [(heads + 2 kv_heads) * head_dim] */
    float *q_norm, *k_norm;                /* [head_dim] */
    float *attn_post_norm, *ffn_post_norm; /* [hidden] */
    ltd_stack qkv;     /* [(heads + 2 kv_heads) * head_dim, hidden]: q, k, v rows */
    ltd_packed out;    /* [hidden, heads * head_dim] */
    ltd_stack gate_up; /* [2 ffn, hidden]: gate rows, then up rows */
    ltd_packed down;   /* [hidden, ffn] */
} ltd_llama_layer;

struct ltd_llama {
    ltd_llm_config config;
    char *path;
    char hash[65];
    const char *dtype_name;
    ltd_tokenizer *tokenizer;
    ltd_err no_tokenizer; /* why */
    ltd_pool *pool;
    const ltd_kernels *kernels;
    int32_t activation_bits;
    ltd_arena *arena; /* of all matrices */
    ltd_packed embed; /* [vocab, hidden] */
    ltd_packed head;  /* [vocab, hidden]; unused when tied */
    const ltd_packed *lm_head;
    float embed_scale; /* of rows that enter the first layer */
    float *output_norm;
    ltd_llama_layer *layers;
};

#endif
