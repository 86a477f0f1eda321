/* An environment for one learner: it is asked one kind of turn, a partner plays the other.  What
 * libraries with one action space an environment can train on.
 *
 *     ltd_solo *solo;
 *     ltd_solo_new(&solo, env, LTD_TURN_SIZE, partner, &err);
 *     ltd_step step = {.obs = obs, .mask = mask};
 *     ltd_solo_reset(solo, NULL, &step, &err);
 *     while (!step.terminated) ltd_solo_step(solo, learner(step), &step, &err);
 *
 * Every step that isn't terminated is a turn of the learner's with two legal actions or more.  What
 * is forced, first DEPTH turns included, is played inside; a cycle that asks the learner nothing is
 * played to its end, and the next one begins: its reward is nobody's.
 *
 * Every action of the learner's space may be given.  A size that is not legal is larger than what
 * is needed for the whole pool; the largest legal one, which verifies the same nodes, is played.
 * Thread rule: as of the environment. */
#ifndef LTD_AGENTS_SOLO_H
#define LTD_AGENTS_SOLO_H

#include <stdint.h>

#include "agents/agent.h"
#include "base/status.h"
#include "env/ltd_env.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_solo ltd_solo;

/* Cycles in a row that ask the learner nothing, after which a reset fails. */
enum { LTD_SOLO_LONGEST = 1000 };

/*   env, partner  borrowed
 *   turn          the learner's: LTD_TURN_DEPTH or LTD_TURN_SIZE
 * LTD_EINVAL: another turn, or one that no cycle has (no more forwards than are forced, a table of
 * one size); LTD_ENOMEM.  *ret owned. */
int ltd_solo_new(ltd_solo **ret, ltd_env *env, ltd_turn turn, ltd_agent *partner, ltd_err *err);
void ltd_solo_free(ltd_solo *solo);

/* As of ltd_env.h, but for the above: up to the learner's next turn, or the end of the cycle.
 *   io   with room for any turn's observation and mask; what the partner saw may stand in them when
 *        the step is terminated
 * A reset also fails with LTD_EINVAL when nothing is asked in LTD_SOLO_LONGEST cycles, a step when
 * the action is not of the space. */
int ltd_solo_reset(ltd_solo *solo, const ltd_reset *options, ltd_step *io, ltd_err *err);
int ltd_solo_step(ltd_solo *solo, int32_t action, ltd_step *io, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
