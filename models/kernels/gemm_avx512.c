/* Matrix products with vdpbf16ps: a tile of c is 14 rows of two vectors, 28 of the 32 registers. */
#include "models/kernels/gemm_pack_impl.h"

enum { ROWS = 14 };

#define EACH_ROW UNROLL for (int r = 0; r < ROWS; r++)

static void pack_a(const ltd_gemm_block *m, uint32_t *ret)
{
    pack(m, ROWS, 1, true, ret);
}

static void pack_b(const ltd_gemm_block *m, uint32_t *ret)
{
    pack(m, 16, 2, false, ret);
}

/* c += pairs of k; `b` 32 columns, `a` the first row. */
INLINE void add_pairs(__m512 (*c)[2], const uint32_t *a, const uint32_t *b)
{
    const __m512bh b0 = (__m512bh)_mm512_load_si512(b);
    const __m512bh b1 = (__m512bh)_mm512_load_si512(b + 16);
    EACH_ROW
    {
        const __m512bh x = (__m512bh)_mm512_set1_epi32((int)a[LTD_GEMM_PAIRS * r]);
        c[r][0] = _mm512_dpbf16_ps(c[r][0], x, b0);
        c[r][1] = _mm512_dpbf16_ps(c[r][1], x, b1);
    }
}

static void store(const ltd_gemm_tile *t, __m512 (*c)[2])
{
    const __mmask16 m0 = first(t->columns), m1 = first(t->columns - 16);
    for (int r = 0; r < t->rows; r++) {
        float *to = t->c + (size_t)r * t->ldc;
        __m512 x0 = c[r][0], x1 = c[r][1];
        if (t->add) {
            x0 = _mm512_add_ps(_mm512_maskz_loadu_ps(m0, to), x0);
            if (m1) x1 = _mm512_add_ps(_mm512_maskz_loadu_ps(m1, to + 16), x1);
        }
        _mm512_mask_storeu_ps(to, m0, x0);
        if (m1) _mm512_mask_storeu_ps(to + 16, m1, x1);
    }
}

INLINE void store_whole(const ltd_gemm_tile *t, __m512 (*c)[2])
{
    float *to = t->c;
    EACH_ROW
    {
        if (t->add) {
            c[r][0] = _mm512_add_ps(_mm512_loadu_ps(to), c[r][0]);
            c[r][1] = _mm512_add_ps(_mm512_loadu_ps(to + 16), c[r][1]);
        }
        _mm512_storeu_ps(to, c[r][0]);
        _mm512_storeu_ps(to + 16, c[r][1]);
        to += t->ldc;
    }
}

static void tile(const ltd_gemm_tile *t)
{
    __m512 c[ROWS][2];
    EACH_ROW
    {
        c[r][0] = c[r][1] = _mm512_setzero_ps();
        if (r < t->rows) _mm_prefetch((const char *)(t->c + (size_t)r * t->ldc), _MM_HINT_T0);
        if (r < t->rows) _mm_prefetch((const char *)(t->c + (size_t)r * t->ldc + 16), _MM_HINT_T0);
    }
    const uint32_t *a = t->a, *b = t->b;
    int32_t pairs = (t->k + 1) / 2;
    for (; pairs >= LTD_GEMM_PAIRS; pairs -= LTD_GEMM_PAIRS) {
        for (int p = 0; p < LTD_GEMM_PAIRS; p++, b += LTD_GEMM_COLUMNS) add_pairs(c, a + p, b);
        a += ROWS * LTD_GEMM_PAIRS;
    }
    for (; pairs > 0; pairs--, b += LTD_GEMM_COLUMNS) add_pairs(c, a++, b);
    if (t->rows == ROWS && t->columns == LTD_GEMM_COLUMNS) {
        store_whole(t, c);
        return;
    }
    __m512 copy[ROWS][2]; /* what is passed on lies in memory */
    EACH_ROW
    {
        copy[r][0] = c[r][0];
        copy[r][1] = c[r][1];
    }
    store(t, copy);
}

const ltd_gemm_backend *ltd_gemm_avx512(void)
{
    static const ltd_gemm_backend avx512 = {
        .rows = ROWS, .pack_a = pack_a, .pack_b = pack_b, .tile = tile};
    return &avx512;
}
