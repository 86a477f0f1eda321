/* What an instruction set does of a matrix product: packing, and one tile of c.  Private to
 * models/kernels.
 *
 * Packed factors are pairs of k: the even one's bfloat16 in the low half, the odd one's in the high
 * half of 32 bits.  Sixteen pairs are a chunk; what lies past the end of k, or past the last row or
 * column, is zero.
 *     a    strips of `rows` rows:                [strip][chunk][row][pair]
 *     b    strips of LTD_GEMM_COLUMNS columns:   [strip][chunk][pair][column]
 * A row's chunk and a pair's 16 columns are 64 bytes, which is what tiles of AMX take; AVX-512
 * spreads single pairs of a over a vector. */
#ifndef LTD_MODELS_KERNELS_GEMM_PRIV_H
#define LTD_MODELS_KERNELS_GEMM_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_GEMM_PAIRS = 16, /* of a chunk */
    LTD_GEMM_CHUNK = 2 * LTD_GEMM_PAIRS,
    LTD_GEMM_COLUMNS = 32, /* of a strip of b */
};

/* A block of a factor: `lines` rows of a or columns of b, of k each. */
typedef struct ltd_gemm_block {
    const float *x;
    size_t ld;
    bool along; /* k lies together: element (line, k) at x[line * ld + k], else x[k * ld + line] */
    int32_t lines, k;
} ltd_gemm_block;

/* c [rows, columns] of a strip of a and one of b. */
typedef struct ltd_gemm_tile {
    const uint32_t *a, *b;
    int32_t k;
    float *c;
    size_t ldc;
    int32_t rows, columns; /* that there are */
    bool add;
} ltd_gemm_tile;

typedef struct ltd_gemm_backend {
    int32_t rows;                      /* of a strip of a */
    void (*begin)(void), (*end)(void); /* around the tiles of a call; NULL: nothing to do */
    void (*pack_a)(const ltd_gemm_block *block, uint32_t *ret);
    void (*pack_b)(const ltd_gemm_block *block, uint32_t *ret);
    void (*tile)(const ltd_gemm_tile *t);
} ltd_gemm_backend;

const ltd_gemm_backend *ltd_gemm_plain(void);
const ltd_gemm_backend *ltd_gemm_avx512(void);
const ltd_gemm_backend *ltd_gemm_amx(void);
/* Asks for tiles: has the machine any, and does the operating system give them? */
bool ltd_gemm_amx_permitted(void);

#ifdef __cplusplus
}
#endif
#endif
