/* Write down what the engine says along greedy answers (env/trace.h): one walk over each answer, a
 * token at a time, with all draft forwards at every position.
 *
 *     ltd_trace trace = {0};
 *     ltd_record_begin(&trace, cycle);
 *     for each prompt: ltd_record_text(&trace, cycle, prompt, 256, &err);
 *     ltd_trace_fini(&trace);
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_RECORD_H
#define LTD_TRAINER_RECORD_H

#include "base/status.h"
#include "env/cycle.h"
#include "env/prompts.h"
#include "env/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What all texts have in common, from a cycle with an engine (greedy, of full depth).  LTD_EINVAL:
 * it samples, or is a record itself. */
int ltd_record_begin(ltd_trace *trace, const ltd_cycle *cycle, ltd_err *err);
/* Append the answer to a prompt, up to its end, max_new tokens or where it is cut as a loop
 * (loop.h; loop_stop 0: nowhere), and some tokens that follow it, which the last cycles look at.
 * What ltd_cycle_* returns; LTD_ENOMEM. */
int ltd_record_text(ltd_trace *trace, ltd_cycle *cycle, const ltd_prompt *prompt, int32_t max_new,
                    int32_t loop_stop, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
