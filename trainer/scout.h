/* Predicted speed of many static settings from one walk over some answers.
 *
 *     ltd_scout(cycle, cost, prompts, order, budget_s, max_new, c, n, &watch, &seen, &err);
 *
 * The walk visits every position of an answer, drafts as deep as any candidate, and notes for each
 * how many tokens it would have got there; the cost table says what its cycles take.  Exact but for
 * the cost model, and every candidate is judged on every position, which live play in the same time
 * can't do.  Used by tune to choose whom to measure. */
#ifndef LTD_TRAINER_SCOUT_H
#define LTD_TRAINER_SCOUT_H

#include "env/cost.h"
#include "env/cycle.h"
#include "env/prompts.h"
#include "trainer/run_prompt.h"
#include "trainer/tune.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fill c[i].predicted of all n candidates.
 *   cycle   holds the largest candidate
 *   order   [count of prompts] which prompt is taken when
 *   *seen   prompts that were walked, at least one; no further one begins after budget_s
 * Forwards errors of the cycle; LTD_ENOMEM, LTD_ECANCELED. */
int ltd_scout(ltd_cycle *cycle, const ltd_cost *cost, const ltd_prompts *prompts,
              const int32_t *order, double budget_s, int32_t max_new, ltd_candidate *c, int32_t n,
              const ltd_watch *watch, int32_t *seen, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
