/* Nets that begin as a rule: some units of each hidden layer carry chosen inputs through to chosen
 * actions (two a path, x and -x, since ReLU lets one sign pass), the others begin as they are.  So
 * a policy starts at what the rule knows and can only add to it, and stays a plain MLP.
 *
 *     const ltd_prior_path path = {LTD_OBS_AT_GO, LTD_DEPTH_CONTINUE, 4};
 *     ltd_prior_set(ac, &path, 1, mean, spread, &err);
 *
 * Thread rule: as ltd_actor_critic. */
#ifndef LTD_TRAINER_PRIOR_H
#define LTD_TRAINER_PRIOR_H

#include "agents/actor_critic.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_prior_path {
    int32_t input, action;
    float weight; /* action's logit += weight x input */
} ltd_prior_path;

/* Lay `n` paths into the actor, whose other units see inputs less `mean` in units of `spread`
 * [obs_dim].  LTD_EINVAL: no ReLU, no hidden layer, one narrower than 2 n, a path out of range. */
int ltd_prior_set(ltd_actor_critic *ac, const ltd_prior_path *paths, int32_t n, const float *mean,
                  const float *spread, ltd_err *err);
/* Those of expected worth: continue while going on is worth more than `margin`, then the size that
 * is worth most; in proportion to `weight`.  For nets over the ltd observations. */
int ltd_prior_set_worth(ltd_actor_critic *depth, ltd_actor_critic *size, float weight, float margin,
                        const float *mean, const float *spread, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
