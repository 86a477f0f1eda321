/* Orthogonal initial weights (Saxe et al. 2014), as torch.nn.init.orthogonal_ defines them. */
#ifndef LTD_AGENTS_ORTHOGONAL_H
#define LTD_AGENTS_ORTHOGONAL_H

#include <stdint.h>

#include "base/rng.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* weight [rows, cols] := gain x a matrix whose rows are orthonormal when rows <= cols, whose
 * columns are otherwise; uniformly distributed over all such.  rows x cols normal draws of `rng`.
 * LTD_ENOMEM. */
int ltd_orthogonal_fill(float *weight, int64_t rows, int64_t cols, double gain, ltd_rng *rng,
                        ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
