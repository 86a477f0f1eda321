/* Generalised advantage estimation (Schulman et al. 2016), with Stable-Baselines3's conventions.
 *
 * episode_start[t] = 1 says that step t begins an episode, so step t-1 ended one: the value of step
 * t is then no part of step t-1's future.  A step that was cut (truncated), not terminated, gets
 * gamma * V(state after it) added to its reward, see ltd_gae_bootstrap.  Pure. */
#ifndef LTD_TRAINER_GAE_H
#define LTD_TRAINER_GAE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Advantages and returns of arrays [n_steps, n_envs] (step-major).
 *   reward, value     [n_steps, n_envs]
 *   episode_start     [n_steps, n_envs], 1 = begins an episode
 *   last_value        [n_envs] V(state after the last step); NULL = 0
 *   last_done         [n_envs] 1 = the last step ended its episode; NULL = none did
 *   advantage         [n_steps, n_envs] out
 *   returns           [n_steps, n_envs] out: advantage + value; may be `reward`'s own memory
 * Arithmetic in float, coefficients rounded as SB3's numpy does. */
void ltd_gae(float *advantage, float *returns, const float *reward, const float *value,
             const uint8_t *episode_start, const float *last_value, const uint8_t *last_done,
             int64_t n_steps, int64_t n_envs, double gamma, double gae_lambda);

/* The reward of a truncated step: reward + gamma * V(state after it). */
float ltd_gae_bootstrap(float reward, float next_value, double gamma);

#ifdef __cplusplus
}
#endif
#endif
