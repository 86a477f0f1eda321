/* libtorch for C: opaque handles, one function an operation, for the nets and PPO's loss.  The
 * algorithm stays in C; nothing of C++ crosses this header.
 *
 *     ltd_torch_scope scope;
 *     ltd_torch_scope_init(&scope);
 *     ltd_tensor *x, *y;
 *     if ((rc = ltd_tensor_view_f32(&x, data, dims, 2, err)) < 0) goto out;
 *     if ((rc = ltd_tensor_tanh(&y, x, err)) < 0) goto out;
 *     rc = ltd_tensor_to_f32(y, ret, n, err);
 * out: ltd_torch_scope_fini(&scope);                    frees x and y
 *
 * Every function that makes a tensor sets *ret to NULL first, so that freeing it is always legal.
 * A NULL operand is LTD_EINVAL; what libtorch throws is LTD_ETORCH (LTD_ENOMEM where memory ran
 * out) with its message on one line.
 * Thread rule: a scope and the handles in it belong to one thread. */
#ifndef LTD_MODELS_TORCH_LTD_TORCH_H
#define LTD_MODELS_TORCH_LTD_TORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One reference to a tensor. */
typedef struct ltd_tensor ltd_tensor;

enum { LTD_TENSOR_MAX_DIMS = 8 };

/* --- handles and scopes (scope.cc) --- */

/* Handles made on this thread between _init and _fini belong to the innermost scope, which frees
 * them in _fini.  Caller's storage; scopes nest and end in reverse order. */
typedef struct ltd_torch_scope {
    struct ltd_torch_scope *parent;
    ltd_tensor *first;
} ltd_torch_scope;

void ltd_torch_scope_init(ltd_torch_scope *scope);
void ltd_torch_scope_fini(ltd_torch_scope *scope);

/* Take a handle out of its scope: it is the caller's to free. */
void ltd_tensor_keep(ltd_tensor *t);
/* Drop a handle, in a scope or not; NULL is fine. */
void ltd_tensor_free(ltd_tensor *t);

/* Live handles of the process: back to its start after every correct piece of work. */
int64_t ltd_torch_live(void);

/* Threads of one operation, OpenBLAS's included.  Always set it: the first use of libtorch
 * otherwise sets OpenMP to one thread for the whole process. */
int ltd_torch_set_threads(int n, ltd_err *err);

/* --- creation, shape, data (tensor.cc) --- */

/* dims[n_dims], row-major.  _from copies; _view borrows `data` until the last handle on it, or on a
 * view of it, is gone.  bool is one byte, 0 or 1. */
int ltd_tensor_from_f32(ltd_tensor **ret, const float *data, const int64_t *dims, int n_dims,
                        ltd_err *err);
int ltd_tensor_from_i64(ltd_tensor **ret, const int64_t *data, const int64_t *dims, int n_dims,
                        ltd_err *err);
int ltd_tensor_view_f32(ltd_tensor **ret, float *data, const int64_t *dims, int n_dims,
                        ltd_err *err);
int ltd_tensor_view_i64(ltd_tensor **ret, int64_t *data, const int64_t *dims, int n_dims,
                        ltd_err *err);
int ltd_tensor_view_bool(ltd_tensor **ret, uint8_t *data, const int64_t *dims, int n_dims,
                         ltd_err *err);

/* Copy out as f32, row-major; n must be the number of elements. */
int ltd_tensor_to_f32(const ltd_tensor *t, float *ret, int64_t n, ltd_err *err);
/* The only element of a tensor of one. */
int ltd_tensor_item(const ltd_tensor *t, double *ret, ltd_err *err);

int ltd_tensor_n_dims(const ltd_tensor *t);
/* Extent i; 1 beyond the last. */
int64_t ltd_tensor_dim(const ltd_tensor *t, int i);
int64_t ltd_tensor_count(const ltd_tensor *t);

/* The same elements in another shape; one extent may be -1. */
int ltd_tensor_reshape(ltd_tensor **ret, const ltd_tensor *t, const int64_t *dims, int n_dims,
                       ltd_err *err);

/* --- arithmetic, element by element with broadcasting (tensor.cc) --- */

int ltd_tensor_add(ltd_tensor **ret, const ltd_tensor *a, const ltd_tensor *b, ltd_err *err);
int ltd_tensor_sub(ltd_tensor **ret, const ltd_tensor *a, const ltd_tensor *b, ltd_err *err);
int ltd_tensor_mul(ltd_tensor **ret, const ltd_tensor *a, const ltd_tensor *b, ltd_err *err);
int ltd_tensor_minimum(ltd_tensor **ret, const ltd_tensor *a, const ltd_tensor *b, ltd_err *err);
/* a * factor */
int ltd_tensor_scale(ltd_tensor **ret, const ltd_tensor *a, double factor, ltd_err *err);
int ltd_tensor_exp(ltd_tensor **ret, const ltd_tensor *a, ltd_err *err);
/* ln of a, or of `least` where a is less */
int ltd_tensor_log(ltd_tensor **ret, const ltd_tensor *a, double least, ltd_err *err);
int ltd_tensor_clamp(ltd_tensor **ret, const ltd_tensor *a, double low, double high, ltd_err *err);
/* a where mask (bool) is 1, `other` where it is 0 */
int ltd_tensor_where(ltd_tensor **ret, const ltd_tensor *mask, const ltd_tensor *a, double other,
                     ltd_err *err);

