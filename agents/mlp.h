/* A small multi-layer perceptron in plain C: the one forward pass of rollouts, evaluation, bench
 * and generation, and the body of the exported header.  It is inside the timed window: no
 * allocation, no threads, no libtorch.
 *
 *     const int32_t dims[] = {48, 64, 64, 13};
 *     ltd_mlp *mlp;
 *     if (ltd_mlp_new(&mlp, dims, 3, LTD_ACT_TANH, &err) < 0) ...
 *     ltd_mlp_set(mlp, 0, weight, bias, &err);         weight [64, 48], bias [64]
 *     ltd_mlp_forward(mlp, obs, logits);
 *
 * The result depends on weights and input alone, bit for bit: not on the instruction set (SSE2,
 * AVX2 and AVX-512 add in the same order, nothing is contracted), nor on libm.
 * Thread rule: one thread for ltd_mlp_forward (own scratch); any number for ltd_mlp_forward_with
 * while nobody sets weights. */
#ifndef LTD_AGENTS_MLP_H
#define LTD_AGENTS_MLP_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_MLP_MAX_LAYERS = 8, LTD_MLP_MAX_DIM = 1 << 20 };

/* Between layers; the last layer is linear. */
typedef enum ltd_activation {
    LTD_ACT_TANH,
    LTD_ACT_RELU,
    LTD_ACT_COUNT,
} ltd_activation;

/* "tanh", "relu"; static storage, NULL for anything else. */
const char *ltd_activation_name(ltd_activation act);
/* The activation called `name`, or LTD_EINVAL, saying which ones there are. */
int ltd_activation_parse(ltd_activation *ret, const char *name, ltd_err *err);

typedef struct ltd_mlp ltd_mlp;

/* A net of `n_layers` linear layers, all zero.
 *   dims       [n_layers + 1]: inputs, hidden sizes, outputs; each [1, LTD_MLP_MAX_DIM]
 *   n_layers   [1, LTD_MLP_MAX_LAYERS]; 1 = linear, no activation
 *   *ret       owned
 * LTD_EINVAL, LTD_ENOMEM. */
int ltd_mlp_new(ltd_mlp **ret, const int32_t *dims, int32_t n_layers, ltd_activation act,
                ltd_err *err);
void ltd_mlp_free(ltd_mlp *mlp);

/* Copy a layer in or out: weight [dims[layer+1], dims[layer]] row-major (torch's order), bias
 * [dims[layer+1]].  LTD_EINVAL when there is no such layer. */
int ltd_mlp_set(ltd_mlp *mlp, int32_t layer, const float *weight, const float *bias, ltd_err *err);
int ltd_mlp_get(const ltd_mlp *mlp, int32_t layer, float *weight, float *bias, ltd_err *err);

/* y[outputs] = net(x[inputs]).  x and y may not overlap. */
void ltd_mlp_forward(ltd_mlp *mlp, const float *x, float *y);
/* The same with the caller's scratch: ltd_mlp_scratch(mlp) floats, 64-byte aligned. */
void ltd_mlp_forward_with(const ltd_mlp *mlp, const float *x, float *y, float *scratch);
size_t ltd_mlp_scratch(const ltd_mlp *mlp);

int32_t ltd_mlp_layers(const ltd_mlp *mlp);
/* dims[i], i in [0, layers]. */
int32_t ltd_mlp_dim(const ltd_mlp *mlp, int32_t i);
ltd_activation ltd_mlp_activation(const ltd_mlp *mlp);

/* x[n] := tanh(x[n]), within 1.5e-7 of the true value; NaN stays NaN.  Ours: expm1 by range
 * reduction and a polynomial, because libm's tanhf costs more than the whole layer. */
void ltd_mlp_tanh(float *x, size_t n);

#ifdef __cplusplus
}
#endif
#endif
