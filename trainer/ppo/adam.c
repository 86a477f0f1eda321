#include "trainer/ppo/adam.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

int ltd_adam_new(ltd_adam **ret, int64_t n, const ltd_adam_options *options, ltd_err *err)
{
    *ret = NULL;
    const ltd_adam_options *o = options;
    if (n < 1) return ltd_fail(err, LTD_EINVAL, "adam: found %lld parameters", (long long)n);
    if (!(o->beta1 >= 0 && o->beta1 < 1 && o->beta2 >= 0 && o->beta2 < 1 && o->eps > 0))
        return ltd_fail(err, LTD_EINVAL,
                        "adam: found beta1 %g, beta2 %g, eps %g, expected betas in [0, 1), eps > 0",
                        o->beta1, o->beta2, o->eps);
    ltd_adam *adam = ltd_mem_zeros(1, sizeof *adam);
    if (!adam) return ltd_fail(err, LTD_ENOMEM, "adam: out of memory");
    adam->opt = *o;
    adam->n = n;
    adam->m = ltd_mem_aligned((size_t)n, sizeof *adam->m);
    adam->v = ltd_mem_aligned((size_t)n, sizeof *adam->v);
    if (!adam->m || !adam->v) {
        ltd_adam_free(adam);
        return ltd_fail(err, LTD_ENOMEM, "adam: out of memory");
    }
    *ret = adam;
    return LTD_OK;
}

void ltd_adam_free(ltd_adam *adam)
{
    if (!adam) return;
    free(adam->m);
    free(adam->v);
    free(adam);
}

void ltd_adam_step(ltd_adam *adam, float *data, const float *grad, double lr)
{
    const ltd_adam_options *o = &adam->opt;
    adam->step++;
    double correct1 = 1.0 - pow(o->beta1, (double)adam->step);
    double correct2 = sqrt(1.0 - pow(o->beta2, (double)adam->step));
    float keep1 = (float)o->beta1, take1 = (float)(1.0 - o->beta1);
    float keep2 = (float)o->beta2, take2 = (float)(1.0 - o->beta2);
    float step = (float)(lr / correct1), root = (float)correct2, eps = (float)o->eps;
    float decay = (float)(lr * o->weight_decay);
    float *restrict p = data, *restrict m = adam->m, *restrict v = adam->v;
    const float *restrict g = grad;
    for (int64_t i = 0; i < adam->n; i++) {
        m[i] = keep1 * m[i] + take1 * g[i];
        v[i] = keep2 * v[i] + take2 * (g[i] * g[i]);
        p[i] -= decay * p[i];
        p[i] -= step * (m[i] / (sqrtf(v[i]) / root + eps));
    }
}

double ltd_adam_clip(float *grad, int64_t n, double max_norm)
{
    /* Eight sums side by side: one chain of additions would cost more than the step itself. */
    double part[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++) part[j] += (double)grad[i + j] * (double)grad[i + j];
    double sum = 0.0;
    for (int j = 0; j < 8; j++) sum += part[j];
    for (; i < n; i++) sum += (double)grad[i] * (double)grad[i];
    double norm = sqrt(sum);
    if (!(max_norm > 0.0)) return norm;
    double factor = max_norm / (norm + 1e-6);
    if (factor < 1.0)
        for (int64_t k = 0; k < n; k++) grad[k] *= (float)factor;
    return norm;
}
