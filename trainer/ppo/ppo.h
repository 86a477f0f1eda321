/* Proximal policy optimisation (Schulman et al. 2017), clipped, with a masked categorical policy:
 * in CleanRL's order and names, with Stable-Baselines3's arithmetic where the two differ (value
 * loss without 1/2, value clipping without max, early stop at 1.5 target_kl before the step).
 *
 *     ltd_ppo_options opt = LTD_PPO_DEFAULTS;
 *     opt.lr = ltd_schedule_at(&lr, done / total);
 *     ltd_ppo_stats stats;
 *     ltd_rollout_finish(rollout, gamma, gae_lambda, last_values);
 *     if (ltd_ppo_update(ac, adam, rollout, &opt, &rng, &stats, &err) < 0) ...
 *
 * One update = n_epochs passes over the rollout in shuffled minibatches.  Same inputs, same
 * parameters after it, bit for bit, on one machine with one thread.
 * With a group: the same parameters in all its processes, and those of one process with all of the
 * environments up to the rounding of gradients that were added in parts.
 * Thread rule: one thread; libtorch is set to one thread too. */
#ifndef LTD_TRAINER_PPO_H
#define LTD_TRAINER_PPO_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/actor_critic.h"
#include "base/rng.h"
#include "base/status.h"
#include "trainer/ppo/adam.h"
#include "trainer/ppo/group.h"
#include "trainer/ppo/rollout.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of one minibatch, or their means over an update. */
typedef struct ltd_ppo_stats {
    double loss;        /* policy_loss - ent_coef * entropy + vf_coef * value_loss */
    double policy_loss; /* -mean(min(A r, A clip(r))) */
    double value_loss;  /* mean((V - return)^2) */
    double entropy;     /* [nats] */
    double approx_kl;   /* mean(r - 1 - ln r), Schulman's k3 */
    double clip_fraction;
    double grad_norm;          /* before clipping */
    double explained_variance; /* of the rollout's values; update only */
    int64_t n;                 /* samples; update: of the rollout */
    int64_t minibatches;       /* gradient steps */
    int32_t epochs;            /* epochs begun */
    bool stopped;              /* by target_kl */
} ltd_ppo_stats;

typedef struct ltd_ppo_options {
    double lr;
    double clip_coef;     /* ratio is clipped to [1 - clip_coef, 1 + clip_coef] */
    double clip_vloss;    /* the new value stays within this of the old one; 0 = no clipping */
    double ent_coef;      /* weight of the entropy bonus */
    double vf_coef;       /* weight of the value loss */
    double max_grad_norm; /* over all parameters; 0 = no clipping */
    double target_kl;     /* stop when approx_kl > 1.5 target_kl; 0 = never */
    int32_t n_epochs;
    int32_t batch_size; /* samples a minibatch; the last of an epoch may be short */
    bool norm_adv;      /* advantages to mean 0, deviation 1 within each minibatch */
    /* The order of samples instead of the rng's: flattened indices, n_epochs x the rollout's size;
     * NULL = shuffle. */
    const int32_t *order;
    /* Called after each gradient step; may be NULL. */
    void (*on_minibatch)(void *user, const ltd_ppo_stats *minibatch);
    void *user;
    /* Those that update together, each with a rollout of the same shape; NULL: this one alone.
     * Steps are then numbered over all processes, in the order of ranks, and figures are over all.
     */
    ltd_group *group;
} ltd_ppo_options;

/* The paper's, where it says, else SB3's. */
/* clang-format off */
#define LTD_PPO_DEFAULTS {1e-3, 0.2, 0.0, 0.01, 0.5, 0.5, 0.0, 20, 256, true, 0, 0, 0, 0}
/* clang-format on */

/* One update of `ac`.
 *   adam       over ltd_actor_critic_size(ac) floats
 *   rollout    finished: advantages and returns are there; not changed
 *   rng        order of minibatches; may be NULL when options->order is given
 *   *stats     may be NULL; means over the minibatches
 * LTD_EINVAL (names the option; an empty rollout; shapes that disagree; a loss that is no number:
 * then the parameters of that step are untouched), LTD_ENOMEM, LTD_ETORCH. */
int ltd_ppo_update(ltd_actor_critic *ac, ltd_adam *adam, const ltd_rollout *rollout,
                   const ltd_ppo_options *options, ltd_rng *rng, ltd_ppo_stats *stats,
                   ltd_err *err);

/* Value, log-probability of the stored action and entropy, for every step of the rollout under the
 * present parameters; each [n_envs * capacity] at flattened indices, may be NULL.  What SB3 calls
 * evaluate_actions. */
int ltd_ppo_evaluate(const ltd_actor_critic *ac, const ltd_rollout *rollout, float *value,
                     float *logprob, float *entropy, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
