/* A categorical distribution over logits under a mask of legal actions: what a policy's last layer
 * means.  Masked actions have probability 0 exactly.
 *
 *     float logprob;
 *     int32_t a = ltd_categorical_sample(logits, mask, n, &rng, &logprob);
 *
 * `mask` [n]: 0 = illegal, anything else = legal; NULL = all legal.  Logits of illegal actions are
 * never read.  Pure but for the rng; no allocation. */
#ifndef LTD_AGENTS_CATEGORICAL_H
#define LTD_AGENTS_CATEGORICAL_H

#include <stdint.h>

#include "base/rng.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Draw an action; one uniform of `rng` a call, whatever the mask.  *logprob (may be NULL) receives
 * ln pi(action).  -1 when nothing is legal or no legal logit is a number. */
int32_t ltd_categorical_sample(const float *logits, const uint8_t *mask, int32_t n, ltd_rng *rng,
                               float *logprob);

/* The most probable legal action, the lowest index on ties; -1 when nothing is legal. */
int32_t ltd_categorical_argmax(const float *logits, const uint8_t *mask, int32_t n);

/* ln pi(action); -INFINITY for an illegal action. */
float ltd_categorical_logprob(const float *logits, const uint8_t *mask, int32_t n, int32_t action);

/* -sum p ln p over the legal actions [nats]. */
float ltd_categorical_entropy(const float *logits, const uint8_t *mask, int32_t n);

/* probs[n], summing to 1; 0 for illegal actions. */
void ltd_categorical_probs(float *probs, const float *logits, const uint8_t *mask, int32_t n);

#ifdef __cplusplus
}
#endif
#endif
