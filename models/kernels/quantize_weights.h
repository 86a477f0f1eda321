/* Rounding float weights to a file type's blocks, as the tools that write GGUF files do: the same
 * floats give the same bytes.  Pure functions. */
#ifndef LTD_MODELS_KERNELS_QUANTIZE_WEIGHTS_H
#define LTD_MODELS_KERNELS_QUANTIZE_WEIGHTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* x[n] to n / 32 blocks of Q8_0 at `ret`, 34 bytes each: half d = max |x| / 127, 32 signed integers
 * by the unrounded scale; a weight is d q.  n is a multiple of 32, x is finite. */
void ltd_quantize_q8_0(const float *x, int32_t n, uint8_t *ret);

/* x[n] to n / 32 blocks of Q4_1 at `ret`, 20 bytes each: half d = (max - min) / 15, half m = min,
 * 16 bytes of nibbles q (weights 0..15 low, 16..31 high); a weight is d q + m.  n is a multiple of
 * 32, x is finite. */
void ltd_quantize_q4_1(const float *x, int32_t n, uint8_t *ret);

#ifdef __cplusplus
}
#endif
#endif
