/* Predicted speed of many static settings from one walk over some answers.
 *
 *     ltd_scout_options o = {cycles, 1, cost, prompts, order, budget_s, max_new, watch};
 *     ltd_scout(&o, c, n, &seen, &err);
 *
 * The walk visits every position of an answer, drafts as deep as any candidate, and notes for each
 * how many tokens it would have got there; the cost table says what its cycles take.  Each beam
 * width drafts other nodes and has a walk of its own over the same answers.  Exact but for the cost
 * model, and every candidate is judged on every position, which live play in the same time can't
 * do.  Used by tune to choose whom to measure. */
#ifndef LTD_TRAINER_SCOUT_H
#define LTD_TRAINER_SCOUT_H

#include "env/cost.h"
#include "env/cycle.h"
#include "env/prompts.h"
#include "trainer/bench/run_prompt.h"
#include "trainer/tune/tune.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_scout_options {
    ltd_cycle *const *cycles; /* [n_cycles] each of another top_k, the first that of candidates
                                 which name none; each holds its largest candidate */
    int32_t n_cycles;         /* up to LTD_TUNE_WIDTHS */
    const ltd_cost *cost;
    const ltd_prompts *prompts;
    const int32_t *order; /* [count of prompts] which prompt is taken when */
    double budget_s;      /* no further prompt begins after it; the first one always does */
    int32_t max_new;      /* tokens an answer */
    int32_t loop_stop;    /* of the environment */
    ltd_watch watch;
} ltd_scout_options;

/* Fill c[i].predicted of all n candidates; *seen prompts were walked.  LTD_EINVAL: a candidate's
 * width is none of the cycles'.  Forwards errors of the cycles; LTD_ENOMEM, LTD_ECANCELED. */
int ltd_scout(const ltd_scout_options *options, ltd_candidate *c, int32_t n, int32_t *seen,
              ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
