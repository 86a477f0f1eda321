#include "base/rng.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *x)
{
    uint64_t z = (*x += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void ltd_rng_seed(ltd_rng *rng, uint64_t seed, uint64_t stream)
{
    /* The stream number is mixed before it meets the seed: neighbours share nothing. */
    uint64_t mix = stream;
    uint64_t x = seed ^ splitmix64(&mix);
    for (int i = 0; i < 4; i++) rng->s[i] = splitmix64(&x);
}

uint64_t ltd_rng_u64(ltd_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t r = rotl(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return r;
}

float ltd_rng_f32(ltd_rng *rng)
{
    return (float)(ltd_rng_u64(rng) >> 40) * 0x1p-24f;
}

double ltd_rng_f64(ltd_rng *rng)
{
    return (double)(ltd_rng_u64(rng) >> 11) * 0x1p-53;
}

uint64_t ltd_rng_below(ltd_rng *rng, uint64_t n)
{
    /* Reject the few values above the largest multiple of n. */
    uint64_t limit = UINT64_MAX - UINT64_MAX % n;
    uint64_t x;
    do x = ltd_rng_u64(rng);
    while (x >= limit);
    return x % n;
}

float ltd_rng_normal(ltd_rng *rng)
{
    double u = 1.0 - ltd_rng_f64(rng); /* (0, 1], so that the logarithm is finite */
    double v = ltd_rng_f64(rng);
    return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

void ltd_rng_shuffle(ltd_rng *rng, int32_t *v, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)ltd_rng_below(rng, i);
        int32_t t = v[i - 1];
        v[i - 1] = v[j];
        v[j] = t;
    }
}
