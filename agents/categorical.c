/* Sums in double over at most a few dozen actions: the exponentials are far cheaper than the net,
 * and a draw can't depend on how a float sum rounds. */
#include "agents/categorical.h"

#include <math.h>
#include <stdbool.h>

static bool legal(const uint8_t *mask, int32_t i)
{
    return !mask || mask[i];
}

int32_t ltd_categorical_argmax(const float *logits, const uint8_t *mask, int32_t n)
{
    int32_t best = -1;
    for (int32_t i = 0; i < n; i++)
        if (legal(mask, i) && (best < 0 || logits[i] > logits[best])) best = i;
    return best;
}

/* Sum of exp(logit - *max) over the legal actions; 0 when there is no distribution: nothing legal,
 * or a NaN, or an infinity at the top. */
static double total(const float *logits, const uint8_t *mask, int32_t n, double *max)
{
    int32_t best = ltd_categorical_argmax(logits, mask, n);
    if (best < 0) return 0.0;
    *max = (double)logits[best];
    double sum = 0.0;
    for (int32_t i = 0; i < n; i++)
        if (legal(mask, i)) sum += exp((double)logits[i] - *max);
    return isfinite(sum) ? sum : 0.0;
}

int32_t ltd_categorical_sample(const float *logits, const uint8_t *mask, int32_t n, ltd_rng *rng,
                               float *logprob)
{
    double u = ltd_rng_f64(rng);
    double max, sum = total(logits, mask, n, &max);
    if (!(sum > 0.0)) return -1;
    double left = u * sum;
    int32_t action = -1;
    for (int32_t i = 0; i < n; i++) {
        if (!legal(mask, i)) continue;
        double w = exp((double)logits[i] - max);
        if (w <= 0.0) continue;
        action = i; /* the last one stays when rounding leaves a crumb */
        left -= w;
        if (left < 0.0) break;
    }
    if (logprob) *logprob = (float)((double)logits[action] - max - log(sum));
    return action;
}

float ltd_categorical_logprob(const float *logits, const uint8_t *mask, int32_t n, int32_t action)
{
    if (action < 0 || action >= n || !legal(mask, action)) return -INFINITY;
    double max, sum = total(logits, mask, n, &max);
    if (!(sum > 0.0)) return NAN;
    return (float)((double)logits[action] - max - log(sum));
}

float ltd_categorical_entropy(const float *logits, const uint8_t *mask, int32_t n)
{
    double max, sum = total(logits, mask, n, &max);
    if (!(sum > 0.0)) return NAN;
    double h = 0.0;
    for (int32_t i = 0; i < n; i++) {
        if (!legal(mask, i)) continue;
        double p = exp((double)logits[i] - max) / sum;
        if (p > 0.0) h -= p * ((double)logits[i] - max - log(sum));
    }
    return (float)h;
}

void ltd_categorical_probs(float *probs, const float *logits, const uint8_t *mask, int32_t n)
{
    double max, sum = total(logits, mask, n, &max);
    for (int32_t i = 0; i < n; i++)
        probs[i] = sum > 0.0 && legal(mask, i) ? (float)(exp((double)logits[i] - max) / sum) : 0.0f;
}
