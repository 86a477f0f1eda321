/* The inside of a draft head, for draft.c. */
#ifndef LTD_MODELS_LLM_EAGLE3_PRIV_H
#define LTD_MODELS_LLM_EAGLE3_PRIV_H

#include "models/llm/eagle3.h"

struct ltd_eagle3 {
    ltd_eagle3_config config;
    const ltd_llama *target;
    char *path;
    char hash[65];
    ltd_packed fc;  /* [hidden, 3 target hidden] */
    ltd_packed qkv; /* [.., 2 hidden] */
    ltd_packed out, gate_up, down;
    ltd_packed lm_head; /* [draft_vocab, hidden] */
    float *input_norm, *hidden_norm, *post_norm, *norm;
    int32_t *target_id; /* [draft_vocab] */
};

#endif
