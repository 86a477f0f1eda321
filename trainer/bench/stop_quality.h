/* How well a policy knows when to stop drafting: over records, where it is known what the next
 * forward would have brought.
 *
 *     ltd_stop_log log = {.trace = &trace};
 *     player.witness = (ltd_witness){ltd_stop_log_saw, &log};
 *     ... ltd_run_prompt(&player, 0, ...), 1, 2: prompts ascending
 *     ltd_stop_log_quality(&log, 0, n_prompts, &quality, &err);
 *     ltd_stop_log_fini(&log);
 *
 * A question is a DEPTH turn at which both answers are legal.  After n forwards, with the text
 * going on x1, x2, ..., it pays to go on when the next forward puts x(n+1) into the pool: the pool
 * spells x1 ... xn and no further, xn is in the beam (the root, for n = 0), its row holds x(n+1),
 * and x(n+1) is still part of the answer.  So a frontier that has left the text never pays, nor
 * does one that follows a lookup chain which is right for longer.  Costs don't enter: what pays by
 * this measure may not be worth its time.
 *
 * Fixed settings are asked only up to their forwards and always go on. */
#ifndef LTD_TRAINER_STOP_QUALITY_H
#define LTD_TRAINER_STOP_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "env/trace.h"
#include "env/tree.h"
#include "trainer/bench/run_prompt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Shares; NaN where there is nothing to divide by. */
typedef struct ltd_stop_quality {
    int64_t n;  /* questions */
    double tpr; /* went on, of those where it paid */
    double tnr; /* stopped, of those where it didn't */
    double auc; /* P(going on) is larger at one that paid than at one that didn't, ties count half;
                   NaN for agents that give no probability but 0 and 1 */
} ltd_stop_quality;

typedef struct ltd_stop_answer {
    int32_t prompt;
    float go; /* P(going on) */
    bool went, pays;
} ltd_stop_answer;

/* Answers of one player, in order of play. */
typedef struct ltd_stop_log {
    const ltd_trace *trace; /* borrowed: what the player's environment plays over */
    ltd_stop_answer *answer;
    size_t n, room;
    int32_t prompt, text; /* the text of the prompt asked about last */
} ltd_stop_log;

/* Would the next forward put the next true token into the pool?
 *   tree       of a cycle at position i of trace->text[text]
 *   left       tokens of the answer behind that position */
bool ltd_stop_pays(ltd_tree *tree, const ltd_trace *trace, int32_t text, int32_t i, int32_t left);

/* A witness (run_prompt.h); ctx is the log.  LTD_EINVAL: the prompt is not recorded; LTD_ENOMEM. */
int ltd_stop_log_saw(void *ctx, const ltd_env *env, const ltd_step *step, int32_t action,
                     float logprob, ltd_err *err);
/* Of prompts [begin, end).  LTD_ENOMEM. */
int ltd_stop_log_quality(const ltd_stop_log *log, int32_t begin, int32_t end, ltd_stop_quality *ret,
                         ltd_err *err);
void ltd_stop_log_fini(ltd_stop_log *log);

/* Of a list.  LTD_ENOMEM. */
int ltd_stop_quality_of(const ltd_stop_answer *answer, size_t n, ltd_stop_quality *ret,
                        ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
