/* The inside of a training run, for learn.c and learn_state.c. */
#ifndef LTD_TRAINER_DISTILL_LEARN_PRIV_H
#define LTD_TRAINER_DISTILL_LEARN_PRIV_H

#include "trainer/distill/learn.h"
#include "trainer/distill/updater.h"
#include "trainer/metrics/metrics.h"

typedef struct ltd_learner_state {
    const ltd_learn_options *o;
    ltd_head_net net;
    ltd_updater *updater;
    ltd_metrics *metrics;
    int64_t update, updates, per_epoch;
    int64_t before;   /* updates when this call began */
    int64_t shuffled; /* pass whose order the corpus has; -1 */
    int64_t saved, validated;
    double valid, best;
    int64_t best_update;
} ltd_learner_state;

int ltd_learner_state_save(const ltd_learner_state *s, ltd_err *err);
int ltd_learner_state_load(ltd_learner_state *s, const char *path, ltd_err *err);
/* The head as it is, into a folder. */
int ltd_learner_state_export(const ltd_learner_state *s, const char *folder, ltd_err *err);

#endif
