/* A minibatch and its losses; whose steps an update learns from.  Shared by ppo*.c. */
#ifndef LTD_TRAINER_PPO_PRIV_H
#define LTD_TRAINER_PPO_PRIV_H

#include "trainer/ppo/ppo.h"

struct ltd_tensor;

/* The samples of one minibatch, and room for its ratios. */
typedef struct ltd_ppo_batch {
    int64_t n, room;
    int32_t obs_dim, n_actions;
    float *obs;                                   /* [n, obs_dim] */
    uint8_t *mask;                                /* [n, n_actions] */
    int64_t *action;                              /* [n] */
    float *logprob, *advantage, *returns, *value; /* [n], of the rollout */
    float *logratio, *ratio, *out;                /* [n], of the present policy */
} ltd_ppo_batch;

/* --- ppo_batch.c --- */

int ltd_ppo_batch_init(ltd_ppo_batch *b, const ltd_rollout *r, int64_t room, ltd_err *err);
void ltd_ppo_batch_fini(ltd_ppo_batch *b);
/* Take step `index` (flattened) in; there must be room. */
void ltd_ppo_batch_add(ltd_ppo_batch *b, const ltd_rollout *r, int64_t index);
/* loss = policy_loss - ent_coef * entropy + vf_coef * value_loss over the minibatch, and its parts,
 * approx_kl and clip_fraction in *s.  *ret: new handle of the current scope. */
int ltd_ppo_loss(struct ltd_tensor **ret, const ltd_actor_critic *ac, ltd_ppo_batch *b,
                 const ltd_ppo_options *opt, ltd_ppo_stats *s, ltd_err *err);

/* --- ppo_whole.c --- */

/* The rollouts of all processes of a group, rank after rank, as if they were one: fills,
 * advantages, values and returns of it, but not what was seen and done.  This process has the steps
 * [first, end) of it. */
typedef struct ltd_ppo_whole {
    ltd_rollout r;
    int64_t first, end;
    void *owned; /* memory of r's arrays; NULL: they are this process's own */
} ltd_ppo_whole;

int ltd_ppo_whole_init(ltd_ppo_whole *ret, const ltd_rollout *mine, ltd_group *group, ltd_err *err);
void ltd_ppo_whole_fini(ltd_ppo_whole *whole);
/* Flattened indices of the n steps of a rollout; owned, NULL with *err filled. */
int32_t *ltd_ppo_indices(const ltd_rollout *r, int64_t n, ltd_err *err);

#endif
