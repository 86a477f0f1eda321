/* The recursion of SB3's compute_returns_and_advantage, in float as numpy does it there. */
#include "trainer/ppo/gae.h"

void ltd_gae(float *advantage, float *returns, const float *reward, const float *value,
             const uint8_t *episode_start, const float *last_value, const uint8_t *last_done,
             int64_t n_steps, int64_t n_envs, double gamma, double gae_lambda)
{
    float g = (float)gamma;
    float gl = (float)(gamma * gae_lambda);
    for (int64_t e = 0; e < n_envs; e++) {
        float next_value = last_value ? last_value[e] : 0.0f;
        float alive = last_done && last_done[e] ? 0.0f : 1.0f;
        float sum = 0.0f;
        for (int64_t t = n_steps - 1; t >= 0; t--) {
            int64_t i = t * n_envs + e;
            float delta = reward[i] + g * next_value * alive - value[i];
            sum = delta + gl * alive * sum;
            advantage[i] = sum;
            returns[i] = sum + value[i];
            next_value = value[i];
            alive = episode_start[i] ? 0.0f : 1.0f;
        }
    }
}

float ltd_gae_bootstrap(float reward, float next_value, double gamma)
{
    return reward + (float)gamma * next_value;
}
