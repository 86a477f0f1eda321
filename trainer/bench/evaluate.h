/* How good is a policy on some prompts: measured, and by the cost table.
 *
 *     ltd_evaluation e;
 *     ltd_evaluate(env, agent, 8, NULL, NULL, NULL, &e, &err);
 *     printf("%.1f tok/s, predicted %.2f x\n", e.tok_s, e.predicted);
 *
 * Used by `ltd eval` and by the validations of training.  The agent should be a greedy one. */
#ifndef LTD_TRAINER_EVALUATE_H
#define LTD_TRAINER_EVALUATE_H

#include "base/str.h"
#include "trainer/bench/accept_class.h"
#include "trainer/bench/run_prompt.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_evaluation {
    double tok_s;     /* measured: tokens / timed windows */
    double predicted; /* by the cost table: sum of L x T_ar / sum of T, i.e. the speed-up over plain
                         decoding; 0 without a table.  Deterministic */
    double accept_len, forwards_mean, size_mean; /* means over cycles */
    double share[LTD_PHASE_COUNT];               /* of the windows */
    ltd_accept_by accept_by;                     /* not known without a tokenizer */
    ltd_run run;                                 /* all sums and histograms */
} ltd_evaluation;

/* Play prompts 0 .. prompts-1 of the environment (0: all of them) to their ends.  A watcher and a
 * witness may be NULL; so may the tokenizer, which tells what tokens are part of.  The
 * environment's prompt stream and rho go on from where they are, so give it one of its own. */
int ltd_evaluate(ltd_env *env, ltd_agent *agent, int32_t prompts, const ltd_tokenizer *tok,
                 const ltd_watch *watch, const ltd_witness *witness, ltd_evaluation *ret,
                 ltd_err *err);

/* Append it as lines for people, action histograms included. */
void ltd_evaluation_text(const ltd_evaluation *e, ltd_str *out);
/* Append it as one JSON object. */
void ltd_evaluation_json(const ltd_evaluation *e, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
