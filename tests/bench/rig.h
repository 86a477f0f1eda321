/* An engine under the clock: a model, one text in it, a draft head if there is one, and the moves
 * that are measured.  A move leaves the text as it was, so that moves can come in any order.
 *
 *     rig r;
 *     if (rig_open(&r, &options, &err) < 0) ...
 *     rig_step(&r, 8, 128, 3, ms, &err);            8 rows behind 128 tokens, three times
 *     rig_close(&r);
 *
 * Times are [ms] of the forward alone: bringing the text to its length is outside. */
#ifndef LTD_TESTS_BENCH_RIG_H
#define LTD_TESTS_BENCH_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "models/llm/eagle3.h"
#include "models/llm/session.h"

enum { RIG_TOP_K = 10, RIG_CHUNK = 64 /* rows of a forward over a prompt: what ltd itself uses */ };

typedef struct rig_options {
    const char *model;
    const char *head; /* NULL: none */
    int32_t bits;     /* of activations */
    int32_t threads;
    int32_t context;            /* longest text + rows */
    int32_t max_rows;           /* widest step */
    int32_t chunk;              /* rows of a forward over a prompt */
    const ltd_kernels *kernels; /* NULL: the best here */
} rig_options;

typedef struct rig {
    rig_options options;
    ltd_llama *model;
    ltd_eagle3 *head; /* NULL: none */
    ltd_session *session;
    ltd_draft *draft; /* NULL: none */
    int32_t *text;    /* [context] tokens; made up unless rig_text() gave them */
    int32_t *identity;
    float *features; /* [chunk, 3 hidden], made up */
    int32_t at;      /* tokens in the session, and pairs in the draft */
} rig;

/* LTD_EINVAL and what opening model, head and session can say.  *ret is zeroed on failure. */
int rig_open(rig *ret, const rig_options *options, ltd_err *err);
void rig_close(rig *r);

/* The text: ids, again and again up to the context.  LTD_EINVAL: a token out of range. */
int rig_text(rig *r, const int32_t *ids, int32_t n, ltd_err *err);

/* `rows` rows (a chain) behind `context` tokens, all with their logits and argmax, n times in a
 * row; ms[n]. */
int rig_step(rig *r, int32_t rows, int32_t context, int32_t n, double *ms, ltd_err *err);
/* n greedy decode steps behind `context` tokens; ids[n] (may be NULL) are the tokens chosen. */
int rig_decode(rig *r, int32_t n, int32_t context, double *ms, int32_t *ids, ltd_err *err);
/* The first n tokens as a prompt: from nothing to the argmax behind them. */
int rig_prompt(rig *r, int32_t n, double *ms, ltd_err *err);
/* A forward of the draft head behind `context` pairs, n times: `pairs` of them as a resync, or
 * (pairs 0) RIG_TOP_K rows of an expansion. */
int rig_draft(rig *r, int32_t pairs, int32_t context, int32_t n, double *ms, ltd_err *err);

#endif
