/* Records compiled for play: at every position of every text, after every number of draft forwards,
 * what the encoder says and how many tokens each size would have got.  Deciding over them costs a
 * look-up, so that millions of cycles a second can be played.
 *
 *     ltd_positions *p;
 *     ltd_positions_new(&p, &options, &err);
 *     const ltd_position *at = ltd_positions_at(p, text, i, forwards);
 *     at->obs, at->got[size]
 *
 * What depends on the cycles before is put in when it is asked for (ltd_past).
 * Thread rule: immutable once made. */
#ifndef LTD_ENV_POSITIONS_H
#define LTD_ENV_POSITIONS_H

#include <stdint.h>

#include "base/status.h"
#include "env/cost.h"
#include "env/cycle.h"
#include "env/obs.h"
#include "env/prompts.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_POSITIONS_SIZES = 64 };

typedef struct ltd_positions ltd_positions;

typedef struct ltd_positions_options {
    ltd_cycle_options cycle;    /* with trace, borrowed */
    const ltd_cost *cost;       /* borrowed */
    const ltd_prompts *prompts; /* those that are recorded are copied, in their order */
    const int32_t *sizes;       /* [n_sizes] ascending, copied */
    int32_t n_sizes;
    int32_t max_forwards;
    int32_t max_new; /* tokens of an answer */
    float rate;      /* of the observations */
} ltd_positions_options;

/* A view after some number of draft forwards. */
typedef struct ltd_position {
    const float *obs;   /* [LTD_OBS_LTD_DIM] */
    const uint8_t *got; /* [n_sizes] accept_len of each size */
    int32_t pool;       /* nodes there are */
} ltd_position;

/* LTD_EINVAL: no trace, or none of the prompts is recorded; what ltd_cycle_* returns; LTD_ENOMEM.
 * *ret owned. */
int ltd_positions_new(ltd_positions **ret, const ltd_positions_options *options, ltd_err *err);
void ltd_positions_free(ltd_positions *p);
/* As given, but for prompts: one a text. */
const ltd_positions_options *ltd_positions_get_options(const ltd_positions *p);

int32_t ltd_positions_texts(const ltd_positions *p);
const struct ltd_trace_text *ltd_positions_text(const ltd_positions *p, int32_t text);
/* Positions of a text at which a cycle may begin. */
int32_t ltd_positions_count(const ltd_positions *p, int32_t text);
int64_t ltd_positions_total(const ltd_positions *p);
/* Number among all. */
int64_t ltd_positions_index(const ltd_positions *p, int32_t text, int32_t i);
ltd_position ltd_positions_at(const ltd_positions *p, int64_t index, int32_t forwards);
/* Sizes an environment lets choose there: those the pool can fill, and the first that takes all of
 * it.  legal[n_sizes]. */
void ltd_positions_legal(const ltd_positions *p, int64_t index, int32_t forwards, uint8_t *legal);
/* A plain decode step there [ms]. */
double ltd_positions_ar_ms(const ltd_positions *p, int64_t index);
/* What prompt lookup found there. */
ltd_match ltd_positions_match(const ltd_positions *p, int64_t index);

/* What a cycle carries over from those before it in a text. */
typedef struct ltd_past {
    int32_t waiting;                /* tokens the head has not seen */
    int32_t recent[LTD_OBS_RECENT]; /* accept_len, newest first */
} ltd_past;
void ltd_past_begin(ltd_past *past);
void ltd_past_add(ltd_past *past, int32_t forwards, int32_t accept_len);

/* Time of a cycle that begins there, by the cost table; `size` at most the pool. */
double ltd_positions_ms(const ltd_positions *p, int64_t index, const ltd_past *past,
                        int32_t forwards, int32_t size);
/* What the encoder says there: ret[LTD_OBS_LTD_DIM]. */
void ltd_positions_obs(const ltd_positions *p, int64_t index, const ltd_past *past,
                       int32_t forwards, float *ret);

#ifdef __cplusplus
}
#endif
#endif
