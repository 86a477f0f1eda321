/* Activation rows as AVX-512 code meets them: copied into panels, where rows lie a constant number
 * of bytes apart.  Then an instruction has a row's place in itself, and one pointer serves for all.
 * Included by ops_vnni.c and ops_amx.c. */
#ifndef LTD_MODELS_KERNELS_PANEL_AVX512_IMPL_H
#define LTD_MODELS_KERNELS_PANEL_AVX512_IMPL_H

#include "models/kernels/kernels.h"
#include "models/kernels/packed_avx512_impl.h"

enum {
    PANELS = 4,      /* of a pass over the weights */
    PANEL_ROWS = 16, /* at most */
    PANEL = 2048,    /* k of a panel; a multiple of 32 */
    /* Between the rows of a panel, so that they don't fall on the same sets of the cache. */
    STRIDE = PANEL + 64,
    SCALES = PANEL / 32 + 16,
    BIASES = PANEL / 16 + 16,
};

typedef struct panel {
    _Alignas(64) int8_t lo[PANEL_ROWS][STRIDE], hi[PANEL_ROWS][STRIDE];
    float scale[PANEL_ROWS][SCALES], sum[PANEL_ROWS][SCALES];
    float back[PANEL_ROWS][SCALES]; /* -WHOLE scale */
    int32_t bias_lo[PANEL_ROWS][BIASES], bias_hi[PANEL_ROWS][BIASES];
} panel;

/* 3 * 2^22: a float of this size counts in ones.  Sums of 8-bit activations begin at its bits, and
 * are, read as a float, WHOLE + sum, as long as |sum| < 2^22 (32 * 128 * 255 is less). */
#define WHOLE 12582912.0f
#define WHOLE_BITS 0x4b400000

/* Whole vectors: what is read and written past the end is no harm, since buffers have spare rows
 * and panels spare columns. */
INLINE void copy(void *to, const void *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64)
        _mm512_store_si512((uint8_t *)to + i, _mm512_loadu_si512((const uint8_t *)from + i));
}

/* Columns [k, k + n) of m rows from `row` on; biases if they are asked for. */
static inline void fill(panel *to, const ltd_acts *x, int32_t row, int32_t m, size_t k, size_t n,
                        bool biased)
{
    for (size_t i = 0; i < (size_t)m; i++) {
        size_t at = ((size_t)row + i) * (size_t)x->n + k;
        copy(to->lo[i], x->lo + at, n);
        copy(to->scale[i], x->scale + at / 32, n / 32 * sizeof(float));
        for (size_t g = 0; g < n / 32; g += 16)
            _mm512_store_ps(to->back[i] + g, _mm512_mul_ps(_mm512_set1_ps(-WHOLE),
                                                           _mm512_load_ps(to->scale[i] + g)));
        copy(to->sum[i], x->sum + at / 32, n / 32 * sizeof(float));
        if (biased) copy(to->bias_lo[i], x->bias_lo + at / 16, n / 16 * sizeof(int32_t));
        if (x->bits == 8) continue;
        copy(to->hi[i], x->hi + at, n);
        if (biased) copy(to->bias_hi[i], x->bias_hi + at / 16, n / 16 * sizeof(int32_t));
    }
}

/* Rows that one reading of the weights serves, in blocks as even as can be: 9 are 5 and 4. */
typedef struct pass {
    int32_t row, m, blocks;
} pass;

/* The pass that begins at `row` of m, of blocks of up to `most` rows. */
static inline pass pass_at(int32_t row, int32_t m, int32_t most)
{
    int32_t rows = m - row < most * PANELS ? m - row : most * PANELS;
    return (pass){.row = row, .m = rows, .blocks = (rows + most - 1) / most};
}

static inline int32_t block_begin(const pass *p, int32_t b)
{
    return p->m * b / p->blocks;
}

static inline void fill_pass(panel *panels, const pass *p, const ltd_acts *x, size_t k, size_t n,
                             bool biased)
{
    for (int32_t b = 0; b < p->blocks; b++) {
        int32_t r = block_begin(p, b);
        fill(&panels[b], x, p->row + r, block_begin(p, b + 1) - r, k, n, biased);
    }
}

#endif
