/* Row operations of ops_impl.h in sixteen lanes.  Each lane is computed as there, and what is
 * summed over lanes is summed in the order of eight, so results are equal bit for bit.  Included by
 * ops_vnni.c alone, after ops_impl.h. */
#ifndef LTD_MODELS_KERNELS_ROWS_AVX512_IMPL_H
#define LTD_MODELS_KERNELS_ROWS_AVX512_IMPL_H

#include <immintrin.h>
#include <math.h>

#include "models/kernels/kernels.h"
#include "models/kernels/simd16.h"

/* --- quantising --- */

static inline float largest_of(__m512 a, __m512 b)
{
    __m512 m = _mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b));
    __m256 h = _mm256_max_ps(_mm512_castps512_ps256(m), _mm512_extractf32x8_ps(m, 1));
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

/* 32 integers of a signed byte each go to q[32], and bias[2] receives -128 * the sums of each half;
 * their sum. */
static inline int32_t put_bytes(__m512i v0, __m512i v1, int8_t *q, int32_t *bias)
{
    __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm512_cvtepi32_epi8(v0)),
                                            _mm512_cvtepi32_epi8(v1), 1);
    _mm256_storeu_si256((__m256i *)q, bytes);
    /* Sums of each half, in all its lanes. */
    __m256i s = _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), bytes);
    s = _mm256_add_epi32(s, _mm256_shuffle_epi32(s, 0x4e));
    s = _mm256_add_epi32(s, _mm256_shuffle_epi32(s, 0xb1));
    __m128i a = _mm256_castsi256_si128(s), b = _mm256_extracti128_si256(s, 1);
    __m128i by_128 = _mm_slli_epi32(_mm_unpacklo_epi32(a, b), 7);
    _mm_storel_epi64((__m128i *)bias, _mm_sub_epi32(_mm_setzero_si128(), by_128));
    return _mm_cvtsi128_si32(_mm_add_epi32(a, b));
}

static void avx512_quantize(const float *x, int32_t row, int32_t begin, int32_t end, ltd_acts *a)
{
    const bool bytes = a->bits == 8;
    const float top = bytes ? 127.0f : 32639.0f;
    const size_t first = (size_t)row * (size_t)a->n / 32;
    for (size_t g = first + (size_t)begin / 32; g < first + (size_t)end / 32; g++, x += 32) {
        __m512 u = _mm512_loadu_ps(x), v = _mm512_loadu_ps(x + 16);
        float amax = largest_of(u, v), s = short_scale(amax / top), inv = amax > 0 ? top / amax : 0;
        if (!(inv <= 3.0e38f)) s = inv = 0;
        __m512i i0 = _mm512_cvtps_epi32(_mm512_mul_ps(u, _mm512_set1_ps(inv)));
        __m512i i1 = _mm512_cvtps_epi32(_mm512_mul_ps(v, _mm512_set1_ps(inv)));
        int32_t total = 0;
        if (!bytes) {
            __m512i half = _mm512_set1_epi32(128);
            __m512i h0 = _mm512_srai_epi32(_mm512_add_epi32(i0, half), 8);
            __m512i h1 = _mm512_srai_epi32(_mm512_add_epi32(i1, half), 8);
            total = 256 * put_bytes(h0, h1, a->hi + 32 * g, a->bias_hi + 2 * g);
            i0 = _mm512_sub_epi32(i0, _mm512_slli_epi32(h0, 8));
            i1 = _mm512_sub_epi32(i1, _mm512_slli_epi32(h1, 8));
        }
        total += put_bytes(i0, i1, a->lo + 32 * g, a->bias_lo + 2 * g);
        a->scale[g] = s;
        a->sum[g] = s * (float)total;
    }
}

/* --- gates --- */

#define GATE(name, f)                                                                              \
    static void avx512_##name(const float *gate, const float *up, int32_t n, float *ret)           \
    {                                                                                              \
        for (int32_t i = 0; i < n; i += 16) {                                                      \
            __mmask16 k = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : 0xffff;                  \
            __m512 g = _mm512_maskz_loadu_ps(k, gate + i), u = _mm512_maskz_loadu_ps(k, up + i);   \
            _mm512_mask_storeu_ps(ret + i, k, f(g, u));                                            \
        }                                                                                          \
    }
GATE(silu_mul, v16_silu)
GATE(gelu_mul, v16_gelu)
#undef GATE

/* --- choosing among logits --- */

/* The last eight of n, when it is no multiple of 16, as the lower lanes. */
static inline __m512 last_eight(const float *p)
{
    return _mm512_castps256_ps512(_mm256_loadu_ps(p));
}

static float row_largest(const float *x, int32_t n)
{
    int32_t whole = n / 16 * 16;
    __m512 m = _mm512_set1_ps(x[0]);
    for (int32_t i = 0; i < whole; i += 16) m = _mm512_max_ps(m, _mm512_loadu_ps(x + i));
    if (whole < n) m = _mm512_mask_max_ps(m, 0xff, m, last_eight(x + whole));
    return v16_hmax(m);
}

static int32_t avx512_argmax(const float *x, int32_t n, float *value)
{
    int32_t whole = n / 16 * 16;
    float top = row_largest(x, n);
    *value = top;
    __m512 t = _mm512_set1_ps(top);
    for (int32_t i = 0; i < whole; i += 16) {
        unsigned hit = _mm512_cmp_ps_mask(_mm512_loadu_ps(x + i), t, _CMP_EQ_OQ);
        if (hit) return i + __builtin_ctz(hit);
    }
    for (int32_t i = whole; i < n; i++)
        if (x[i] == top) return i;
    return 0;
}

static int32_t avx512_keep_best(const float *x, const int32_t *id, int32_t n, int32_t have,
                                int32_t k, float *best, int32_t *best_id)
{
    for (int32_t i = 0; i < n; i += 16) {
        __mmask16 in = n - i < 16 ? 0xff : 0xffff;
        __m512 v = _mm512_maskz_loadu_ps(in, x + i);
        unsigned hits = in;
        if (have == k)
            hits = _mm512_mask_cmp_ps_mask(in, v, _mm512_set1_ps(best[k - 1]), _CMP_GE_OQ);
        for (; hits; hits &= hits - 1) {
            int32_t at = i + __builtin_ctz(hits);
            have = OPS(keep_one)(x[at], id[at], have, k, best, best_id);
        }
    }
    return have;
}

static float avx512_sum_exp(const float *x, int32_t n, float *largest)
{
    *largest = row_largest(x, n);
    __m512 m = _mm512_set1_ps(*largest);
    __m256 sum = _mm256_setzero_ps();
    for (int32_t i = 0; i + 16 <= n; i += 16) {
        __m512 e = v16_exp(_mm512_sub_ps(_mm512_loadu_ps(x + i), m));
        sum = _mm256_add_ps(sum, _mm512_castps512_ps256(e));
        sum = _mm256_add_ps(sum, _mm512_extractf32x8_ps(e, 1));
    }
    if (n % 16)
        sum = _mm256_add_ps(
            sum, _mm512_castps512_ps256(v16_exp(_mm512_sub_ps(last_eight(x + n / 16 * 16), m))));
    return v8_sum(sum);
}

#endif
