/* From a configuration to environments that are ready to play, for programs that embed the library:
 * model, head, cost table, prompts, and records or the engine itself, opened by one call.
 *
 *     ltd_world *w;  ltd_env *env;  ltd_agent *agent;
 *     if (ltd_world_open(&w, &(ltd_world_options){.config = &config}, &err) < 0) ...
 *     ltd_world_env(w, 0, &env, &err);
 *     ltd_world_agent(w, "static-3-8", 0, &agent, &err);
 *     ... ltd_env_reset(), agent->decide(), ltd_env_step() ...
 *     ltd_agent_free(agent);  ltd_world_env_close(env);  ltd_world_close(w);
 *
 * Knows no learner and no terminal.  examples/embed.c and python/ are made of it.
 * Thread rule: one thread opens and closes; each environment and agent belongs to one thread; of a
 * live world, whose model has one pool of threads, one environment plays at a time. */
#ifndef LTD_TRAINER_WORLD_H
#define LTD_TRAINER_WORLD_H

#include <stdint.h>

#include "agents/agent.h"
#include "base/log.h"
#include "base/status.h"
#include "base/str.h"
#include "env/ltd_env.h"
#include "trainer/config/config.h"
#include "trainer/config/setup.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_world ltd_world;

typedef enum ltd_world_source {
    LTD_WORLD_LIVE,   /* the engine */
    LTD_WORLD_RECORDS /* what `ltd record` left, by the cost table; compiled where the observations
                         are ltd's */
} ltd_world_source;

typedef enum ltd_world_split {
    LTD_WORLD_TRAIN, /* prompts.train */
    LTD_WORLD_VALID,
    LTD_WORLD_BENCH
} ltd_world_split;

typedef struct ltd_world_options {
    const ltd_config *config; /* copied */
    ltd_world_source source;
    ltd_world_split split;
    const char *text;      /* live: the only prompt, in place of files; NULL: files */
    const char *policy;    /* checkpoint or run folder that ltd_world_agent() plays as "policy", and
                              whose space (beam, forwards, sizes, lookup) is taken; NULL: none */
    const ltd_logger *log; /* borrowed; NULL: silent */
} ltd_world_options;

/* LTD_EINVAL: records with a temperature or a text, a policy of another model or head; LTD_EIO: no
 * calibration or records where they are needed (the message names the verb to run); what setup,
 * prompts, policies and positions return.  *ret owned. */
int ltd_world_open(ltd_world **ret, const ltd_world_options *options, ltd_err *err);
void ltd_world_close(ltd_world *w);

/* Model, head, cost table, configuration as they are in use; borrowed. */
const ltd_setup *ltd_world_setup(const ltd_world *w);

/* One more environment over it; `seed` is that of its prompt order.  *ret owned:
 * ltd_world_env_close(), before the world. */
int ltd_world_env(const ltd_world *w, uint64_t seed, ltd_env **ret, ltd_err *err);
/* Closes its cycle, too; NULL is fine. */
void ltd_world_env_close(ltd_env *env);

/* Who plays, by name:
 *     policy        that of the options, its most probable actions
 *     untaught      random depths, policy.fixed_size nodes
 *     static-N-V    N draft forwards, V nodes
 *     ar            plain decoding
 *     random        any legal action
 * LTD_EINVAL: another name, "policy" without one, a policy that doesn't fit `env`.  *ret owned:
 * ltd_agent_free(), before the world. */
int ltd_world_agent(const ltd_world *w, const ltd_env *env, const char *name, uint64_t seed,
                    ltd_agent **ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
