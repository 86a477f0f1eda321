/* Has a text begun to go round in circles?  Small models do under greedy decoding, and a circle is
 * all too easy to draft.
 *
 *     ltd_loop *loop;
 *     ltd_loop_new(&loop, 512, 4, &err);
 *     ltd_loop_begin(loop);
 *     if (ltd_loop_push(loop, token)) ...        the same 12 tokens have come for the fourth time
 *     ltd_loop_free(loop);
 *
 * It looks at the tokens alone, so an answer ends at the same one however it was decoded.
 * Thread rule: one thread. */
#ifndef LTD_ENV_LOOP_H
#define LTD_ENV_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_LOOP_RUN = 12 }; /* tokens that are compared */

typedef struct ltd_loop ltd_loop;

/* For texts of up to `most` tokens, of which a run of 12 may come `times` - 1 times.  LTD_ENOMEM.
 * *ret owned. */
int ltd_loop_new(ltd_loop **ret, int32_t most, int32_t times, ltd_err *err);
void ltd_loop_free(ltd_loop *loop);
/* A new text. */
void ltd_loop_begin(ltd_loop *loop);
/* The text's next token: true when a run that ends with it has come `times` times (runs may
 * overlap).  Tokens beyond `most` are not looked at.  No allocation. */
bool ltd_loop_push(ltd_loop *loop, int32_t token);

#ifdef __cplusplus
}
#endif
#endif
