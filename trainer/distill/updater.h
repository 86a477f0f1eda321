/* One update of a head: the gradient over some conversations, a few at a time, several of these at
 * once, and AdamW's step with their sum.
 *
 *     ltd_updater_new(&u, &net, model, corpus, config, &err);
 *     ltd_updater_step(u, places, n, &unroll, lr, &stats, &norm, &err);
 *
 * Each few conversations have a gradient of their own, and these are summed in their order: the
 * number of threads changes no bit.
 * Thread rule: one thread (the model's pool helps). */
#ifndef LTD_TRAINER_DISTILL_UPDATER_H
#define LTD_TRAINER_DISTILL_UPDATER_H

#include "base/clock.h"
#include "base/status.h"
#include "trainer/distill/corpus.h"
#include "trainer/distill/unroll.h"
#include "trainer/ppo/adam.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_updater ltd_updater;

/* net, model and corpus are borrowed, config is read.  LTD_EINVAL, LTD_ENOMEM, LTD_ETORCH.  *ret
 * owned. */
int ltd_updater_new(ltd_updater **ret, ltd_head_net *net, const ltd_llama *model,
                    const ltd_corpus *corpus, const ltd_config *config, ltd_err *err);
void ltd_updater_free(ltd_updater *u);

/* Learn from the conversations at place[n] of the corpus's data, n <= distill.batch_size; the
 * loss's divisor is set here.  *norm receives the gradient's before it is clipped.  What ltd_unroll
 * and ltd_corpus_features return. */
int ltd_updater_step(ltd_updater *u, const int32_t *place, int32_t n,
                     const ltd_unroll_options *unroll, double lr, ltd_unroll_stats *stats,
                     double *norm, ltd_err *err);

ltd_adam *ltd_updater_adam(ltd_updater *u);

/* Products of 1024 x 1024 matrices on all threads at once, the best of several [flop/s]: what the
 * machine gives at most. */
int ltd_updater_peak(const ltd_updater *u, bool bf16, const ltd_clock *clock, double *ret,
                     ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
