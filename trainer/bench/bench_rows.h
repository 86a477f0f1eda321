/* Contestants of the bench: each with a cycle, an environment and an agent of its own, so that a
 * row pays for nothing that only another one needs.  Private to trainer/bench*.c. */
#ifndef LTD_TRAINER_BENCH_ROWS_H
#define LTD_TRAINER_BENCH_ROWS_H

#include "agents/guard.h"
#include "agents/rules/trained.h"
#include "trainer/bench/bench.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_contestant {
    char name[32];
    ltd_setting setting;      /* of fixed rows */
    const ltd_policy *policy; /* of a learned one, else NULL */
    const ltd_rule *rule;     /* of a rule, else NULL */
    const ltd_preset *preset; /* with settings of its own, else NULL; borrowed */
    bool guarded;             /* set aside while plain decoding is faster */
    bool tabled;              /* by the policy's table */
    ltd_guard guard;
    float param[LTD_RULE_PARAMS];
    ltd_mlp *net;  /* of a trained rule, borrowed */
    int32_t top_k; /* that its cycle is opened with */
    ltd_cycle *cycle;
    ltd_env *env;
    ltd_agent *agent;
    ltd_player player;
    ltd_stop_log stops; /* over records: what it answered, and what was right */
} ltd_contestant;

typedef struct ltd_contestants {
    int32_t n, ar, tuned; /* row numbers, -1 = none */
    ltd_contestant row[LTD_BENCH_ROWS];
} ltd_contestants;

/* Choose the rows; nothing is opened yet.  LTD_EINVAL: an unknown name. */
int ltd_contestants_list(ltd_contestants *ret, const ltd_setup *s, const ltd_bench_options *options,
                         ltd_err *err);
/* Open cycles, environments and agents over the prompts, live or, with replay, over its records.
 * All rows get the same room for text. */
int ltd_contestants_open(ltd_contestants *c, const ltd_setup *s, const ltd_prompts *prompts,
                         const ltd_replay *replay, ltd_err *err);
void ltd_contestants_close(ltd_contestants *c);

#ifdef __cplusplus
}
#endif
#endif
