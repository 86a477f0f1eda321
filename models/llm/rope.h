/* Tables of rotary embeddings: cos and sin of position x frequency. */
#ifndef LTD_MODELS_LLM_ROPE_H
#define LTD_MODELS_LLM_ROPE_H

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_rope {
    int32_t positions, half; /* half = head_dim / 2 */
    float *cos, *sin;        /* [positions, half], owned */
} ltd_rope;

/* Frequencies theta^(-2i/head_dim) / div[i]; div NULL = 1.  Angles are computed in double. */
int ltd_rope_init(ltd_rope *ret, int32_t positions, int32_t head_dim, double theta,
                  const float *div, ltd_err *err);
void ltd_rope_fini(ltd_rope *rope);

#ifdef __cplusplus
}
#endif
#endif
