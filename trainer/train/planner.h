/* Learning over records, where every outcome is known: the gradient of the expected worth of a
 * cycle over all decisions that could be taken in it, not only over the one that was.
 *
 * In each pass the policies, greedy, play all texts.  Then the cycles that they began are gone
 * through, as many elsewhere added, and both nets follow the gradient of
 *
 *     sum_n p(stop after n forwards) sum_V p(V | n) [ L(n, V) c - T(n, V) ] rate
 *
 * with L tokens and T time (in T_ar) of the cycle, and c the time that the policies themselves take
 * for a token hereabouts: in an easy stretch a token is worth less than in a hard one, which one
 * rate for all would not see.  Entropy is rewarded less and less.  What validates best is kept.
 *
 *     ltd_planner_options o = LTD_PLANNER_DEFAULTS;
 *     ltd_planner_run(depth, size, train, valid, &o, &rng, &result, &err);
 *
 * Nothing here reads a clock: equal seeds give equal nets.
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_PLANNER_H
#define LTD_TRAINER_PLANNER_H

#include "env/positions.h"
#include "trainer/ppo/learner.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A cycle that began: where, after what, and what was chosen. */
typedef struct ltd_visit {
    int64_t index;
    ltd_past past;
    int32_t forwards, size; /* size: index into the table */
} ltd_visit;

typedef struct ltd_visits {
    ltd_visit *v; /* owned */
    int64_t n, room;
    double tokens, time; /* of all; in units of T_ar */
} ltd_visits;

void ltd_visits_fini(ltd_visits *visits);

/* Whoever decides: fill forwards and size of a cycle that begins at v->index after v->past. */
typedef struct ltd_chooser {
    void (*choose)(const void *ctx, const ltd_positions *p, ltd_visit *v);
    const void *ctx;
} ltd_chooser;

/* Play all texts, in order.  LTD_ENOMEM. */
int ltd_planner_play_by(const ltd_positions *p, ltd_chooser who, ltd_visits *ret, ltd_err *err);
/* c at every position, from a play by the same: see ltd_planner_worth(). */
int ltd_planner_worth_by(const ltd_positions *p, ltd_chooser who, const ltd_visits *visits,
                         int32_t window, float *ret, ltd_err *err);
/* By the policies, greedily. */
int ltd_planner_play(const ltd_positions *p, ltd_mlp *depth, ltd_mlp *size, ltd_visits *ret,
                     ltd_err *err);
/* c at every position, from a play with those nets: ret[ltd_positions_total()], in T_ar a token,
 * over the next `window` tokens of the text.  LTD_ENOMEM. */
int ltd_planner_worth(const ltd_positions *p, ltd_mlp *depth, ltd_mlp *size,
                      const ltd_visits *visits, int32_t window, float *ret, ltd_err *err);

/* Gradients of the mean over cycles, with respect to the logits, and that mean itself.
 *   n, forwards, sizes  cycles; most forwards; actions of the size net
 *   depth               [n, forwards + 1, 2] logits; those of the last are not looked at
 *   size                [n, forwards + 1, sizes] logits
 *   legal               [n, forwards + 1, sizes] 1 = may be chosen
 *   value               [n, forwards + 1, sizes] worth of the cycle
 *   entropy             weight of the entropy of each decision that is reached
 *   depth_grad, size_grad: as the logits */
typedef struct ltd_planner_batch {
    int32_t n, forwards, sizes;
    const float *depth, *size, *value;
    const uint8_t *legal;
    float *depth_grad, *size_grad;
} ltd_planner_batch;
double ltd_planner_gradient(const ltd_planner_batch *b, double entropy);

typedef struct ltd_planner_progress {
    int32_t pass, passes;
    double train, valid, best; /* tokens a T_ar; valid NaN before the first validation */
} ltd_planner_progress;

typedef struct ltd_planner_options {
    int32_t passes, batch_size, window, valid_every;
    double lr, entropy, max_grad_norm;
    double rate;                                            /* of the observations */
    const volatile int *stop;                               /* may be NULL */
    void (*tell)(void *ctx, const ltd_planner_progress *p); /* after each pass; may be NULL */
    void *ctx;
} ltd_planner_options;

/* clang-format off */
#define LTD_PLANNER_DEFAULTS {90, 1024, 16, 5, 0.002, 0.02, 0.5, 2.0, 0, 0, 0}
/* clang-format on */

typedef struct ltd_planner_result {
    double before, train,
        valid; /* tokens a T_ar: validation at first; of the nets that were kept */
    int32_t best_pass;
} ltd_planner_result;

/* Improve both nets in place.  LTD_ECANCELED: *stop was set, and the nets are the best so far;
 * LTD_EINVAL, LTD_ENOMEM, LTD_ETORCH. */
int ltd_planner_run(ltd_learner *depth, ltd_learner *size, const ltd_positions *train,
                    const ltd_positions *valid, const ltd_planner_options *options, ltd_rng *rng,
                    ltd_planner_result *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
