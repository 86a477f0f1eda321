/* The paper's ablations on the model at hand: what the reward, the two policies, the observation's
 * parts, iterating and the size of the network bring, each trained with several seeds and played
 * over the records of the bench prompts by a cost table.
 *
 *     ltd_ablations *a;
 *     ltd_ablations_run(&setup, &(ltd_ablations_options){.seeds = 3}, &a, &err);
 *     ltd_ablations_table(a, NULL, &text);
 *     ltd_ablations_free(a);
 *
 * A run of training is kept in run.dir/ablations/ under its name, its seed and a digest of what it
 * was trained with, recorded prompts included: what is there is not trained again, what was stopped
 * goes on.  Nothing here reads a clock but `live`: equal seeds, records and tables give equal
 * figures, unless a study was stopped, which cuts a rollout.
 * Source: arXiv 2603.01639, Tables 2, 4, 6, 7, 8, 10.  Thread rule: one thread. */
#ifndef LTD_TRAINER_ABLATIONS_H
#define LTD_TRAINER_ABLATIONS_H

#include "base/str.h"
#include "trainer/bench/run_prompt.h"
#include "trainer/bench/stats.h"
#include "trainer/config/setup.h"
#include "trainer/suites/published.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_ABLATION_SEEDS = 8, LTD_ABLATION_ROWS = 32 };

typedef struct ltd_ablations_options {
    int32_t seeds;            /* [1, LTD_ABLATION_SEEDS]: run.seed, run.seed + 1, ... */
    bool live;                /* play rewards and policies of the first seed on the clock, too */
    const volatile int *stop; /* set by a signal; may be NULL */
    ltd_watch watch;
} ltd_ablations_options;

typedef struct ltd_ablation_row {
    const char *part, *name;         /* static: "reward", "length" */
    const char *against;             /* row of the same part that it is held against; static */
    ltd_ratio speedup;               /* over plain decoding, mean of the tasks; all seeds' sums */
    ltd_ratio vs;                    /* over row `against`; NaN: it is that row */
    double seed[LTD_ABLATION_SEEDS]; /* speed-up of each seed */
    int32_t seeds;                   /* 1: nothing was trained */
    double accept_len, forwards, size;
    ltd_ratio live, live_vs;                     /* the same on the clock; NaN: not played */
    double decide;                               /* share of decisions in its time there */
    int32_t published;                           /* table of the paper, 0: none there */
    const char *published_model, *published_row; /* static: names of configs/published */
} ltd_ablation_row;

typedef struct ltd_ablations {
    int32_t prompts, tasks, n_rows;
    int32_t other_text; /* live rows whose text is not plain decoding's: 0, always */
    char machine[128];  /* whose cost table */
    ltd_ablation_row row[LTD_ABLATION_ROWS];
} ltd_ablations;

/* Training prompts, bench prompts and nets are those of the configuration, whose observations must
 * be the paper's (configs/paper.yaml).  LTD_EINVAL: they are not, or the records are narrower than
 * EAGLE-3's setting; what ltd_train(),
 * ltd_replay_open() and ltd_bench_run() return; LTD_ECANCELED.  *ret owned. */
int ltd_ablations_run(const ltd_setup *s, const ltd_ablations_options *options, ltd_ablations **ret,
                      ltd_err *err);
void ltd_ablations_free(ltd_ablations *a);

/* A row; NULL: there is none. */
const ltd_ablation_row *ltd_ablations_find(const ltd_ablations *a, const char *part,
                                           const char *name);
/* Append the tables for people, with the paper's figures beside them (NULL: without). */
void ltd_ablations_table(const ltd_ablations *a, const ltd_published *published, ltd_str *out);
/* Append the JSON object. */
void ltd_ablations_json(const ltd_ablations *a, const char *command, uint64_t seed, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
