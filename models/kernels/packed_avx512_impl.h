/* How AVX-512 code reads packed weights (pack.h).  Included by ops_vnni.c and ops_amx.c. */
#ifndef LTD_MODELS_KERNELS_PACKED_AVX512_IMPL_H
#define LTD_MODELS_KERNELS_PACKED_AVX512_IMPL_H

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include "models/kernels/pack.h"

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

INLINE bool is_nibbles(const ltd_pack_kind kind)
{
    return kind == LTD_PACK_Q4 || kind == LTD_PACK_Q4K;
}

/* Bytes of 32 k of a tile. */
INLINE size_t weight_bytes(const ltd_pack_kind kind)
{
    return is_nibbles(kind) ? 256 : 512;
}

INLINE size_t scale_bytes(const ltd_pack_kind kind)
{
    return kind == LTD_PACK_Q4 ? 64 : kind == LTD_PACK_Q8 ? 32 : 128;
}

/* d (i = 0) or m (i = 1) of the tile's 16 outputs. */
INLINE __m512 load_scales(const uint8_t *p, int i, const ltd_pack_kind kind)
{
    if (kind == LTD_PACK_Q4 || kind == LTD_PACK_Q8)
        return _mm512_cvtph_ps(_mm256_load_si256((const __m256i *)(p + 32 * i)));
    return _mm512_load_ps((const float *)p + 16 * i);
}

/* Lines that are fetched far ahead come from so many pages in turns. */
enum { PAGES = 8 };

/* The line that is fetched when `line` is read: of the next PAGES pages as many lines on, but page
 * after page the first ones, then the second ones: each line once. */
INLINE uintptr_t line_ahead(uintptr_t line)
{
    const uintptr_t lines = 64 * PAGES, at = line % lines;
    return line - at + lines + (at % PAGES * 64 + at / PAGES);
}

/* Of what stands at p and goes on so, a group of `bytes` at a time.  Far ahead into the second
 * level, near into the first: fills of the first level are too few to wait for memory in.  Where
 * they are what limits (`by_pages`, ltd_vnni_linear()) the second level's own prefetcher helps; it
 * follows each page by itself, so it is led into several. */
INLINE void prefetch(const uint8_t *p, const size_t bytes, const bool by_pages)
{
    const size_t far = bytes == 512 ? 8192 : 16384, near = bytes == 512 ? 2048 : 1024;
    UNROLL for (size_t i = 0; i < 512; i += 64) if (i < bytes)
    {
        uintptr_t at = (uintptr_t)p + i;
        _mm_prefetch((const char *)(by_pages ? line_ahead(at / 64) * 64 : at + far), _MM_HINT_T1);
        _mm_prefetch((const char *)p + near + i, _MM_HINT_T0);
    }
}

#endif
