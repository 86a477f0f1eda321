/* Seeded random streams: xoshiro256++ (Blackman & Vigna 2019), seeded through splitmix64.
 * The whole state is four words, so that a checkpoint can hold it.
 *
 *     ltd_rng rng;
 *     ltd_rng_seed(&rng, seed, LTD_STREAM_EXPLORE);
 *     float u = ltd_rng_f32(&rng);
 *
 * Thread rule: a stream belongs to one thread. */
#ifndef LTD_BASE_RNG_H
#define LTD_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_rng {
    uint64_t s[4];
} ltd_rng;

/* The streams of one run; the same seed gives independent numbers in each. */
enum ltd_stream {
    LTD_STREAM_PROMPTS,   /* order of prompts */
    LTD_STREAM_EXPLORE,   /* sampled actions */
    LTD_STREAM_INIT,      /* initial parameters */
    LTD_STREAM_MINIBATCH, /* order of minibatches */
    LTD_STREAM_BOOTSTRAP, /* confidence intervals */
    LTD_STREAM_TEST,
    LTD_STREAM_SAMPLE, /* tokens at a temperature */
    LTD_STREAM_COUNT
};

/* Start stream `stream` of `seed`. */
void ltd_rng_seed(ltd_rng *rng, uint64_t seed, uint64_t stream);

/* 64 uniform bits. */
uint64_t ltd_rng_u64(ltd_rng *rng);

/* Uniform in [0, 1), 24 bits. */
float ltd_rng_f32(ltd_rng *rng);

/* Uniform in [0, 1), 53 bits. */
double ltd_rng_f64(ltd_rng *rng);

/* Uniform integer in [0, n), n > 0, without bias. */
uint64_t ltd_rng_below(ltd_rng *rng, uint64_t n);

/* Standard normal (Box-Muller, two uniforms a call, no state kept). */
float ltd_rng_normal(ltd_rng *rng);

/* Fisher-Yates shuffle of v[n]. */
void ltd_rng_shuffle(ltd_rng *rng, int32_t *v, size_t n);

#ifdef __cplusplus
}
#endif
#endif
