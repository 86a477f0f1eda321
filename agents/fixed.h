/* Agents that learn nothing: one setting for every cycle, random depths, and uniform play.
 *
 *     ltd_agent *agent;
 *     if (ltd_agent_fixed_new(&agent, "eagle3", 6, 59, &err) < 0) ...
 *     int32_t action = agent->decide(agent, env, &step, NULL);
 *     ltd_agent_free(agent); */
#ifndef LTD_AGENTS_FIXED_H
#define LTD_AGENTS_FIXED_H

#include <stdint.h>

#include "agents/agent.h"
#include "base/rng.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* EAGLE-3's default: the resync and 8 expansions, 60 nodes of beams of 10. */
enum { LTD_EAGLE_FORWARDS = 9, LTD_EAGLE_SIZE = 60, LTD_EAGLE_TOP_K = 10 };

/* `forwards` draft forwards (resync included) every cycle, then the largest legal size that isn't
 * above `size`, or the smallest legal one when all are.  0 forwards and size 0 is plain decoding,
 * unless prompt lookup is asked for by a size.
 * LTD_EINVAL: forwards or size below 0, an empty name.  *ret owned: ltd_agent_free(). */
int ltd_agent_fixed_new(ltd_agent **ret, const char *name, int32_t forwards, int32_t size,
                        ltd_err *err);

/* The action of a DEPTH turn that makes it `forwards` draft forwards, as far as that is legal. */
int32_t ltd_agent_depth_action(const ltd_env *env, const ltd_step *step, int32_t forwards);

/* The action of a SIZE turn that comes nearest to `size` nodes: the largest legal size that isn't
 * above it, or the smallest legal one when all are. */
int32_t ltd_agent_size_action(const ltd_env *env, const ltd_step *step, int32_t size);

/* Draft forwards of a cycle: every number at which one can end is as likely. */
int32_t ltd_agent_draw_forwards(const ltd_env *env, ltd_rng *rng);

/* As many forwards as a draw says, anew in each cycle, from LTD_STREAM_EXPLORE of `seed`; `size`
 * nodes as above.  What the paper's size policy learns beside.  LTD_EINVAL: size below 0. */
int ltd_agent_untaught_new(ltd_agent **ret, int32_t size, uint64_t seed, ltd_err *err);

/* Every legal action with the same probability, from LTD_STREAM_EXPLORE of `seed`. */
int ltd_agent_random_new(ltd_agent **ret, uint64_t seed, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
