/* The distribution that the next token is drawn from: logits, a temperature, the most probable
 * tokens only.
 *
 *     ltd_sampling rule = {.temperature = 0.8, .top_k = 50, .top_p = 0.95};
 *     ltd_sampler *s;
 *     ltd_sampler_new(&s, vocab, &rule, &err);
 *     ltd_sampler_set(s, logits, &err);                  one row of logits
 *     int32_t token = ltd_sampler_draw(s, ltd_rng_f64(&rng));
 *
 * Tokens are ordered by (logit descending, id ascending); temperature doesn't change that order.
 * What is kept is always its beginning: top-k the first k tokens, top-p the shortest beginning
 * whose probability reaches p.  So ties never leave anything to chance, and top_k = 1 is greedy
 * decoding.
 *
 * The same logits and number give the same token on every machine and with any number of threads:
 * plain double arithmetic in a fixed order.
 * Thread rule: one thread.  No allocation after ltd_sampler_new().
 * Knows nothing of trees, nor where the numbers come from. */
#ifndef LTD_MODELS_LLM_SAMPLE_H
#define LTD_MODELS_LLM_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_sampling {
    double temperature; /* logits are divided by it; more than 0 (0 = greedy: needs no sampler) */
    int32_t top_k;      /* 0 or the vocabulary's size: all */
    double top_p;       /* (0, 1]; 1: all */
    /* false: top-k first, then top-p of what it left, made to sum to 1 (transformers' order); true:
     * top-p of the whole vocabulary, of that the first k (EAGLE's order). */
    bool top_p_first;
} ltd_sampling;

typedef struct ltd_sampler ltd_sampler;

/* LTD_EINVAL names the value that can't be, LTD_ENOMEM.  *ret owned; 16 bytes a token. */
int ltd_sampler_new(ltd_sampler **ret, int32_t vocab, const ltd_sampling *rule, ltd_err *err);
void ltd_sampler_free(ltd_sampler *s);

/* Take the distribution of logits [vocab].  A logit of -infinity is a token that can't come.
 * LTD_EINVAL: a logit is NaN or +infinity, or none is finite; the distribution before stays. */
int ltd_sampler_set(ltd_sampler *s, const float *logits, ltd_err *err);

/* Probability of a token; 0 for those that were cut off or removed. */
double ltd_sampler_p(const ltd_sampler *s, int32_t token);

/* The token at u [0, 1) of the probabilities cumulated in order of ids.  Never one of probability
 * 0. */
int32_t ltd_sampler_draw(const ltd_sampler *s, double u);

/* Take a token out; the others' probabilities grow to sum to 1.  False, and nothing changes, when
 * it is the only one left. */
bool ltd_sampler_remove(ltd_sampler *s, int32_t token);

#ifdef __cplusplus
}
#endif
#endif
