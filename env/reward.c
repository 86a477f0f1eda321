#include "env/reward.h"

void ltd_reward_init(ltd_reward *reward, ltd_reward_kind kind, double scale, double keep)
{
    reward->kind = kind;
    reward->scale = scale;
    reward->keep = keep;
    reward->sum_l = reward->sum_t = 0;
}

double ltd_reward_rho(const ltd_reward *reward)
{
    return reward->sum_t > 0 ? reward->sum_l / reward->sum_t : 1.0;
}

float ltd_reward_cycle(ltd_reward *reward, int32_t accept_len, uint64_t cycle_ns, uint64_t ar_ns)
{
    double tokens = accept_len;
    /* A clock that stood still is a cycle of one nanosecond, not infinite speed. */
    double ns = cycle_ns > 0 ? (double)cycle_ns : 1.0;
    double steps = ar_ns > 0 ? ns / (double)ar_ns : 0.0;
    double rho = ltd_reward_rho(reward);
    if (ar_ns > 0) {
        reward->sum_l = reward->keep * reward->sum_l + tokens;
        reward->sum_t = reward->keep * reward->sum_t + steps;
    }
    switch (reward->kind) {
    case LTD_REWARD_RATIO: return (float)(tokens / (reward->scale * ns * 1e-9));
    case LTD_REWARD_LENGTH: return (float)tokens;
    case LTD_REWARD_TIME: return (float)(-reward->scale * ns * 1e-9);
    case LTD_REWARD_AVERAGE:
    case LTD_REWARD_COUNT: break;
    }
    return (float)(tokens - rho * steps);
}

const char *ltd_reward_name(ltd_reward_kind kind)
{
    static const char *const names[LTD_REWARD_COUNT] = {"ratio", "average", "length", "time"};
    return (unsigned)kind < LTD_REWARD_COUNT ? names[kind] : "?";
}
