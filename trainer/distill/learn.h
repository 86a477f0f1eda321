/* Training a draft head: updates, validations by accepted length, checkpoints.
 *
 *     ltd_learn_result r;
 *     rc = ltd_learn(&options, &r, &err);
 *
 * The best head so far lies in the out folder; a checkpoint holds all that the run needs to go on,
 * and the run then makes the same bits as one that was never stopped.
 * Thread rule: one thread (the model's pool helps). */
#ifndef LTD_TRAINER_DISTILL_LEARN_H
#define LTD_TRAINER_DISTILL_LEARN_H

#include "base/clock.h"
#include "base/status.h"
#include "trainer/distill/corpus.h"
#include "trainer/distill/unroll.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_learn_progress {
    int64_t update, updates;
    int64_t before; /* updates when this call began */
    double lr, grad_norm;
    ltd_unroll_stats stats; /* since the last one */
    double anchors_s, flop_s;
    double flop_share; /* of what the machine's products give */
    double valid;      /* accepted length of the last validation; NaN before the first */
    double best;
} ltd_learn_progress;

typedef struct ltd_learn_options {
    const ltd_config *config;
    const ltd_llama *model;
    ltd_corpus *corpus;                                   /* its order changes */
    const int32_t *taps;                                  /* [3] */
    const char *dir;                                      /* the run's: metrics.*, checkpoints */
    const char *out;                                      /* folder of the best head */
    const char *resume;                                   /* checkpoint; NULL: from the start */
    const volatile int *stop;                             /* not 0: save and end */
    void (*tell)(void *ctx, const ltd_learn_progress *p); /* now and then; NULL */
    void *ctx;
    ltd_clock clock;
} ltd_learn_options;

typedef struct ltd_learn_result {
    int64_t update, updates;
    double seconds; /* of this call */
    double best;    /* accepted length of the best head, and its update */
    int64_t best_update;
    double first; /* of the head before it learned; NaN in a resumed run */
    double flop_s, flop_share, peak;
} ltd_learn_result;

/* LTD_EINVAL: the checkpoint is of another run; LTD_EIO, LTD_EFORMAT, LTD_ETORCH, LTD_ENOMEM.
 * Stopping is no failure: update < updates. */
int ltd_learn(const ltd_learn_options *options, ltd_learn_result *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
