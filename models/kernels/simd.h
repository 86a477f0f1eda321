/* Eight float lanes, spelled once for each instruction set.  Kernels written over these give the
 * same bits on every one of them: each operation is a single IEEE operation a lane (fma is fused
 * everywhere), and sums over lanes have one fixed shape.
 *
 * Private to models/kernels: included by the ops_*.c files only. */
#ifndef LTD_MODELS_KERNELS_SIMD_H
#define LTD_MODELS_KERNELS_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "models/files/dtype.h"

/* A scale of activations to the nearest of 22 significant bits, so that 3 * 2^22 times it is exact:
 * kernels may then turn sums of integers into floats and scale them in one fma. */
static inline float short_scale(float s)
{
    uint32_t bits;
    memcpy(&bits, &s, sizeof bits);
    bits = (bits + 2) & ~UINT32_C(3);
    memcpy(&s, &bits, sizeof s);
    return s;
}

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>

typedef __m256 v8;
static inline v8 v8_set1(float x)
{
    return _mm256_set1_ps(x);
}
static inline v8 v8_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
static inline void v8_store(float *p, v8 a)
{
    _mm256_storeu_ps(p, a);
}
static inline v8 v8_add(v8 a, v8 b)
{
    return _mm256_add_ps(a, b);
}
static inline v8 v8_sub(v8 a, v8 b)
{
    return _mm256_sub_ps(a, b);
}
static inline v8 v8_mul(v8 a, v8 b)
{
    return _mm256_mul_ps(a, b);
}
static inline v8 v8_div(v8 a, v8 b)
{
    return _mm256_div_ps(a, b);
}
static inline v8 v8_fma(v8 a, v8 b, v8 c)
{
    return _mm256_fmadd_ps(a, b, c);
}
static inline v8 v8_max(v8 a, v8 b)
{
    return _mm256_max_ps(a, b);
}
static inline v8 v8_min(v8 a, v8 b)
{
    return _mm256_min_ps(a, b);
}
static inline v8 v8_abs(v8 a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
/* 2^(n - 127) for n in [1, 254] in the low bits of a float, put there by adding SIMD_BIAS. */
static inline v8 v8_pow2(v8 n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(n), 23));
}
/* a in lanes [from, to), b in the others. */
static inline v8 v8_inside(v8 a, v8 b, int32_t from, int32_t to)
{
    __m256i i = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i in = _mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(from), i),
                                     _mm256_cmpgt_epi32(_mm256_set1_epi32(to), i));
    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(in));
}
static inline v8 v8_load_f16(const uint16_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}
static inline void v8_store_f16(uint16_t *p, v8 a)
{
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}
/* Round to nearest even, to int16; |a| <= 32767. */
static inline void v8_store_i16(int16_t *p, v8 a)
{
    __m256i i = _mm256_cvtps_epi32(a);
    __m128i lo = _mm256_castsi256_si128(i), hi = _mm256_extracti128_si256(i, 1);
    _mm_storeu_si128((__m128i *)p, _mm_packs_epi32(lo, hi));
}
/* Sum of the lanes as ((0+1)+(2+3))+((4+5)+(6+7)). */
static inline float v8_sum(v8 a)
{
    a = _mm256_hadd_ps(a, a);
    a = _mm256_hadd_ps(a, a);
    return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1)));
}
/* The largest lane: i and i + 4, then i and i + 2, then the two. */
static inline float v8_hmax(v8 a)
{
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

#else /* plain C */

typedef struct v8 {
    float f[8];
} v8;
/* One loop of eight; `expr` uses lane index i_. */
#define V8_EACH(expr)                                                                              \
    v8 r_;                                                                                         \
    for (int i_ = 0; i_ < 8; i_++) r_.f[i_] = (expr);                                              \
    return r_
static inline v8 v8_set1(float x)
{
    V8_EACH(x);
}
static inline v8 v8_load(const float *p)
{
    V8_EACH(p[i_]);
}
static inline void v8_store(float *p, v8 a)
{
    memcpy(p, a.f, sizeof a.f);
}
static inline v8 v8_add(v8 a, v8 b)
{
    V8_EACH(a.f[i_] + b.f[i_]);
}
static inline v8 v8_sub(v8 a, v8 b)
{
    V8_EACH(a.f[i_] - b.f[i_]);
}
static inline v8 v8_mul(v8 a, v8 b)
{
    V8_EACH(a.f[i_] * b.f[i_]);
}
static inline v8 v8_div(v8 a, v8 b)
{
    V8_EACH(a.f[i_] / b.f[i_]);
}
static inline v8 v8_fma(v8 a, v8 b, v8 c)
{
    V8_EACH(fmaf(a.f[i_], b.f[i_], c.f[i_]));
}
static inline v8 v8_max(v8 a, v8 b)
{
    V8_EACH(a.f[i_] > b.f[i_] ? a.f[i_] : b.f[i_]);
}
static inline v8 v8_min(v8 a, v8 b)
{
    V8_EACH(a.f[i_] < b.f[i_] ? a.f[i_] : b.f[i_]);
}
static inline v8 v8_abs(v8 a)
{
    V8_EACH(fabsf(a.f[i_]));
}
static inline float v8_pow2_lane(float n)
{
    uint32_t bits;
    float r;
    memcpy(&bits, &n, sizeof bits);
    bits <<= 23;
    memcpy(&r, &bits, sizeof r);
    return r;
}
static inline v8 v8_pow2(v8 n)
{
    V8_EACH(v8_pow2_lane(n.f[i_]));
}
static inline v8 v8_inside(v8 a, v8 b, int32_t from, int32_t to)
{
    V8_EACH(i_ >= from && i_ < to ? a.f[i_] : b.f[i_]);
}
static inline v8 v8_load_f16(const uint16_t *p)
{
    V8_EACH(ltd_f16_to_f32(p[i_]));
}
static inline void v8_store_f16(uint16_t *p, v8 a)
{
    for (int i = 0; i < 8; i++) p[i] = ltd_f32_to_f16(a.f[i]);
}
static inline void v8_store_i16(int16_t *p, v8 a)
{
    for (int i = 0; i < 8; i++) p[i] = (int16_t)rintf(a.f[i]);
}
static inline float v8_sum(v8 a)
{
    const float *f = a.f;
    return ((f[0] + f[1]) + (f[2] + f[3])) + ((f[4] + f[5]) + (f[6] + f[7]));
}
static inline float v8_hmax(v8 a)
{
    for (int n = 4; n; n /= 2)
        for (int i = 0; i < n; i++) a.f[i] = a.f[i] > a.f[i + n] ? a.f[i] : a.f[i + n];
    return a.f[0];
}
#endif

/* 1.5 * 2^23 + 127: a float of this size has no fraction, so adding it rounds to the nearest whole
 * number and leaves that, with an exponent's bias, in the low bits. */
#define SIMD_BIAS 12583039.0f

/* e^x, relative error below 2e-7 for x in [-87, 88]; clamped outside.
 * x = n ln 2 + r, |r| <= ln 2 / 2; degree-6 Taylor-like polynomial in r (coefficients: Cephes
 * expf), in pairs: short chains keep the pipelines full.  One body for vectors of any width `v`. */
#define SIMD_EXP(v)                                                                                \
    static inline v v##_exp(v x)                                                                   \
    {                                                                                              \
        x = v##_min(v##_max(x, v##_set1(-87.0f)), v##_set1(88.0f));                                \
        v t = v##_fma(x, v##_set1(1.44269504088896341f), v##_set1(SIMD_BIAS));                     \
        v n = v##_sub(t, v##_set1(SIMD_BIAS));                                                     \
        v r = v##_fma(n, v##_set1(-0.693359375f), x);                                              \
        r = v##_fma(n, v##_set1(2.12194440e-4f), r);                                               \
        v r2 = v##_mul(r, r);                                                                      \
        v a = v##_fma(r, v##_set1(1.9875691500e-4f), v##_set1(1.3981999507e-3f));                  \
        v b = v##_fma(r, v##_set1(8.3334519073e-3f), v##_set1(4.1665795894e-2f));                  \
        v c = v##_fma(r, v##_set1(1.6666665459e-1f), v##_set1(5.0000001201e-1f));                  \
        v p = v##_fma(v##_fma(v##_fma(a, r2, b), r2, c), r2, r);                                   \
        return v##_mul(v##_add(p, v##_set1(1.0f)), v##_pow2(t));                                   \
    }
/* f(gate) * up.  gelu: (1 + tanh u) / 2 = 1 / (1 + e^-2u), no difference of near numbers, so small
 * results stay exact. */
#define SIMD_GATES(v)                                                                              \
    static inline v v##_silu(v gate, v up)                                                         \
    {                                                                                              \
        v d = v##_add(v##_set1(1.0f), v##_exp(v##_sub(v##_set1(0), gate)));                        \
        return v##_mul(v##_div(gate, d), up);                                                      \
    }                                                                                              \
    static inline v v##_gelu(v gate, v up)                                                         \
    {                                                                                              \
        v c = v##_fma(v##_mul(gate, gate), v##_set1(-0.0713548162726f),                            \
                      v##_set1(-1.5957691216057f));                                                \
        v d = v##_add(v##_set1(1.0f), v##_exp(v##_mul(gate, c)));                                  \
        return v##_mul(v##_div(gate, d), up);                                                      \
    }
SIMD_EXP(v8)
SIMD_GATES(v8)
#endif
