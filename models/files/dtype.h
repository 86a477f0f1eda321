/* Element types of model files, and the one view through which every reader hands out a tensor. */
#ifndef LTD_MODELS_FILES_DTYPE_H
#define LTD_MODELS_FILES_DTYPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_dtype {
    LTD_DTYPE_F32,
    LTD_DTYPE_F16,
    LTD_DTYPE_BF16,
    LTD_DTYPE_F64,
    LTD_DTYPE_I8,
    LTD_DTYPE_I16,
    LTD_DTYPE_I32,
    LTD_DTYPE_I64,
    LTD_DTYPE_U8,
    LTD_DTYPE_U16,
    LTD_DTYPE_U32,
    LTD_DTYPE_U64,
    LTD_DTYPE_BOOL,
    LTD_DTYPE_Q4_0, /* 32 weights: f16 d, 16 bytes of nibbles; w = d (q - 8) */
    LTD_DTYPE_Q4_1, /* 32 weights: f16 d, f16 m, nibbles; w = d q + m */
    LTD_DTYPE_Q5_0,
    LTD_DTYPE_Q5_1,
    LTD_DTYPE_Q8_0, /* 32 weights: f16 d, 32 int8; w = d q */
    LTD_DTYPE_Q2_K,
    LTD_DTYPE_Q3_K,
    LTD_DTYPE_Q4_K,
    LTD_DTYPE_Q5_K,
    LTD_DTYPE_Q6_K, /* 256 weights: 128 B low nibbles, 64 B high pairs, 16 int8 scales, f16 d */
    LTD_DTYPE_COUNT
} ltd_dtype;

/* A tensor inside a file: row-major, dims[0] outermost (a [out, in] matrix has dims {out, in}). */
typedef struct ltd_tensor_view {
    const char *name; /* borrowed from the file */
    ltd_dtype dtype;
    int n_dims;       /* 0 (a scalar) to 8 */
    int64_t dims[8];  /* unused ones are 1 */
    const void *data; /* borrowed from the file; may be unaligned */
    size_t bytes;
} ltd_tensor_view;

/* "F32", "Q4_1", ...; static storage. */
const char *ltd_dtype_name(ltd_dtype dtype);

/* Weights a block holds (1 for plain types), and bytes a block takes. */
int64_t ltd_dtype_block(ltd_dtype dtype);
size_t ltd_dtype_block_bytes(ltd_dtype dtype);

/* Number of elements of a view. */
int64_t ltd_tensor_view_count(const ltd_tensor_view *view);

/* Widen `n` elements at `src` to f32: exact for F16, BF16, Q*; what GGUF defines for each type.
 * n is a multiple of the block (LTD_EINVAL).  LTD_EUNSUPPORTED, naming the type, for integer types.
 */
int ltd_dtype_to_f32(float *ret, const void *src, ltd_dtype dtype, int64_t n, ltd_err *err);

/* One half, exactly. */
float ltd_f16_to_f32(uint16_t h);
/* Round to nearest even; overflow gives infinity. */
uint16_t ltd_f32_to_f16(float f);

#ifdef __cplusplus
}
#endif
#endif
