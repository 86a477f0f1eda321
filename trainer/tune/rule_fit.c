/* Weights lie [inputs][outputs]: forward and gradient then run along the outputs, which compilers
 * can do side by side without adding in another order. */
#include "trainer/tune/rule_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "trainer/ppo/adam.h"

struct ltd_fit {
    int32_t n_layers, dims[LTD_MLP_MAX_LAYERS + 1];
    int64_t count, at[LTD_MLP_MAX_LAYERS]; /* where a layer's weights begin */
    float *weight, *gradient;              /* [count] */
    float *out[LTD_MLP_MAX_LAYERS];        /* [dims[i + 1]] of each layer, after its tanh */
    float *slope[2];                       /* [widest] */
    const float *x;
    ltd_adam *adam;
};

static float *biases(const ltd_fit *f, float *of, int32_t layer)
{
    return of + f->at[layer] + (int64_t)f->dims[layer] * f->dims[layer + 1];
}

static void init_weights(ltd_fit *f, uint64_t seed)
{
    ltd_rng rng;
    ltd_rng_seed(&rng, seed, LTD_STREAM_INIT);
    for (int32_t l = 0; l < f->n_layers; l++) {
        float scale = (l + 1 == f->n_layers ? 0.1f : 1) / sqrtf((float)f->dims[l]);
        int64_t n = (int64_t)f->dims[l] * f->dims[l + 1];
        for (int64_t i = 0; i < n; i++) f->weight[f->at[l] + i] = scale * ltd_rng_normal(&rng);
    }
}

static int allocate(ltd_fit *f, ltd_err *err)
{
    int32_t widest = 1;
    bool all = true;
    for (int32_t l = 0; l < f->n_layers; l++) {
        f->at[l] = f->count;
        f->count += (int64_t)(f->dims[l] + 1) * f->dims[l + 1];
        if (f->dims[l] > widest) widest = f->dims[l];
        if (f->dims[l + 1] > widest) widest = f->dims[l + 1];
        f->out[l] = ltd_mem_zeros((size_t)f->dims[l + 1], sizeof **f->out);
        all = all && f->out[l];
    }
    for (int i = 0; i < 2; i++) f->slope[i] = ltd_mem_zeros((size_t)widest, sizeof **f->slope);
    f->weight = ltd_mem_zeros((size_t)f->count, sizeof *f->weight);
    f->gradient = ltd_mem_zeros((size_t)f->count, sizeof *f->gradient);
    if (!all || !f->slope[0] || !f->slope[1] || !f->weight || !f->gradient)
        return ltd_fail(err, LTD_ENOMEM, "fit: no memory for %lld weights", (long long)f->count);
    return ltd_adam_new(&f->adam, f->count, &(ltd_adam_options)LTD_ADAM_DEFAULTS, err);
}

int ltd_fit_new(ltd_fit **ret, const int32_t *dims, int32_t n_layers, uint64_t seed, ltd_err *err)
{
    *ret = NULL;
    if (n_layers < 1 || n_layers > LTD_MLP_MAX_LAYERS)
        return ltd_fail(err, LTD_EINVAL, "fit: %d layers, expected 1 to %d", n_layers,
                        LTD_MLP_MAX_LAYERS);
    for (int32_t i = 0; i <= n_layers; i++)
        if (dims[i] < 1 || dims[i] > LTD_MLP_MAX_DIM)
            return ltd_fail(err, LTD_EINVAL, "fit: a layer of %d, expected 1 to %d", dims[i],
                            LTD_MLP_MAX_DIM);
    ltd_fit *f = ltd_mem_zeros(1, sizeof *f);
    if (!f) return ltd_fail(err, LTD_ENOMEM, "fit: no memory");
    f->n_layers = n_layers;
    memcpy(f->dims, dims, ((size_t)n_layers + 1) * sizeof *dims);
    int rc = allocate(f, err);
    if (rc < 0) {
        ltd_fit_free(f);
        return rc;
    }
    init_weights(f, seed);
    *ret = f;
    return LTD_OK;
}

void ltd_fit_free(ltd_fit *f)
{
    if (!f) return;
    for (int32_t l = 0; l < f->n_layers; l++) free(f->out[l]);
    for (int i = 0; i < 2; i++) free(f->slope[i]);
    free(f->weight);
    free(f->gradient);
    ltd_adam_free(f->adam);
    free(f);
}

/* --- a step --- */

void ltd_fit_forward(ltd_fit *f, const float *x, float *y)
{
    f->x = x;
    for (int32_t l = 0; l < f->n_layers; l++) {
        int32_t n_in = f->dims[l], n_out = f->dims[l + 1];
        const float *restrict w = f->weight + f->at[l];
        float *restrict out = f->out[l];
        memcpy(out, biases(f, f->weight, l), (size_t)n_out * sizeof *out);
        for (int32_t i = 0; i < n_in; i++, w += n_out)
            for (int32_t o = 0; o < n_out; o++) out[o] += x[i] * w[o];
        if (l + 1 < f->n_layers) ltd_mlp_tanh(out, (size_t)n_out);
        x = out;
    }
    memcpy(y, x, (size_t)f->dims[f->n_layers] * sizeof *y);
}

