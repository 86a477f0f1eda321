/* Training: collect cycles, update both policies, validate, save; until the run is long enough.
 *
 *     ltd_train_options opt = {.dir = "runs/a", .stop = &stop};
 *     ltd_train_result result;
 *     if (ltd_train(&setup, &opt, &result, &err) < 0) ...
 *
 * First both policies learn from the records of the training prompts, where `ltd record` left any:
 * seconds, no clock (planner.h).  Then they go on live: an iteration = one rollout of real cycles +
 * one PPO update of each learning policy.  Or they take turns (train.mode: stages).  Checkpoints
 * are written between iterations, where rollouts are empty and the next text begins with a new
 * prompt: what a checkpoint holds is all there is.  With env.clock = table two equal runs, or one
 * that was killed and resumed, write equal bytes.
 *
 * With a group its processes train one run, each in environments of its own (train_group.c); rank 0
 * writes.  One that fails, leaves or dies ends it for all: what was under way is dropped, and rank
 * 0 saves what the last iteration left.  Thread rule: one thread. */
#ifndef LTD_TRAINER_TRAIN_H
#define LTD_TRAINER_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "trainer/config/setup.h"
#include "trainer/ppo/group.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Told after every iteration; plain figures for people. */
typedef struct ltd_train_progress {
    int64_t done, length;         /* as ltd_train_length() counts */
    double seconds;               /* of training, resumed parts included */
    double cycles_s, decisions_s; /* of the last iteration */
    double tok_s;                 /* tokens a second of the last rollout's windows */
    double speedup;               /* sum L x mean T_ar / sum T of it */
    double reward, accept_len, forwards, size;
    double kl, entropy, explained_variance; /* of the depth policy's update */
    double phase[LTD_PHASE_COUNT];          /* shares */
    double valid, best; /* last validation, best so far: speed-up by the cost table; NaN before the
                           first */
} ltd_train_progress;

struct ltd_planner_progress;

typedef struct ltd_train_options {
    const char *dir;          /* run folder; made when absent */
    const char *resume;       /* checkpoint file to go on from; NULL = a new run */
    const volatile int *stop; /* set by a signal: finish the cycle, save, return; may be NULL */
    ltd_group *group;         /* borrowed, heeds the same flag; NULL: alone */
    /* before the first rollout, with what a run that goes on has done; may be NULL */
    void (*begin)(void *ctx, int64_t done, int64_t length);
    /* before a rollout, what it teaches and on what: "both policies, live"; may be NULL */
    void (*teach)(void *ctx, const char *what);
    /* after a pass over records; may be NULL */
    void (*plan)(void *ctx, const struct ltd_planner_progress *p);
    void (*tell)(void *ctx, const ltd_train_progress *p); /* may be NULL */
    void (*tick)(void *ctx, int64_t done);                /* during a rollout; may be NULL */
    void *ctx;
} ltd_train_options;

typedef struct ltd_train_result {
    int64_t cycles;
    double seconds;
    double best_valid;                /* NaN: none */
    bool stopped;                     /* by options->stop or the time limit; resumable */
    char checkpoint[LTD_CONFIG_TEXT]; /* the last one written */
} ltd_train_result;

/* What is to be done: cycles; mode stages: decisions of the learners. */
int64_t ltd_train_length(const ltd_config *config);

/* Was the run of this checkpoint begun with the model and head of `setup`?  LTD_EINVAL. */
int ltd_train_check_resume(const ltd_setup *setup, const char *path, ltd_err *err);

/* setup->cost must be there.  Errors of setup, environment, libtorch, checkpoints and the group:
 * then ret->checkpoint is what rank 0 saved, if it did, and ltd_group_part() comes next. */
int ltd_train(ltd_setup *setup, const ltd_train_options *options, ltd_train_result *ret,
              ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
