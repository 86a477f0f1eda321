/* Blocks of quantised weights taken apart: integers, and the scales of each run of them.  What
 * widens a block and what packs it for the kernels read the file's bits here, once.
 *
 *     ltd_block b;
 *     if (ltd_block_read(&b, LTD_DTYPE_Q4_K, bytes)) ...    weight i = d[i / run] * q[i] (+ m[i /
 * run])
 *
 * Scales are what the format defines, exactly: a half times a 6- or 8-bit integer fits a float. */
#ifndef LTD_MODELS_FILES_BLOCKS_H
#define LTD_MODELS_FILES_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "models/files/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_block {
    int n;         /* weights: 32 or 256 */
    int run;       /* weights that share a scale: 16 or 32 */
    bool offset;   /* whether there is an m */
    int8_t q[256]; /* [n] */
    float d[16];   /* [n / run] */
    float m[16];   /* [n / run] */
} ltd_block;

/* Take one block of ltd_dtype_block_bytes(dtype) bytes apart, any alignment.  False for types that
 * have no blocks. */
bool ltd_block_read(ltd_block *ret, ltd_dtype dtype, const uint8_t *bytes);

#ifdef __cplusplus
}
#endif
#endif
