/* Does the cost table predict the clock?  Rows are played live and over their records, and the
 * table is measured in between, a round before each prompt, so that both meet the same machine: on
 * a shared one, a table of an hour ago may be off by 20 %.
 *
 *     ltd_prediction *p;
 *     ltd_predict(&s, &options, &p, &err);
 *     ltd_prediction_table(p, &text);
 *     ltd_prediction_free(p);
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_PREDICT_H
#define LTD_TRAINER_PREDICT_H

#include "trainer/bench/bench.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_prediction_row {
    char policy[32];
    double live, predicted; /* tokens a second */
    double off;             /* predicted / live - 1 */
    ltd_interval off_ci;    /* paired bootstrap over prompts */
    bool same;              /* tokens and cycles are equal, prompt by prompt */
} ltd_prediction_row;

typedef struct ltd_prediction {
    int32_t prompts, n_rows;
    ltd_prediction_row rows[LTD_BENCH_ROWS];
    ltd_cost cost; /* measured in between */
} ltd_prediction;

/* The rows of config.bench.policies on the recorded prompts of config.prompts.bench.  What
 * ltd_replay_open() and ltd_bench_run() return.  *ret owned. */
int ltd_predict(const ltd_setup *s, const ltd_bench_options *options, ltd_prediction **ret,
                ltd_err *err);
void ltd_prediction_free(ltd_prediction *p);

/* Append the table for people. */
void ltd_prediction_table(const ltd_prediction *p, ltd_str *out);
/* Append the JSON object. */
void ltd_prediction_json(const ltd_prediction *p, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
