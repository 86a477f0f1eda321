/* A text's features: the residual stream as it enters some of the model's layers, at every token,
 * as halves.  The same bits as the writer keeps while it writes: rows don't depend on their
 * neighbours.
 *
 *     ltd_features_new(&f, model, taps, 4, 512, true, &err);
 *     ltd_features_compute(f, token, n, ret, &err);       ret [n, 4 * hidden]
 *
 * Thread rule: one thread (the model's pool helps). */
#ifndef LTD_TRAINER_DISTILL_FEATURES_H
#define LTD_TRAINER_DISTILL_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "models/llm/session.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_features ltd_features;

/* For texts of up to `context` tokens; taps as of ltd_session_set_taps, kv_f16 as of
 * ltd_session_options.  LTD_EINVAL, LTD_ENOMEM.
 * *ret owned; model borrowed. */
int ltd_features_new(ltd_features **ret, const ltd_llama *model, const int32_t *taps,
                     int32_t n_taps, int32_t context, bool kv_f16, ltd_err *err);
void ltd_features_free(ltd_features *f);

/* Of tokens [n] into ret [n, n_taps * hidden].  LTD_EINVAL: more than `context` of them, or one
 * out of range. */
int ltd_features_compute(ltd_features *f, const int32_t *token, int32_t n, uint16_t *ret,
                         ltd_err *err);

/* The same as floats, not rounded. */
int ltd_features_compute_f32(ltd_features *f, const int32_t *token, int32_t n, float *ret,
                             ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
