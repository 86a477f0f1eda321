/* Quantising activations with AVX2.  Included by ops_avx2.c alone. */
#ifndef LTD_MODELS_KERNELS_QUANTIZE_AVX2_IMPL_H
#define LTD_MODELS_KERNELS_QUANTIZE_AVX2_IMPL_H

#include <immintrin.h>

#include "models/kernels/kernels.h"
#include "models/kernels/simd.h"

/* Sixteen integers in order, from the eight at p and the eight behind. */
static inline __m256i round16(const float *p, __m256 by)
{
    __m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(p), by));
    __m256i b = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(p + 8), by));
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
}

static inline void store_bytes(int8_t *to, __m256i a, __m256i b)
{
    _mm256_storeu_si256((__m256i *)to, _mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xd8));
}

/* The integers of 32 values as the kernels read them; their sum. */
static inline int32_t put_ints(__m256i a, __m256i b, ltd_acts *acts, size_t at)
{
    const __m256i order = _mm256_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15, 0,
                                           1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
    const __m256i ones = _mm256_set1_epi16(1), half = _mm256_set1_epi16(128);
    _mm256_storeu_si256((__m256i *)(acts->q + at), _mm256_shuffle_epi8(a, order));
    _mm256_storeu_si256((__m256i *)(acts->q + at + 16), _mm256_shuffle_epi8(b, order));
    __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(a, ones), _mm256_madd_epi16(b, ones));
    if (acts->bits != 8) {
        __m256i h0 = _mm256_srai_epi16(_mm256_add_epi16(a, half), 8);
        __m256i h1 = _mm256_srai_epi16(_mm256_add_epi16(b, half), 8);
        store_bytes(acts->hi + at, h0, h1);
        a = _mm256_sub_epi16(a, _mm256_slli_epi16(h0, 8));
        b = _mm256_sub_epi16(b, _mm256_slli_epi16(h1, 8));
    }
    store_bytes(acts->lo + at, a, b);
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

/* As in ops_impl.h. */
static void avx2_quantize(const float *x, int32_t row, int32_t begin, int32_t end, ltd_acts *acts)
{
    const float top = acts->bits == 8 ? 127.0f : 32639.0f;
    size_t first = (size_t)row * (size_t)acts->n;
    for (int32_t k = begin; k < end; k += 32, x += 32) {
        v8 m = v8_max(v8_max(v8_abs(v8_load(x)), v8_abs(v8_load(x + 8))),
                      v8_max(v8_abs(v8_load(x + 16)), v8_abs(v8_load(x + 24))));
        float amax = v8_hmax(m), s = short_scale(amax / top), inv = amax > 0 ? top / amax : 0;
        if (!(inv <= 3.0e38f)) s = inv = 0;
        size_t at = first + (size_t)k;
        v8 by = v8_set1(inv);
        int32_t total = put_ints(round16(x, by), round16(x + 16, by), acts, at);
        acts->scale[at / 32] = s;
        acts->sum[at / 32] = s * (float)total;
    }
}

#endif
