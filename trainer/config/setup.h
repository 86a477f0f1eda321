/* From a configuration to things that run: model, head, calibration, prompts, cycles, environments.
 * Every verb begins here, so that all of them mean the same by a key.
 *
 *     ltd_setup s;
 *     if (ltd_setup_open(&s, &config, log, &err) < 0) ...
 *     ltd_setup_prompts(&s, &config.prompts.train, config.prompts.limit, &prompts, &err);
 *     ltd_setup_cycle(&s, NULL, &cycle, &err);
 *     ltd_env_options opt = ltd_setup_env_options(&s, cycle, prompts);
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_SETUP_H
#define LTD_TRAINER_SETUP_H

#include <stdbool.h>

#include "agents/policy.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "env/cost.h"
#include "env/cycle.h"
#include "env/ltd_env.h"
#include "env/positions.h"
#include "env/prompts.h"
#include "models/llm/eagle3.h"
#include "models/llm/llama.h"
#include "trainer/config/config.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_setup {
    ltd_config config;     /* a copy */
    const ltd_logger *log; /* borrowed, may be NULL */
    ltd_clock clock;
    ltd_llama *model;
    ltd_eagle3 *head;       /* NULL: prompt lookup only */
    ltd_cost *cost;         /* NULL until ltd_setup_cost */
    ltd_survival *survival; /* NULL: none fits, see survival_run.h */
    const ltd_chat *chat;
    char machine[128]; /* fingerprint: cpu, isa, threads */
} ltd_setup;

/* Load model and head.  *ret is zeroed first, so that close is always legal. */
int ltd_setup_open(ltd_setup *ret, const ltd_config *config, const ltd_logger *log, ltd_err *err);
void ltd_setup_close(ltd_setup *s);

/* Where a file of the project is (configs, heads, models.cache): `path` itself when it can be read,
 * else under the folder above the program's, its share/ltd, or where `meson install` puts data.
 * Returns ret. */
char *ltd_setup_find(char *ret, size_t size, const char *path);

/* Path of the calibration of this machine, model and head. */
int ltd_setup_cost_path(const ltd_setup *s, char *ret, size_t size, ltd_err *err);
/* "<kind>-<12 hex digits>.json" beside it; the digits are a hash of what the file holds for. */
int ltd_setup_beside_cost(const ltd_setup *s, const char *kind, const char *identity, char *ret,
                          size_t size, ltd_err *err);
/* Load it into s->cost.  LTD_EIO when there is none (the message says to run `ltd calibrate`),
 * LTD_EINVAL when it belongs to another machine, model or head. */
int ltd_setup_cost(ltd_setup *s, ltd_err *err);
/* The same; LTD_OK without a table when there is none and calibration.path names none. */
int ltd_setup_cost_if_any(ltd_setup *s, ltd_err *err);
/* The same, measuring when there is none.  One that is damaged or belongs to another machine is an
 * error: only `ltd calibrate` writes over a table. */
int ltd_setup_cost_or_measure(ltd_setup *s, ltd_err *err);

/* Is it a table of this model and head, of whatever machine?  LTD_EINVAL; `path` is its name in
 * messages. */
int ltd_setup_check_table(const ltd_setup *s, const ltd_cost *cost, const char *path, ltd_err *err);

/* Files of a key, rendered and tokenised.  LTD_EINVAL when one doesn't fit the context.  *ret
 * owned. */
int ltd_setup_prompts(const ltd_setup *s, const ltd_strings *paths, int32_t limit,
                      ltd_prompts **ret, ltd_err *err);

/* Files of a key could be used, said before anything that takes minutes. */
int ltd_setup_check_prompts(const ltd_setup *s, const ltd_strings *paths, int32_t limit,
                            ltd_err *err);

/* The cycle of the configuration; `change` (may be NULL) replaces all of its options but model,
 * head and clock, begin with ltd_setup_cycle_options().  *ret owned. */
ltd_cycle_options ltd_setup_cycle_options(const ltd_setup *s);
/* The same over a record (borrowed): greedy, no more forwards than it has. */
ltd_cycle_options ltd_setup_record_cycle(const ltd_setup *s, const struct ltd_trace *trace);
/* The same with the beam, forwards, sizes and lookup that a policy was trained with. */
ltd_cycle_options ltd_setup_policy_cycle(const ltd_setup *s, const ltd_policy *policy);
int ltd_setup_cycle(const ltd_setup *s, const ltd_cycle_options *change, ltd_cycle **ret,
                    ltd_err *err);
/* The environment of the configuration over a cycle and prompts; the caller may change it before
 * ltd_env_open. */
ltd_env_options ltd_setup_env_options(const ltd_setup *s, ltd_cycle *cycle,
                                      const ltd_prompts *prompts);
/* The same over a cycle of ltd_setup_record_cycle(): by the cost table, and no longer than answers
 * are recorded. */
ltd_env_options ltd_setup_record_env_options(const ltd_setup *s, ltd_cycle *cycle,
                                             const ltd_prompts *prompts);

/* Can records be compiled for the configuration's observations?  Others are made of the tree. */
bool ltd_setup_can_compile(const ltd_config *config);
/* How records of prompts (both borrowed) are compiled. */
ltd_positions_options ltd_setup_positions_options(const ltd_setup *s, const struct ltd_trace *trace,
                                                  const ltd_prompts *prompts);

#ifdef __cplusplus
}
#endif
#endif
