/* Rewards in units of their own spread, so far: what a step size means then depends neither on the
 * model's speed nor on the reward's kind.
 *
 *     ltd_reward_norm n = LTD_REWARD_NORM_INIT;
 *     scaled = ltd_reward_norm_next(&n, reward);
 *
 * reward / sqrt(var + 1e-8), cut at +-10; var is that of all rewards up to this one, over a start
 * of mean 0 and variance 1 that counts 1e-4.  The mean is not taken off: a reward keeps its sign.
 * Source: Stable-Baselines3, VecNormalize with norm_reward; an episode has one reward here, so its
 * return is the reward.  Plain data: a checkpoint copies it. */
#ifndef LTD_TRAINER_REWARD_NORM_H
#define LTD_TRAINER_REWARD_NORM_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_reward_norm {
    double count, mean, var;
} ltd_reward_norm;

/* clang-format off */
#define LTD_REWARD_NORM_INIT {1e-4, 0, 1}
/* clang-format on */

/* Take the reward into account, and scale it. */
float ltd_reward_norm_next(ltd_reward_norm *norm, float reward);

#ifdef __cplusplus
}
#endif
#endif
