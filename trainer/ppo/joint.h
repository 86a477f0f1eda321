/* Play cycles and route their turns: depth decisions to the depth learner, sizes to the size
 * learner, one reward to both.  Knows neither checkpoints nor files.
 *
 * Environments are numbered over all processes of a group, in the order of ranks.  Each has its own
 * stream of explored actions and ends its rollout by itself, so that what one plays does not depend
 * on who plays the others. */
#ifndef LTD_TRAINER_JOINT_H
#define LTD_TRAINER_JOINT_H

#include <stdbool.h>

#include "env/ltd_env.h"
#include "trainer/bench/run_prompt.h"
#include "trainer/ppo/group.h"
#include "trainer/ppo/learner.h"
#include "trainer/ppo/reward_norm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a policy plays. */
typedef enum ltd_joint_role {
    LTD_ROLE_LEARNS,
    LTD_ROLE_GREEDY,  /* frozen: its most probable action */
    LTD_ROLE_UNTAUGHT /* not at all.  Depth: as many forwards as a draw from min_forwards to
                         max_forwards says; size: fixed_size nodes */
} ltd_joint_role;

/* Sums over the cycles of a collection: of this process while it lasts, then of all. */
typedef struct ltd_joint_stats {
    int64_t cycles, slow, decisions;
    int64_t depth_steps, size_steps; /* decisions to learn from; when the collection is over */
    int64_t accept_len, forwards, size, tokens;
    double reward;
    double ns, ar_ns; /* of cycles that were not slow */
    double good_len;  /* accept_len of those */
    double phase_ns[LTD_PHASE_COUNT];
    /* cycles by value; the last entries hold all that are larger */
    uint32_t accept_hist[LTD_RUN_ACCEPT], forwards_hist[LTD_RUN_FORWARDS], size_hist[LTD_RUN_SIZES];
} ltd_joint_stats;

/* A cycle's reward, and the steps that have it (flattened; -1: none). */
typedef struct ltd_joint_paid {
    int32_t env, round; /* round: cycles of that environment before */
    float reward;
    int64_t depth, size;
} ltd_joint_paid;

typedef struct ltd_joint {
    ltd_group *group; /* borrowed; NULL: alone */
    ltd_env **env;    /* [n_envs] borrowed; at most the rollouts'; every process has as many */
    int32_t n_envs;
    ltd_learner *depth, *size; /* borrowed */
    ltd_reward_norm norm;
    bool norm_reward; /* learn from rewards in units of their spread */
    ltd_joint_role depth_role, size_role;
    int32_t fixed_size;
    int32_t drawn;        /* forwards of the cycle under way, LTD_ROLE_UNTAUGHT */
    ltd_rng *explore;     /* [n_envs] borrowed */
    float *obs;           /* room for any observation, owned */
    uint8_t *mask;        /* [LTD_MAX_SIZES] owned */
    ltd_joint_paid *paid; /* [n_paid] of the collection; owned */
    size_t n_paid, paid_room;
    ltd_joint_stats stats;
} ltd_joint;

/* Without environments: the caller sets them. */
int ltd_joint_init(ltd_joint *ret, ltd_learner *depth, ltd_learner *size, ltd_rng *explore,
                   ltd_err *err);
void ltd_joint_fini(ltd_joint *j);

/* Fill the rollouts, a cycle of each environment in turn: until each has no room for one more cycle
 * in either learner, `most` cycles of all are shared out, or *stop (may be NULL) is set.  Each
 * environment begins with a new prompt, so that what follows a checkpoint does not depend on the
 * text before it. `tick` (may be NULL) is called after each cycle, outside the timed window.
 * With a group what stops one ends it for all: errors of ltd_group_poll(). */
int ltd_joint_collect(ltd_joint *j, int64_t most, const volatile int *stop,
                      void (*tick)(void *ctx, const ltd_joint_stats *stats), void *ctx,
                      ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