/* Over all elements: a tensor without dims. */
int ltd_tensor_mean(ltd_tensor **ret, const ltd_tensor *a, ltd_err *err);
/* Over one dim (negative: from the end), which goes away. */
int ltd_tensor_sum(ltd_tensor **ret, const ltd_tensor *a, int dim, ltd_err *err);

/* --- pieces of tensors (pieces.cc) --- */

/* The `length` entries of dim `dim` from `start` on; shares memory with t. */
int ltd_tensor_narrow(ltd_tensor **ret, const ltd_tensor *t, int dim, int64_t start, int64_t length,
                      ltd_err *err);
/* Dims in another order: extent i of the result is extent order[i] of t, for all of them; shares
 * memory with t. */
int ltd_tensor_permute(ltd_tensor **ret, const ltd_tensor *t, const int64_t *order, int n_dims,
                       ltd_err *err);
/* One after the other along `dim`; n [1, ...]. */
int ltd_tensor_concat(ltd_tensor **ret, const ltd_tensor *const *parts, int n, int dim,
                      ltd_err *err);
/* ret[i] = t[index[i]]; index i64 [n] */
int ltd_tensor_rows(ltd_tensor **ret, const ltd_tensor *t, const ltd_tensor *index, ltd_err *err);
/* The same numbers as doubles: for gradients that are to be checked by differences. */
int ltd_tensor_to_f64(ltd_tensor **ret, const ltd_tensor *t, ltd_err *err);
/* Index of the largest along `dim`, which goes away; i64 */
int ltd_tensor_argmax(ltd_tensor **ret, const ltd_tensor *t, int dim, ltd_err *err);
int ltd_tensor_to_i64(const ltd_tensor *t, int64_t *ret, int64_t n, ltd_err *err);

/* --- nets (nn.cc) --- */

/* x [n, in] . weight [out, in]^T + bias [out] (NULL: none) -> [n, out] */
int ltd_tensor_linear(ltd_tensor **ret, const ltd_tensor *x, const ltd_tensor *weight,
                      const ltd_tensor *bias, ltd_err *err);
/* The same without bias, for inputs that are rounded to bfloat16 and sums of floats, forward and
 * backward: models/kernels/gemm.h.  x and weight f32.  One thread. (products.cc) */
int ltd_tensor_linear_bf16(ltd_tensor **ret, const ltd_tensor *x, const ltd_tensor *weight,
                           ltd_err *err);
int ltd_tensor_tanh(ltd_tensor **ret, const ltd_tensor *x, ltd_err *err);
int ltd_tensor_relu(ltd_tensor **ret, const ltd_tensor *x, ltd_err *err);
/* [.., m, k] . [.., k, n] -> [.., m, n] */
int ltd_tensor_matmul(ltd_tensor **ret, const ltd_tensor *a, const ltd_tensor *b, ltd_err *err);
int ltd_tensor_softmax(ltd_tensor **ret, const ltd_tensor *x, int dim, ltd_err *err);
/* ln softmax over `dim` */
int ltd_tensor_log_softmax(ltd_tensor **ret, const ltd_tensor *x, int dim, ltd_err *err);
/* ret[i, j] = x[i, index[i, j]] for dim 1; index i64 */
int ltd_tensor_gather(ltd_tensor **ret, const ltd_tensor *x, int dim, const ltd_tensor *index,
                      ltd_err *err);

/* --- pieces of a decoder layer, each in one pass over memory; f32 or f64 (fused.cc) --- */

/* x / sqrt(mean x^2 + eps) * weight, over the last dim; weight [last] */
int ltd_tensor_rms_norm(ltd_tensor **ret, const ltd_tensor *x, const ltd_tensor *weight, double eps,
                        ltd_err *err);
/* gate * sigmoid(gate) * up for x [rows, n gates and n ups] -> [rows, n] */
int ltd_tensor_silu_mul(ltd_tensor **ret, const ltd_tensor *x, ltd_err *err);
/* Rotary embedding of x [rows, heads, d], halves as pairs: cos and sin [rows, d / 2], constants */
int ltd_tensor_rope(ltd_tensor **ret, const ltd_tensor *x, const ltd_tensor *cos,
                    const ltd_tensor *sin, ltd_err *err);
/* - sum over rows of p[index[row]] . ln softmax(z[row]); z [rows, n], p [.., n] and index i64
 * [rows] constants -> no dims */
int ltd_tensor_cross_entropy(ltd_tensor **ret, const ltd_tensor *z, const ltd_tensor *p,
                             const ltd_tensor *index, ltd_err *err);

/* --- gradients (autograd.cc) --- */

/* Make a leaf trainable; its gradient accumulates in `grad` (borrowed as a view is; as many floats
 * as the leaf has), which the caller zeroes. */
int ltd_tensor_require_grad(ltd_tensor *leaf, float *grad, ltd_err *err);
/* d loss / d leaf is added to every trainable leaf behind `loss`, a tensor of one element; the
 * graph is gone afterwards. */
int ltd_tensor_backward(const ltd_tensor *loss, ltd_err *err);
/* Record operations on this thread for backward?  Returns what it was (true at first). */
bool ltd_torch_set_grad_mode(bool on);

#ifdef __cplusplus
}
#endif
#endif
