/* Matrix products for training: floats in and out, inputs rounded to bfloat16 on the way (to the
 * nearest, ties to even), products summed as floats.  Where the machine multiplies bfloat16 this is
 * about twice as fast as products of floats; elsewhere take a BLAS of floats (ltd_gemm_is_fast).
 * A linear layer y[M, N] = x[M, K] W[N, K]^T has three:
 *     y  = x    W^T     b.transposed
 *     dx = dy   W
 *     dW += dy^T x      a.transposed, add
 *
 *     ltd_gemm_work work;
 *     if (ltd_gemm_work_init(&work, ltd_gemm_best(), &err) < 0) ...
 *     ltd_gemm_job job = {.m = M, .n = N, .k = K, .a = {x, K, false}, .b = {W, K, true},
 *                         .c = y, .ldc = N};
 *     ltd_gemm(&job, &work);
 *     ltd_gemm_work_fini(&work);
 *
 * Accuracy: an input is off by 2^-9 of itself at most, hence a product of two by 2^-8; sums are of
 * floats, in an order that depends on k alone.  So an element has the same bits on every run and
 * whatever rows and columns are computed beside it: rows may be split among threads at will.  The
 * bits differ between instruction sets.  Denormals may count as zero.
 *
 * Thread rule: a call runs on its own thread; one work a thread. */
#ifndef LTD_MODELS_KERNELS_GEMM_H
#define LTD_MODELS_KERNELS_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In the order of speed. */
typedef enum ltd_gemm_isa {
    LTD_GEMM_PLAIN,  /* plain C: defines the results, slow */
    LTD_GEMM_AVX512, /* AVX-512 with BF16 */
    LTD_GEMM_AMX,    /* AMX-bf16 tiles */
    LTD_GEMM_ISA_COUNT
} ltd_gemm_isa;

/* A factor [rows, columns], borrowed: element (r, c) at x[r * ld + c], or at x[c * ld + r] when it
 * lies transposed.  ld in floats, at least the length of what lies together. */
typedef struct ltd_gemm_factor {
    const float *x;
    size_t ld;
    bool transposed;
} ltd_gemm_factor;

/* c = a b, or c += a b with `add`; a [m, k], b [k, n], c [m, n] with row i at c + i * ldc.  Any m,
 * n and k from 0 on; nothing but these m * n floats is written, and without `add` they are not
 * read. c overlaps neither factor. */
typedef struct ltd_gemm_job {
    int32_t m, n, k;
    ltd_gemm_factor a, b;
    float *c;
    size_t ldc;
    bool add;
} ltd_gemm_job;

struct ltd_gemm_backend;

/* Room for parts of the factors as bfloat16, 2 MiB whatever the job. */
typedef struct ltd_gemm_work {
    const struct ltd_gemm_backend *backend;
    uint32_t *a, *b; /* owned */
} ltd_gemm_work;

/* The instruction sets of this machine; plain C is always there.  Asking for AMX asks the operating
 * system too, for leave to use tiles in this process. */
bool ltd_gemm_has(ltd_gemm_isa isa);
ltd_gemm_isa ltd_gemm_best(void);
/* Is the best one more than plain C? */
bool ltd_gemm_is_fast(void);
/* "plain", "avx512-bf16", "amx-bf16"; static storage. */
const char *ltd_gemm_isa_name(ltd_gemm_isa isa);

/* LTD_EUNSUPPORTED: not on this machine; LTD_ENOMEM. */
int ltd_gemm_work_init(ltd_gemm_work *ret, ltd_gemm_isa isa, ltd_err *err);
void ltd_gemm_work_fini(ltd_gemm_work *work);

/* Do the job; no allocation.
 * Source: ours; the loops are those of BLIS (Van Zee and van de Geijn 2015). */
void ltd_gemm(const ltd_gemm_job *job, ltd_gemm_work *work);

#ifdef __cplusplus
}
#endif
#endif
