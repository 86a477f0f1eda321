#include "trainer/ppo/reward_norm.h"

#include <math.h>

static const double most = 10;

float ltd_reward_norm_next(ltd_reward_norm *norm, float reward)
{
    double r = (double)reward, count = norm->count + 1, delta = r - norm->mean;
    norm->var = norm->var * norm->count / count + delta * delta * norm->count / (count * count);
    norm->mean += delta / count;
    norm->count = count;
    double scaled = r / sqrt(norm->var + 1e-8);
    return (float)fmax(-most, fmin(most, scaled));
}
