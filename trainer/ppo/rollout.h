/* What the agents did and got, until the next update: one buffer per policy.
 *
 * Depth decisions come in episodes of several steps with one reward at the end; a size decision is
 * an episode of its own.  The two never share a buffer, hence never a GAE pass.
 *
 *     ltd_rollout_options opt = {LTD_ROLLOUT_EPISODES, 1, 2048, obs_dim, n_actions};
 *     while (!ltd_rollout_full(r)) {
 *         ltd_slot slot;
 *         ltd_rollout_slot(r, env, &slot);              write slot.obs and slot.mask in place
 *         ltd_rollout_push(r, env, action, logprob, value);
 *         ...
 *         ltd_rollout_end(r, env, reward);              the episode's last step gets the reward
 *     }
 *     ltd_rollout_finish(r, 0.999, 0.95, last_values);
 *
 * Arrays are [n_envs, capacity, ...]: an environment's steps are contiguous, each environment has
 * its own fill, and index env * capacity + step is SB3's flattened order.
 * Thread rule: one thread.  No allocation after _new. */
#ifndef LTD_TRAINER_ROLLOUT_H
#define LTD_TRAINER_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_rollout_kind {
    LTD_ROLLOUT_EPISODES, /* depth: several decisions, one reward */
    LTD_ROLLOUT_BANDIT,   /* size: every decision is an episode */
    LTD_ROLLOUT_COUNT,
} ltd_rollout_kind;

typedef struct ltd_rollout_options {
    ltd_rollout_kind kind;
    int32_t n_envs;
    int32_t capacity; /* steps per environment (n_steps) */
    int32_t obs_dim, n_actions;
} ltd_rollout_options;

/* The buffer; arrays are readable, written only through the functions below (tests fill them). */
typedef struct ltd_rollout {
    ltd_rollout_options opt;
    int32_t *fill;          /* [n_envs] steps so far */
    int32_t *begin;         /* [n_envs] first step of the latest episode */
    uint8_t *open;          /* [n_envs] 1 = that episode is under way */
    float *obs;             /* [n_envs, capacity, obs_dim] */
    uint8_t *mask;          /* [n_envs, capacity, n_actions], 1 = legal */
    int32_t *action;        /* [n_envs, capacity] */
    float *logprob;         /* ... ln pi(action) when it was taken */
    float *reward;          /* ... */
    float *bootstrap;       /* ... V(state after a truncated step), else 0 */
    uint8_t *episode_start; /* ... 1 = this step begins an episode */
    float *value;           /* ... V(obs) when the action was taken */
    float *advantage;       /* ... by ltd_rollout_finish */
    float *returns;         /* ... advantage + value */
} ltd_rollout;

/* Where the next step of an environment is to be written. */
typedef struct ltd_slot {
    float *obs;    /* [obs_dim] */
    uint8_t *mask; /* [n_actions], all 1 until written */
} ltd_slot;

/* *ret owned.  LTD_EINVAL, LTD_ENOMEM. */
int ltd_rollout_new(ltd_rollout **ret, const ltd_rollout_options *options, ltd_err *err);
void ltd_rollout_free(ltd_rollout *r);
/* Forget all steps; an episode under way goes on in the next one, as in SB3. */
void ltd_rollout_reset(ltd_rollout *r);
/* Forget everything: the next step of every environment begins an episode. */
void ltd_rollout_clear(ltd_rollout *r);

/* The next slot of environment `env`; false when it is full. */
bool ltd_rollout_slot(ltd_rollout *r, int32_t env, ltd_slot *ret);
/* Take the slot: reward 0 until said otherwise.  Returns the flattened index, -1 when full. */
int64_t ltd_rollout_push(ltd_rollout *r, int32_t env, int32_t action, float logprob, float value);
/* Add to the reward of the last step of `env` without ending its episode.  Rewards come before
 * ltd_rollout_finish and _reset: a step that was forgotten can't have one. */
void ltd_rollout_reward(ltd_rollout *r, int32_t env, float reward);
/* The episode of `env` ends in a terminal state; the reward goes to its last step.  Nothing happens
 * when none is under way (BANDIT: when there is no step). */
void ltd_rollout_end(ltd_rollout *r, int32_t env, float reward);
/* Give step `index` (flattened) this reward in place of the one it has. */
void ltd_rollout_pay(ltd_rollout *r, int64_t index, float reward);
/* The episode is cut, not over: the future is worth `value` = V(the state after it). */
void ltd_rollout_truncate(ltd_rollout *r, int32_t env, float reward, float value);
/* Forget the episode under way (a cycle that the clock says not to learn from). */
void ltd_rollout_drop(ltd_rollout *r, int32_t env);
/* Forget the last episode although it has ended; only the last: a second call does nothing. */
void ltd_rollout_drop_last(ltd_rollout *r, int32_t env);

/* Steps in all environments; all slots taken? */
int64_t ltd_rollout_size(const ltd_rollout *r);
bool ltd_rollout_full(const ltd_rollout *r);

/* Advantages and returns of all steps.
 *   last_values   [n_envs] V(the state after the last step), used where an episode is under way;
 *                 NULL = 0
 * Source: SB3 compute_returns_and_advantage. */
void ltd_rollout_finish(ltd_rollout *r, double gamma, double gae_lambda, const float *last_values);

/* 1 - var(returns - value) / var(returns); NaN when the returns are all equal. */
double ltd_rollout_explained_variance(const ltd_rollout *r);

/* Flattened indices of all steps, ascending; index [ltd_rollout_size]. */
void ltd_rollout_indices(const ltd_rollout *r, int32_t *index);

#ifdef __cplusplus
}
#endif
#endif
