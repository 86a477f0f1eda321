/* Packing for AVX-512 with BF16, with and without AMX (layout: gemm_priv.h).
 *
 * Blocks of 16 lines and 32 k go through sixteen vectors, either a vector a line or a vector a pair
 * of k, as the source lies; a wants lines and b wants pairs, so one of the two is transposed. */
#ifndef LTD_MODELS_KERNELS_GEMM_PACK_IMPL_H
#define LTD_MODELS_KERNELS_GEMM_PACK_IMPL_H

#include <immintrin.h>

#include "models/kernels/gemm_priv.h"

/* Loops over vectors are unrolled into registers; not under sanitizers, which keep nothing there
 * and would take minutes to compile. */
#if defined(__has_feature)
#define HAS(x) __has_feature(x)
#else
#define HAS(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS(address_sanitizer)
#define INLINE static inline
#define UNROLL
#elif defined(__clang__)
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("unroll")
#else
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* The first n lanes of 16. */
INLINE __mmask16 first(int32_t n)
{
    return n >= 16 ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1);
}

/* 32 floats in a row, to pairs. */
INLINE __m512i pairs_along(const float *x, int32_t k)
{
    __m512 low, high;
    if (k >= LTD_GEMM_CHUNK) {
        low = _mm512_loadu_ps(x);
        high = _mm512_loadu_ps(x + 16);
    } else {
        low = _mm512_maskz_loadu_ps(first(k), x);
        high = k > 16 ? _mm512_maskz_loadu_ps(first(k - 16), x + 16) : _mm512_setzero_ps();
    }
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* 16 floats of an even k and, ld further, of the odd one. */
INLINE __m512i pairs_across(const float *x, size_t ld, int32_t k, __mmask16 lines)
{
    const __m512i alternate =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    __m512 even = _mm512_maskz_loadu_ps(lines, x), odd = _mm512_setzero_ps();
    if (k > 1) odd = _mm512_maskz_loadu_ps(lines, x + ld);
    return _mm512_permutexvar_epi16(alternate, (__m512i)_mm512_cvtne2ps_pbh(odd, even));
}

/* v[i] lane j <-> v[j] lane i: 2 x 2, 4 x 4, then blocks of four. */
INLINE void transpose(__m512i *v)
{
    __m512i u[16];
    UNROLL for (int i = 0; i < 16; i += 2)
    {
        u[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
        u[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
    }
    UNROLL for (int i = 0; i < 16; i += 4)
    {
        v[i] = _mm512_unpacklo_epi64(u[i], u[i + 2]);
        v[i + 1] = _mm512_unpackhi_epi64(u[i], u[i + 2]);
        v[i + 2] = _mm512_unpacklo_epi64(u[i + 1], u[i + 3]);
        v[i + 3] = _mm512_unpackhi_epi64(u[i + 1], u[i + 3]);
    }
    UNROLL for (int i = 0; i < 4; i++)
    {
        u[i] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0x88);
        u[i + 4] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0xdd);
        u[i + 8] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0x88);
        u[i + 12] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0xdd);
    }
    UNROLL for (int i = 0; i < 4; i++)
    {
        v[i] = _mm512_shuffle_i32x4(u[i], u[i + 8], 0x88);
        v[i + 4] = _mm512_shuffle_i32x4(u[i + 4], u[i + 12], 0x88);
        v[i + 8] = _mm512_shuffle_i32x4(u[i], u[i + 8], 0xdd);
        v[i + 12] = _mm512_shuffle_i32x4(u[i + 4], u[i + 12], 0xdd);
    }
}

/* Lines [line, line + width) and a chunk from k on, one vector a line or one a pair. */
INLINE void load_block(const ltd_gemm_block *m, int32_t line, const int width, int32_t k,
                       const bool want_lines, __m512i *v)
{
    const int32_t lines = m->lines - line < width ? m->lines - line : width, left = m->k - k;
    if (m->along) {
        const float *x = m->x + (size_t)line * m->ld + (size_t)k;
        UNROLL for (int i = 0; i < 16; i++) v[i] =
            i < lines ? pairs_along(x + (size_t)i * m->ld, left) : _mm512_setzero_si512();
    } else {
        const float *x = m->x + (size_t)k * m->ld + (size_t)line;
        const __mmask16 mask = first(lines);
        UNROLL for (int i = 0; i < 16; i++) v[i] =
            2 * i < left ? pairs_across(x + (size_t)(2 * i) * m->ld, m->ld, left - 2 * i, mask)
                         : _mm512_setzero_si512();
    }
    if (m->along != want_lines) transpose(v);
}

/* Blocks are taken in the order in which the source lies.  Strips are of `per` blocks of `width`
 * lines; see gemm_priv.h for where a block goes. */
INLINE void pack(const ltd_gemm_block *m, const int width, const int per, const bool lines,
                 uint32_t *ret)
{
    const int32_t strips = (m->lines - 1) / (width * per) + 1, blocks = strips * per;
    const int32_t chunks = (m->k - 1) / LTD_GEMM_CHUNK + 1;
    const int32_t outer = m->along ? blocks : chunks, inner = m->along ? chunks : blocks;
    for (int32_t o = 0; o < outer; o++) {
        for (int32_t i = 0; i < inner; i++) {
            const int32_t block = m->along ? o : i, chunk = m->along ? i : o;
            const size_t at = (size_t)(block / per * chunks + chunk) * (size_t)(width * per);
            uint32_t *to = ret + LTD_GEMM_PAIRS * at;
            __m512i v[16];
            load_block(m, block * width, width, chunk * LTD_GEMM_CHUNK, lines, v);
            if (lines)
                UNROLL for (int j = 0; j < width; j++)
                    _mm512_store_si512(to + 16 * (block % per * width + j), v[j]);
            else
                UNROLL for (int j = 0; j < 16; j++)
                    _mm512_store_si512(to + 16 * (per * j + block % per), v[j]);
        }
    }
}

#endif
