/* Matrix products in plain C: what other instruction sets are measured against. */
#include <string.h>

#include "models/kernels/gemm_priv.h"

enum { ROWS = 4 };

/* To the nearest bfloat16, ties to even; not-a-numbers stay so. */
static uint32_t bf16(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    if ((u & 0x7fffffff) > 0x7f800000) return u >> 16 | 0x40;
    return (u + 0x7fff + (u >> 16 & 1)) >> 16;
}

static uint32_t rounded(const ltd_gemm_block *m, int32_t line, int32_t k)
{
    if (line >= m->lines || k >= m->k) return 0;
    size_t l = (size_t)line, i = (size_t)k;
    return bf16(m->along ? m->x[l * m->ld + i] : m->x[i * m->ld + l]);
}

static uint32_t pair(const ltd_gemm_block *m, int32_t line, int32_t k)
{
    return rounded(m, line, k) | rounded(m, line, k + 1) << 16;
}

static void pack_a(const ltd_gemm_block *m, uint32_t *ret)
{
    for (int32_t strip = 0; strip < m->lines; strip += ROWS)
        for (int32_t k = 0; k < m->k; k += LTD_GEMM_CHUNK)
            for (int32_t r = strip; r < strip + ROWS; r++)
                for (int32_t p = 0; p < LTD_GEMM_CHUNK; p += 2) *ret++ = pair(m, r, k + p);
}

static void pack_b(const ltd_gemm_block *m, uint32_t *ret)
{
    for (int32_t strip = 0; strip < m->lines; strip += LTD_GEMM_COLUMNS)
        for (int32_t k = 0; k < m->k; k += LTD_GEMM_CHUNK)
            for (int32_t p = 0; p < LTD_GEMM_CHUNK; p += 2)
                for (int32_t j = strip; j < strip + LTD_GEMM_COLUMNS; j++)
                    *ret++ = pair(m, j, k + p);
}

static float even(uint32_t pair)
{
    float x;
    pair <<= 16;
    memcpy(&x, &pair, sizeof x);
    return x;
}

static float odd(uint32_t pair)
{
    float x;
    pair &= 0xffff0000;
    memcpy(&x, &pair, sizeof x);
    return x;
}

static void add_pairs(float *c, uint32_t a, const uint32_t *b)
{
    float a0 = even(a), a1 = odd(a);
    for (int j = 0; j < LTD_GEMM_COLUMNS; j++) c[j] = c[j] + a0 * even(b[j]) + a1 * odd(b[j]);
}

static void tile(const ltd_gemm_tile *t)
{
    float c[ROWS][LTD_GEMM_COLUMNS] = {{0}};
    const uint32_t *b = t->b;
    for (int32_t k = 0; k < t->k; k += 2, b += LTD_GEMM_COLUMNS) {
        const uint32_t *a = t->a + k / LTD_GEMM_CHUNK * ROWS * LTD_GEMM_PAIRS;
        for (int r = 0; r < ROWS; r++)
            add_pairs(c[r], a[r * LTD_GEMM_PAIRS + k % LTD_GEMM_CHUNK / 2], b);
    }
    for (int32_t r = 0; r < t->rows; r++) {
        float *to = t->c + (size_t)r * t->ldc;
        for (int32_t j = 0; j < t->columns; j++) to[j] = (t->add ? to[j] : 0) + c[r][j];
    }
}

const ltd_gemm_backend *ltd_gemm_plain(void)
{
    static const ltd_gemm_backend plain = {
        .rows = ROWS, .pack_a = pack_a, .pack_b = pack_b, .tile = tile};
    return &plain;
}
