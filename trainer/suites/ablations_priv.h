/* What the files of the ablations share.  Private to trainer/ablations*.c. */
#ifndef LTD_TRAINER_ABLATIONS_PRIV_H
#define LTD_TRAINER_ABLATIONS_PRIV_H

#include <limits.h>

#include "trainer/bench/bench.h"
#include "trainer/suites/ablations.h"

/* Runs of training (ablations_train.c); none: a fixed setting. */
enum {
    LTD_RUN_NONE = -1,
    LTD_RUN_WHOLE,
    LTD_RUN_LENGTH,
    LTD_RUN_TIME,
    LTD_RUN_AVERAGE,
    LTD_RUN_NO_DEPTH,
    LTD_RUN_NO_CONTEXT,
    LTD_RUN_SHALLOW,
    LTD_RUN_DEEP,
    LTD_RUN_COUNT
};

/* Stages of LTD_RUN_NONE. */
enum { LTD_FIXED_EAGLE, LTD_FIXED_TUNED };

enum { LTD_ACTOR_SIZE = 1, LTD_ACTOR_DEPTH = 2, LTD_ACTORS = 3 };

/* A row plays actors of a run as a stage left them. */
typedef struct ltd_ablation_spec {
    const char *part, *name, *against;
    int run, stage, actors;
    int32_t published; /* as of ltd_ablation_row */
    const char *model, *row;
} ltd_ablation_spec;

enum { LTD_SPECS = 20 };
extern const ltd_ablation_spec ltd_ablation_specs[LTD_SPECS];

typedef struct ltd_study {
    const ltd_setup *s;
    const ltd_ablations_options *o;
    ltd_setup *scratch; /* a changed copy, too large for a stack */
    char data[65];      /* digest of the recorded prompts of training and validation */
    ltd_replay replay;
    ltd_tuned tuned;
    ltd_ablations *a;
    int32_t n, tasks, size[LTD_BENCH_TASKS]; /* prompts, in tasks */
    ltd_rate *rate;   /* [LTD_SPECS + 1, n] sums of seeds; the last is ar's */
    double done, all; /* runs */
    double share;     /* of the bar that they take */
    int64_t length;   /* of the run under way */
    const char *name; /* its name */
} ltd_study;

/* Digest the prompts that are recorded: what training has. */
int ltd_study_digest(ltd_study *y, ltd_err *err);
const char *ltd_study_run_name(int run);
/* Folder of a run; trained now if it isn't there. */
int ltd_study_train(ltd_study *y, int run, int32_t seed, char dir[PATH_MAX], ltd_err *err);
/* The policy of a stage without the actors that the row does not play.  *ret owned. */
int ltd_study_actors(const ltd_ablation_spec *p, const char *dir, ltd_policy **ret, ltd_err *err);
/* Rewards and policies of the first seed on the clock. */
int ltd_study_live(ltd_study *y, ltd_err *err);

#endif
