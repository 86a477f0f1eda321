/* Sixteen float lanes: one AVX-512 vector, or two of simd.h's.  The same bits either way.
 *
 * Private to models/kernels: included by attn_impl.h and rows_avx512_impl.h. */
#ifndef LTD_MODELS_KERNELS_SIMD16_H
#define LTD_MODELS_KERNELS_SIMD16_H

#include "models/kernels/simd.h"

#if defined(__AVX512F__) && defined(__AVX512DQ__)

typedef __m512 v16;
static inline v16 v16_set1(float x)
{
    return _mm512_set1_ps(x);
}
static inline v16 v16_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
static inline v16 v16_load_f16(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
static inline void v16_store(float *p, v16 a)
{
    _mm512_storeu_ps(p, a);
}
static inline v16 v16_add(v16 a, v16 b)
{
    return _mm512_add_ps(a, b);
}
static inline v16 v16_sub(v16 a, v16 b)
{
    return _mm512_sub_ps(a, b);
}
static inline v16 v16_mul(v16 a, v16 b)
{
    return _mm512_mul_ps(a, b);
}
static inline v16 v16_div(v16 a, v16 b)
{
    return _mm512_div_ps(a, b);
}
static inline v16 v16_fma(v16 a, v16 b, v16 c)
{
    return _mm512_fmadd_ps(a, b, c);
}
static inline v16 v16_max(v16 a, v16 b)
{
    return _mm512_max_ps(a, b);
}
static inline v16 v16_min(v16 a, v16 b)
{
    return _mm512_min_ps(a, b);
}
static inline v16 v16_pow2(v16 n)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(n), 23));
}
static inline v16 v16_inside(v16 a, v16 b, int32_t from, int32_t to)
{
    __m512i i = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __mmask16 in = _mm512_cmpgt_epi32_mask(_mm512_set1_epi32(to), i);
    return _mm512_mask_blend_ps(_mm512_mask_cmple_epi32_mask(in, _mm512_set1_epi32(from), i), b, a);
}
static inline v8 v16_low(v16 a)
{
    return _mm512_castps512_ps256(a);
}
static inline v8 v16_high(v16 a)
{
    return _mm512_extractf32x8_ps(a, 1);
}
SIMD_EXP(v16)
SIMD_GATES(v16)

#else

typedef struct v16 {
    v8 low, high;
} v16;
static inline v16 v16_set1(float x)
{
    v8 a = v8_set1(x);
    v16 r = {a, a};
    return r;
}
static inline v16 v16_load(const float *p)
{
    v16 r = {v8_load(p), v8_load(p + 8)};
    return r;
}
static inline v16 v16_load_f16(const uint16_t *p)
{
    v16 r = {v8_load_f16(p), v8_load_f16(p + 8)};
    return r;
}
static inline void v16_store(float *p, v16 a)
{
    v8_store(p, a.low);
    v8_store(p + 8, a.high);
}
static inline v16 v16_add(v16 a, v16 b)
{
    v16 r = {v8_add(a.low, b.low), v8_add(a.high, b.high)};
    return r;
}
static inline v16 v16_sub(v16 a, v16 b)
{
    v16 r = {v8_sub(a.low, b.low), v8_sub(a.high, b.high)};
    return r;
}
static inline v16 v16_fma(v16 a, v16 b, v16 c)
{
    v16 r = {v8_fma(a.low, b.low, c.low), v8_fma(a.high, b.high, c.high)};
    return r;
}
static inline v16 v16_max(v16 a, v16 b)
{
    v16 r = {v8_max(a.low, b.low), v8_max(a.high, b.high)};
    return r;
}
static inline v16 v16_inside(v16 a, v16 b, int32_t from, int32_t to)
{
    v16 r = {v8_inside(a.low, b.low, from, to), v8_inside(a.high, b.high, from - 8, to - 8)};
    return r;
}
static inline v8 v16_low(v16 a)
{
    return a.low;
}
static inline v8 v16_high(v16 a)
{
    return a.high;
}
static inline v16 v16_exp(v16 a)
{
    v16 r = {v8_exp(a.low), v8_exp(a.high)};
    return r;
}
#endif

/* Lanes i and i + 8 first, then the shape of v8_sum. */
static inline float v16_sum(v16 a)
{
    return v8_sum(v8_add(v16_low(a), v16_high(a)));
}
static inline float v16_hmax(v16 a)
{
    return v8_hmax(v8_max(v16_low(a), v16_high(a)));
}
#endif
