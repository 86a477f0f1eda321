/* Playing over records: what a static setting, and the best possible schedule, come to by the cost
 * table, without the model.
 *
 *     ltd_replay r;
 *     ltd_replay_open(&r, &s, &err);                       the records that `ltd record` made
 *     ltd_replay_tune(&r, train_prompts, &tuned, &err);
 *     ltd_bench_run(&s, &(ltd_bench_options){.replay = &r, .tuned = &tuned}, &bench, &err);
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_REPLAY_H
#define LTD_TRAINER_REPLAY_H

#include "trainer/bench/run_prompt.h"
#include "trainer/config/setup.h"
#include "trainer/records/oracle.h"
#include "trainer/tune/tune.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_replay {
    const ltd_setup *setup; /* borrowed; with its cost table */
    ltd_trace trace;
    ltd_outcomes *outcomes;
} ltd_replay;

/* LTD_EIO: nothing is recorded; LTD_EINVAL: no cost table, or what ltd_outcomes_new says.  *ret is
 * zeroed first, so that close is always legal. */
int ltd_replay_open(ltd_replay *ret, const ltd_setup *s, ltd_err *err);
void ltd_replay_close(ltd_replay *r);

/* Options of a cycle over the records. */
ltd_cycle_options ltd_replay_cycle_options(const ltd_replay *r);
/* Those of the prompts that are recorded; *left_out of them are not.  LTD_EINVAL: none is.  *ret
 * owned. */
int ltd_replay_prompts(const ltd_replay *r, const ltd_prompts *prompts, ltd_prompts **ret,
                       int32_t *left_out, ltd_err *err);
/* The same of config.prompts.train. */
int ltd_replay_train_prompts(const ltd_replay *r, ltd_prompts **ret, ltd_err *err);
/* The static setting that takes the least time for the prompts, of those that the live search
 * (tune.h) looks at, of the one beam width that was recorded.  Prompts as ltd_replay_prompts gives
 * them. */
int ltd_replay_tune(const ltd_replay *r, const ltd_prompts *prompts, ltd_tuned *ret, ltd_err *err);

/* Time of a prompt under a setting, and its tokens: 0 and 0 when it isn't recorded. */
double ltd_replay_static_ms(const ltd_replay *r, const ltd_prompt *prompt,
                            const ltd_setting *setting, int32_t *tokens);

typedef enum ltd_oracle { LTD_ORACLE_GREEDY, LTD_ORACLE_BEST, LTD_ORACLE_COUNT } ltd_oracle;
/* "oracle-greedy", "oracle"; what they do, in words. */
const char *ltd_oracle_name(ltd_oracle oracle);
const char *ltd_oracle_detail(ltd_oracle oracle);
/* A prompt's run under it. */
int ltd_replay_oracle(const ltd_replay *r, ltd_oracle oracle, const ltd_prompt *prompt,
                      ltd_run *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
