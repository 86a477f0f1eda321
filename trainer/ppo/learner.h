/* One policy while it learns: nets and optimizer (torch twin), the plain-C actor that decides, and
 * its rollout.
 *
 *     action = ltd_learner_act(l, env, &step, &rng);         decides and records
 *     ltd_learner_reward(l, env, reward, slow);              the cycle's end
 *     ltd_learner_update(l, &ppo, gamma, lambda, &rng, &stats, &err);
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_LEARNER_H
#define LTD_TRAINER_LEARNER_H

#include <stdbool.h>

#include "agents/actor_critic.h"
#include "base/rng.h"
#include "base/status.h"
#include "env/ltd_env.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/ppo/adam.h"
#include "trainer/ppo/ppo.h"
#include "trainer/ppo/rollout.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_learner {
    const char *name; /* "depth", "size": the part of checkpoint names */
    ltd_actor_critic *ac;
    ltd_adam *adam;
    ltd_rollout *rollout;
    ltd_mlp *actor, *critic; /* plain-C twins */
    float logits[LTD_MAX_SIZES];
    bool decided; /* in the cycle under way */
} ltd_learner;

/* A rollout of `capacity` decisions in each of up to n_envs environments.  *ret owned.
 * LTD_EINVAL, LTD_ENOMEM, LTD_ETORCH. */
int ltd_learner_new(ltd_learner **ret, const char *name, const ltd_actor_critic_options *nets,
                    ltd_rollout_kind kind, int32_t n_envs, int32_t capacity, double adam_eps,
                    ltd_rng *rng, ltd_err *err);
void ltd_learner_free(ltd_learner *l);

/* Forget the rollout. */
void ltd_learner_begin(ltd_learner *l);
/* Sample an action for the step of environment `env`, and record it; -1 when its rollout is full.
 */
int32_t ltd_learner_act(ltd_learner *l, int32_t env, const ltd_step *step, ltd_rng *rng);
/* The most probable action; nothing is recorded (a frozen partner). */
int32_t ltd_learner_act_greedy(ltd_learner *l, const ltd_step *step);
/* The cycle has ended, the only one under way; with `drop` its decisions are forgotten.  Returns
 * the flattened index of the step that got the reward; -1: none did. */
int64_t ltd_learner_reward(ltd_learner *l, int32_t env, float reward, bool drop);

/* Values of the critic, advantages, one PPO update, plain-C twins brought up to date.  With
 * ppo->group it is an update over the rollouts of all its processes, and all have the parameters
 * of rank 0 after it.  Where nobody has any decisions nothing happens: stats->n is 0. */
int ltd_learner_update(ltd_learner *l, const ltd_ppo_options *ppo, double gamma, double gae_lambda,
                       ltd_rng *rng, ltd_ppo_stats *stats, ltd_err *err);

/* policy/<name>/<parameter>, adam/<name>/{m,v,step}. */
void ltd_learner_save(const ltd_learner *l, ltd_checkpoint_writer *w);
int ltd_learner_load(ltd_learner *l, const ltd_checkpoint *c, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
