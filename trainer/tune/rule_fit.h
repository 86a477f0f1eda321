/* Training of the small nets that rules decide by (agents/rules/trained.h): forward, gradient and
 * Adam in plain C, because nets of a few hundred weights are not worth a tensor library.
 *
 *     ltd_fit *fit;
 *     ltd_fit_new(&fit, (int32_t[]){14, 32, 1}, 2, seed, &err);
 *     ltd_fit_classify(fit, &samples, &(ltd_fit_options)LTD_FIT_DEFAULTS, seed, &err);
 *     ltd_fit_mlp(fit, &mlp, &err);                        what agents compute with
 *     ltd_fit_free(fit);
 *
 * Layers are linear with tanh between them, as in agents/mlp.h.  The same seed and samples give the
 * same bytes.  Thread rule: one thread. */
#ifndef LTD_TRAINER_RULE_FIT_H
#define LTD_TRAINER_RULE_FIT_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/mlp.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_fit ltd_fit;

/* A net with random weights: normal, of variance 1 / inputs, a tenth of that scale in the last
 * layer; biases 0.  dims [n_layers + 1].  LTD_EINVAL, LTD_ENOMEM.  *ret owned. */
int ltd_fit_new(ltd_fit **ret, const int32_t *dims, int32_t n_layers, uint64_t seed, ltd_err *err);
void ltd_fit_free(ltd_fit *fit);

/* --- a step --- */

/* y[outputs] = net(x[inputs]); x is borrowed until the gradient is taken. */
void ltd_fit_forward(ltd_fit *fit, const float *x, float *y);
/* Add the gradient of the sample that went forward last, from dy[outputs] = d loss / d y. */
void ltd_fit_backward(ltd_fit *fit, const float *dy);
/* One step of Adam by the sum of gradients / samples, which is zero afterwards. */
void ltd_fit_step(ltd_fit *fit, int32_t samples, double lr);

/* All weights and the sum of gradients, ltd_fit_count() each: layer by layer [inputs][outputs],
 * then its biases. */
int64_t ltd_fit_count(const ltd_fit *fit);
float *ltd_fit_weights(ltd_fit *fit);
const float *ltd_fit_gradient(const ltd_fit *fit);

/* The net as it stands.  LTD_ENOMEM.  *ret owned. */
int ltd_fit_mlp(const ltd_fit *fit, ltd_mlp **ret, ltd_err *err);

/* --- classifiers: one output, the logit of the probability that the label is 1 --- */

typedef struct ltd_fit_samples {
    int64_t n;
    const float *x;     /* [n, inputs] */
    const uint8_t *yes; /* [n] the label */
    float weight_of_no; /* of samples whose label is 0; the others' is 1 */
} ltd_fit_samples;

typedef struct ltd_fit_options {
    int32_t epochs, batch;
    double lr; /* at the start, falling to 0 */
} ltd_fit_options;

/* clang-format off */
#define LTD_FIT_DEFAULTS {20, 64, 3e-3}
/* clang-format on */

/* Weighted binary cross-entropy of a logit, and *slope = d loss / d logit. */
float ltd_fit_cross_entropy(float logit, bool yes, float weight, float *slope);
/* Minimise its mean.  LTD_EINVAL: no samples; LTD_ENOMEM. */
int ltd_fit_classify(ltd_fit *fit, const ltd_fit_samples *samples, const ltd_fit_options *options,
                     uint64_t seed, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
