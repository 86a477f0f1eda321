/* The inside of a draft head, for draft.c and the parts of the loader. */
#ifndef LTD_MODELS_LLM_EAGLE3_PRIV_H
#define LTD_MODELS_LLM_EAGLE3_PRIV_H

#include "models/llm/eagle3.h"

/* Llama 3.1's stretching of long wavelengths; factor 1 = none. */
typedef struct ltd_eagle3_rope {
    double factor, low, high, original;
} ltd_eagle3_rope;

struct ltd_eagle3 {
    ltd_eagle3_config config;
    ltd_eagle3_rope rope;
    const ltd_llama *target;
    char *path;
    char hash[65];
    ltd_arena *arena; /* of all matrices */
    ltd_packed embed; /* [vocab, hidden]; data NULL: the target's serves */
    ltd_packed fc;    /* [hidden, 3 target hidden] */
    ltd_packed qkv;   /* [.., 2 hidden] */
    ltd_packed out, gate_up, down;
    ltd_packed lm_head; /* [draft_vocab, hidden] */
    float *input_norm, *hidden_norm, *post_norm, *norm;
    float *rope_div;    /* [head_dim / 2] */
    int32_t *target_id; /* [draft_vocab] */
    bool shares_rows;
    char made_for[65]; /* SHA-256 of the target's weights, where the file tells it; else "" */
};

/* head->config and head->rope from FOLDER/config.json, checked against head->target as far as the
 * weights are not needed. */
int ltd_eagle3_read_config(ltd_eagle3 *head, const char *folder, ltd_err *err);
/* The rest, once the rows of the q projection are known: head_dim and rope_div. */
int ltd_eagle3_settle_heads(ltd_eagle3 *head, int64_t q_rows, ltd_err *err);
/* Everything else from FOLDER/model.safetensors or FOLDER/pytorch_model.bin. */
int ltd_eagle3_load(ltd_eagle3 *head, const char *folder, ltd_load_dtype dtype, ltd_err *err);

#endif
