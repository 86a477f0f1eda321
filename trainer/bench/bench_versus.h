/* Row ltd held against every other row of a bench, on the same prompts.
 *
 *     if (ltd_versus_fold(bench, resamples, seed, &err) < 0) ...
 *     const ltd_versus_row *best = ltd_versus_best(&bench->versus);
 *     best->mean.value     1.03: 3 % faster than the fastest opponent, in the mean of the tasks
 *
 * An opponent is any row that could run elsewhere: not an oracle, nor ltd as a table or guarded.
 * The fastest one is chosen by these very prompts, which flatters it: a gain over it is rather
 * larger than told. */
#ifndef LTD_TRAINER_BENCH_VERSUS_H
#define LTD_TRAINER_BENCH_VERSUS_H

#include <stdbool.h>
#include <stdint.h>

#include "trainer/bench/stats.h"
#include "trainer/config/config.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_VERSUS_ROWS = 32, LTD_VERSUS_TASKS = LTD_CONFIG_STRINGS };

/* Speed of ltd over that of another row; intervals as of ltd_stats_groups(), a task a group. */
typedef struct ltd_versus_row {
    char policy[32];
    ltd_ratio all;                    /* over the prompts of all tasks */
    ltd_ratio mean;                   /* of the tasks' ratios */
    ltd_ratio task[LTD_VERSUS_TASKS]; /* [n_tasks] */
} ltd_versus_row;

typedef struct ltd_versus {
    int32_t n;    /* 0: no row ltd, or nothing beside it */
    int32_t best; /* the fastest opponent on all prompts, -1 = none */
    ltd_versus_row row[LTD_VERSUS_ROWS];
} ltd_versus;

struct ltd_bench;

/* Fill bench->versus from bench->cells; rows and tasks are folded already.  LTD_ENOMEM. */
int ltd_versus_fold(struct ltd_bench *bench, int32_t resamples, uint64_t seed, ltd_err *err);
/* NULL: none. */
const ltd_versus_row *ltd_versus_best(const ltd_versus *v);
/* With 95 % confidence slower than the other row. */
bool ltd_versus_loses(const ltd_ratio *r);

#ifdef __cplusplus
}
#endif
#endif