/* Gradient of one layer from d loss / d its outputs; d loss / d its inputs into `in`. */
static void layer_back(ltd_fit *f, int32_t l, const float *restrict out, float *restrict in)
{
    int32_t n_in = f->dims[l], n_out = f->dims[l + 1];
    const float *x = l > 0 ? f->out[l - 1] : f->x, *restrict w = f->weight + f->at[l];
    float *restrict g = f->gradient + f->at[l], *restrict bias = biases(f, f->gradient, l);
    for (int32_t o = 0; o < n_out; o++) bias[o] += out[o];
    for (int32_t i = 0; i < n_in; i++, g += n_out, w += n_out) {
        for (int32_t o = 0; o < n_out; o++) g[o] += x[i] * out[o];
        if (l == 0) continue;
        float sum = 0;
        for (int32_t o = 0; o < n_out; o++) sum += w[o] * out[o];
        in[i] = sum * (1 - x[i] * x[i]); /* through the tanh before */
    }
}

void ltd_fit_backward(ltd_fit *f, const float *dy)
{
    for (int32_t l = f->n_layers - 1; l >= 0; l--) {
        layer_back(f, l, dy, f->slope[l % 2]);
        dy = f->slope[l % 2];
    }
}

void ltd_fit_step(ltd_fit *f, int32_t samples, double lr)
{
    float share = 1 / (float)samples;
    for (int64_t i = 0; i < f->count; i++) f->gradient[i] *= share;
    ltd_adam_step(f->adam, f->weight, f->gradient, lr);
    memset(f->gradient, 0, (size_t)f->count * sizeof *f->gradient);
}

int64_t ltd_fit_count(const ltd_fit *f)
{
    return f->count;
}

float *ltd_fit_weights(ltd_fit *f)
{
    return f->weight;
}

const float *ltd_fit_gradient(const ltd_fit *f)
{
    return f->gradient;
}

int ltd_fit_mlp(const ltd_fit *f, ltd_mlp **ret, ltd_err *err)
{
    ltd_mlp *mlp = NULL;
    *ret = NULL;
    float *turned = ltd_mem_zeros((size_t)f->count, sizeof *turned);
    int rc = turned ? ltd_mlp_new(&mlp, f->dims, f->n_layers, LTD_ACT_TANH, err)
                    : ltd_fail(err, LTD_ENOMEM, "fit: no memory");
    for (int32_t l = 0; rc == LTD_OK && l < f->n_layers; l++) {
        int32_t n_in = f->dims[l], n_out = f->dims[l + 1];
        for (int32_t i = 0; i < n_in; i++)
            for (int32_t o = 0; o < n_out; o++)
                turned[o * n_in + i] = f->weight[f->at[l] + (int64_t)i * n_out + o];
        rc = ltd_mlp_set(mlp, l, turned, biases(f, f->weight, l), err);
    }
    free(turned);
    if (rc < 0) {
        ltd_mlp_free(mlp);
        return rc;
    }
    *ret = mlp;
    return LTD_OK;
}

/* --- classifiers --- */

float ltd_fit_cross_entropy(float logit, bool yes, float weight, float *slope)
{
    float away = yes ? -logit : logit; /* loss = ln(1 + e^away), without overflow */
    float loss = (away > 0 ? away : 0) + log1pf(expf(-fabsf(away)));
    *slope = weight * (1 / (1 + expf(-logit)) - (yes ? 1 : 0));
    return weight * loss;
}

static void epoch(ltd_fit *f, const ltd_fit_samples *s, const int32_t *order, int32_t batch,
                  double lr, double lr_end)
{
    int32_t done = 0;
    for (int64_t i = 0; i < s->n; i++) {
        float logit, slope;
        int64_t at = order[i];
        ltd_fit_forward(f, s->x + at * f->dims[0], &logit);
        ltd_fit_cross_entropy(logit, s->yes[at], s->yes[at] ? 1 : s->weight_of_no, &slope);
        ltd_fit_backward(f, &slope);
        if (++done < batch && i + 1 < s->n) continue;
        ltd_fit_step(f, done, lr + (lr_end - lr) * (double)i / (double)s->n);
        done = 0;
    }
}

int ltd_fit_classify(ltd_fit *f, const ltd_fit_samples *samples, const ltd_fit_options *options,
                     uint64_t seed, ltd_err *err)
{
    ltd_rng rng;
    if (samples->n < 1 || samples->n > INT32_MAX || f->dims[f->n_layers] != 1)
        return ltd_fail(err, LTD_EINVAL, "fit: %lld samples for %d outputs, expected some for one",
                        (long long)samples->n, f->dims[f->n_layers]);
    int32_t *order = ltd_mem_zeros((size_t)samples->n, sizeof *order);
    if (!order) return ltd_fail(err, LTD_ENOMEM, "fit: no memory");
    for (int32_t i = 0; i < (int32_t)samples->n; i++) order[i] = i;
    ltd_rng_seed(&rng, seed, LTD_STREAM_MINIBATCH);
    for (int32_t e = 0; e < options->epochs; e++) {
        double from = options->lr * (1 - (double)e / options->epochs);
        ltd_rng_shuffle(&rng, order, (size_t)samples->n);
        epoch(f, samples, order, options->batch, from, from - options->lr / options->epochs);
    }
    free(order);
    return LTD_OK;
}
