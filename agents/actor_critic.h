/* The training twin of a policy: actor and critic as separate nets with Stable-Baselines3's shapes
 * and names (mlp_extractor.policy_net.{0,2,..}, mlp_extractor.value_net.{0,2,..}, action_net,
 * value_net), differentiable through the torch shim.  Decisions are never taken here: they come
 * from the plain-C twins, see ltd_actor_critic_sync.
 *
 *     ltd_actor_critic_options opt = LTD_ACTOR_CRITIC_DEFAULTS;
 *     opt.obs_dim = 128, opt.n_actions = 2;
 *     ltd_actor_critic *ac;
 *     if (ltd_actor_critic_new(&ac, &opt, &rng, &err) < 0) ...
 *     ltd_mlp *actor = NULL, *critic = NULL;
 *     ltd_actor_critic_sync(ac, &actor, &critic, &err);
 *
 * All parameters are one array of floats, and so are their gradients; the tensors are views of
 * them.  Optimizer, clipping, checkpoint and export are loops over plain memory.
 * Thread rule: one thread. */
#ifndef LTD_AGENTS_ACTOR_CRITIC_H
#define LTD_AGENTS_ACTOR_CRITIC_H

#include <stddef.h>
#include <stdint.h>

#include "agents/mlp.h"
#include "base/rng.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ltd_tensor;

enum { LTD_ACTOR_CRITIC_MAX_HIDDEN = LTD_MLP_MAX_LAYERS - 1 };

typedef struct ltd_actor_critic_options {
    int32_t obs_dim, n_actions;
    int32_t pi[LTD_ACTOR_CRITIC_MAX_HIDDEN], n_pi; /* hidden sizes of the actor */
    int32_t vf[LTD_ACTOR_CRITIC_MAX_HIDDEN], n_vf; /* and of the critic */
    ltd_activation activation;
} ltd_actor_critic_options;

/* SB3's MlpPolicy: 64-64, tanh; obs_dim and n_actions are the caller's to set. */
/* clang-format off */
#define LTD_ACTOR_CRITIC_DEFAULTS {0, 0, {64, 64}, 2, {64, 64}, 2, LTD_ACT_TANH}
/* clang-format on */

/* One parameter: a view into the flat arrays, borrowed until the nets are freed. */
typedef struct ltd_param {
    const char *name; /* "mlp_extractor.policy_net.0.weight" */
    int32_t n_dims;   /* 2: [out, in]; 1: [out] */
    int64_t dims[2];  /* unused ones are 1 */
    int64_t offset;   /* into the flat arrays */
    int64_t count;
    float *data; /* row-major */
    float *grad;
} ltd_param;

typedef struct ltd_actor_critic ltd_actor_critic;

/* *ret owned.  Orthogonal weights from `rng` (gain sqrt 2, action_net 0.01, value_net 1), zero
 * biases; rng NULL = all zero.  LTD_EINVAL, LTD_ENOMEM, LTD_ETORCH. */
int ltd_actor_critic_new(ltd_actor_critic **ret, const ltd_actor_critic_options *options,
                         ltd_rng *rng, ltd_err *err);
void ltd_actor_critic_free(ltd_actor_critic *ac);
const ltd_actor_critic_options *ltd_actor_critic_get_options(const ltd_actor_critic *ac);

/* Parameters in SB3's order: policy_net, value_net, action_net, value_net head; of each layer
 * weight, then bias.  NULL when i is out of range or there is no such name. */
int32_t ltd_actor_critic_param_count(const ltd_actor_critic *ac);
const ltd_param *ltd_actor_critic_param(const ltd_actor_critic *ac, int32_t i);
const ltd_param *ltd_actor_critic_param_named(const ltd_actor_critic *ac, const char *name);

/* The flat arrays behind, [ltd_actor_critic_size]; 64-byte aligned. */
int64_t ltd_actor_critic_size(const ltd_actor_critic *ac);
float *ltd_actor_critic_data(ltd_actor_critic *ac);
float *ltd_actor_critic_grad(ltd_actor_critic *ac);

/* A batch through both nets.
 *   obs        f32 [n, obs_dim]
 *   mask       bool [n, n_actions], 1 = legal; NULL = all.  Illegal logits become -1e8 first
 *   *logp      f32 [n, n_actions], ln pi(a|s), normalised; new handle of the current scope
 *   *value     f32 [n]; new handle of the current scope
 * LTD_ETORCH when shapes disagree. */
int ltd_actor_critic_forward(const ltd_actor_critic *ac, const struct ltd_tensor *obs,
                             const struct ltd_tensor *mask, struct ltd_tensor **logp,
                             struct ltd_tensor **value, ltd_err *err);

/* The actor's logits alone, f32 [n, n_actions], nothing masked; new handle of the current scope. */
int ltd_actor_critic_logits(const ltd_actor_critic *ac, const struct ltd_tensor *obs,
                            struct ltd_tensor **logits, ltd_err *err);

/* Copy the parameters to the plain-C twins.  A NULL *actor or *critic is made first (owned by the
 * caller); `actor` or `critic` may itself be NULL: not wanted.  LTD_EINVAL when dims disagree. */
int ltd_actor_critic_sync(const ltd_actor_critic *ac, ltd_mlp **actor, ltd_mlp **critic,
                          ltd_err *err);
/* The other way: take the weights of nets that were imported; NULL = leave that one. */
int ltd_actor_critic_load_mlp(ltd_actor_critic *ac, const ltd_mlp *actor, const ltd_mlp *critic,
                              ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
