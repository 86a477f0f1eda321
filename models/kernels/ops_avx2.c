/* AVX2 + FMA + F16C.  Lanes are output rows, activations are broadcast: no sum over lanes, and the
 * group's scale is applied once for eight rows.  A tile meets up to four rows of activations at
 * once: weights are unpacked once for the four, and each broadcast serves both halves of a tile. */
#define OPS(name) avx2_##name
#define OPS_OWN_QUANTIZE
#include "models/kernels/ops_impl.h"
#include "models/kernels/quantize_avx2_impl.h"
#include "models/kernels/tables.h"

/* Rows of a block: 1 to 4 activation rows share the unpacked weights.  Each row's own arithmetic is
 * the same for every block size. */
enum { BLOCK = 4 };

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

/* A tile, and the block of rows it meets. */
typedef struct job {
    const uint8_t *scales, *weights;
    /* Of the block's first row; the others follow, n values or n / 32 groups apart. */
    const int16_t *q;
    const int8_t *lo;
    const float *scale, *sum, *x;
    ptrdiff_t n, groups;
    float *y;
    ptrdiff_t ldy;
    bool whole; /* all 16 outputs are written, else 8 */
} job;

#define EACH(op, ...)                                                                              \
    op(0, __VA_ARGS__);                                                                            \
    op(1, __VA_ARGS__);                                                                            \
    op(2, __VA_ARGS__);                                                                            \
    op(3, __VA_ARGS__)
/* Row i has the integer sums a, b and the results y, z of a tile's first and second half.  Named
 * variables: gcc keeps arrays of vectors in memory. */
#define ZERO_INTS                                                                                  \
    __m256i a0 = _mm256_setzero_si256(), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0,     \
            b3 = a0
#define ZERO_SUMS                                                                                  \
    __m256 y0 = _mm256_setzero_ps(), y1 = y0, y2 = y0, y3 = y0, z0 = y0, z1 = y0, z2 = y0, z3 = y0
/* The sums in registers, here: else gcc starts all products of a group first, and spills them. */
#define KEEP(i) __asm__ volatile("" : "+x"(a##i), "+x"(b##i))
/* Both halves of 64 bytes of weights; op on each gives name0 and name1. */
#define LOAD(name, p)                                                                              \
    __m256i name##0 = _mm256_load_si256((const __m256i *)(p)),                                     \
            name##1 = _mm256_load_si256((const __m256i *)((p) + 32))
#define BOTH(name, op, from, ...)                                                                  \
    __m256i name##0 = op(from##0, __VA_ARGS__), name##1 = op(from##1, __VA_ARGS__)
#define SCALES(name, p, i)                                                                         \
    __m256 name##0 = scales(p, i, halves), name##1 = scales((p) + (halves ? 16 : 32), i, halves)
#define MADD(i, w, k)                                                                              \
    if (i < m) {                                                                                   \
        __m256i q = pair(x->q + i * x->n + at + (k));                                              \
        a##i = _mm256_add_epi32(a##i, _mm256_madd_epi16(w##0, q));                                 \
        b##i = _mm256_add_epi32(b##i, _mm256_madd_epi16(w##1, q));                                 \
        KEEP(i);                                                                                   \
    }
#define MADDUBS(i, w, k)                                                                           \
    if (i < m) {                                                                                   \
        __m256i q = quad(x->lo + i * x->n + at + (k));                                             \
        a##i = _mm256_add_epi16(a##i, _mm256_maddubs_epi16(w##0, q));                              \
        b##i = _mm256_add_epi16(b##i, _mm256_maddubs_epi16(w##1, q));                              \
        KEEP(i);                                                                                   \
    }
#define WIDEN(i, ones)                                                                             \
    if (i < m) a##i = _mm256_madd_epi16(a##i, ones), b##i = _mm256_madd_epi16(b##i, ones)
#define SHIFT(i, bits)                                                                             \
    if (i < m) a##i = _mm256_srai_epi32(a##i, bits), b##i = _mm256_srai_epi32(b##i, bits)
#define SCALE(i, d, g)                                                                             \
    if (i < m) {                                                                                   \
        __m256 v = _mm256_broadcast_ss(x->scale + i * x->groups + (g));                            \
        y##i = _mm256_fmadd_ps(d##0, _mm256_mul_ps(v, _mm256_cvtepi32_ps(a##i)), y##i);            \
        z##i = _mm256_fmadd_ps(d##1, _mm256_mul_ps(v, _mm256_cvtepi32_ps(b##i)), z##i);            \
    }
#define OFFSET(i, o, g)                                                                            \
    if (i < m) {                                                                                   \
        __m256 v = _mm256_broadcast_ss(x->sum + i * x->groups + (g));                              \
        y##i = _mm256_fmadd_ps(o##0, v, y##i);                                                     \
        z##i = _mm256_fmadd_ps(o##1, v, z##i);                                                     \
    }
#define FMA(i, w, k)                                                                               \
    if (i < m) {                                                                                   \
        __m256 v = _mm256_broadcast_ss(x->x + i * x->n + (k));                                     \
        y##i = _mm256_fmadd_ps(w##0, v, y##i);                                                     \
        z##i = _mm256_fmadd_ps(w##1, v, z##i);                                                     \
    }
#define STORE(i, unused)                                                                           \
    if (i < m) {                                                                                   \
        _mm256_storeu_ps(x->y + i * x->ldy, y##i);                                                 \
        if (x->whole) _mm256_storeu_ps(x->y + i * x->ldy + 8, z##i);                               \
    }

static inline __m256i pair(const int16_t *q)
{
    int32_t two;
    memcpy(&two, q, 4);
    return _mm256_set1_epi32(two);
}

static inline __m256i quad(const int8_t *q)
{
    int32_t four;
    memcpy(&four, q, 4);
    return _mm256_set1_epi32(four);
}

/* Eight of the group's 16 d (i = 0) or m (i = 1). */
INLINE __m256 scales(const uint8_t *p, int i, bool halves)
{
    if (halves) return _mm256_cvtph_ps(_mm_load_si128((const __m128i *)(p + 32 * i)));
    return _mm256_load_ps((const float *)(p + 64 * i));
}

/* What is `bytes` of each group, scales and weights alike, ahead of group g: far into the second
 * level, near into the first, whose fills are too few to wait for memory in.  Always inline: gcc
 * takes a function of prefetches for one without effect, and drops the call. */
INLINE void prefetch(const job *x, ptrdiff_t g, const int bytes)
{
    const char *p = (const char *)x->scales + g * bytes;
    for (int i = 0; i < bytes; i += 64) {
        _mm_prefetch(p + 8192 + i, _MM_HINT_T1);
        _mm_prefetch(p + 2048 + i, _MM_HINT_T0);
    }
}

/* Each load has the low nibbles of one quad of k and the high ones of another.  8-bit activations:
 * four k a lane; a group's sums fit 16 bits, 8 x 2 x 15 x 127 = 30480, and are widened once. */
INLINE void tile_q4_bytes(const job *x, const int m, const bool halves)
{
    const int scale_bytes = halves ? 64 : 128;
    const __m256i low = _mm256_set1_epi8(0xf), ones = _mm256_set1_epi16(1);
    const uint8_t *w = x->weights, *s = x->scales;
    ZERO_SUMS;
    for (ptrdiff_t g = 0; g < x->groups; g++, w += 256, s += scale_bytes) {
        ptrdiff_t at = 32 * g;
        ZERO_INTS;
        prefetch(x, g, 256 + scale_bytes);
        UNROLL for (int j = 0; j < 4; j++)
        {
            LOAD(v, w + 64 * j);
            BOTH(lo, _mm256_and_si256, v, low);
            EACH(MADDUBS, lo, 4 * j);
            BOTH(up, _mm256_srli_epi16, v, 4);
            BOTH(hi, _mm256_and_si256, up, low);
            EACH(MADDUBS, hi, 16 + 4 * j);
        }
        EACH(WIDEN, ones);
        SCALES(d, s, 0);
        EACH(SCALE, d, g);
        SCALES(o, s, 1);
        EACH(OFFSET, o, g);
    }
    EACH(STORE, 0);
}

/* 16-bit activations: two k a lane, k and k + 2 of a quad. */
INLINE void tile_q4(const job *x, const int m, const bool halves)
{
    const int scale_bytes = halves ? 64 : 128;
    const __m256i low = _mm256_set1_epi16(0xf);
    const uint8_t *w = x->weights, *s = x->scales;
    ZERO_SUMS;
    for (ptrdiff_t g = 0; g < x->groups; g++, w += 256, s += scale_bytes) {
        ptrdiff_t at = 32 * g;
        ZERO_INTS;
        prefetch(x, g, 256 + scale_bytes);
        UNROLL for (int j = 0; j < 4; j++)
        {
            LOAD(v, w + 64 * j);
            BOTH(n, _mm256_and_si256, v, low);
            EACH(MADD, n, 4 * j);
            BOTH(v8, _mm256_srli_epi16, v, 8);
            BOTH(n8, _mm256_and_si256, v8, low);
            EACH(MADD, n8, 4 * j + 2);
            BOTH(v4, _mm256_srli_epi16, v, 4);
            BOTH(n4, _mm256_and_si256, v4, low);
            EACH(MADD, n4, 16 + 4 * j);
            BOTH(n12, _mm256_srli_epi16, v, 12);
            EACH(MADD, n12, 16 + 4 * j + 2);
        }
        SCALES(d, s, 0);
        EACH(SCALE, d, g);
        SCALES(o, s, 1);
        EACH(OFFSET, o, g);
    }
    EACH(STORE, 0);
}

/* Bytes of two k apart become 16-bit lanes, as the activations lie.  With 8-bit activations they
 * stay in a lane's upper half, 256 times too large, which costs one operation less: a group's sum,
 * 32 x 128 x 127 x 256, fits 32 bits. */
INLINE void tile_q8(const job *x, const int m, const bool bytes, const ltd_pack_kind kind)
{
    const bool halves = kind == LTD_PACK_Q8;
    const int run = kind == LTD_PACK_Q8G16 ? 16 : 32; /* k that share a scale */
    const int scale_bytes = kind == LTD_PACK_Q8 ? 32 : kind == LTD_PACK_Q8M ? 128 : 64;
    const __m256i high = _mm256_set1_epi16((int16_t)0xff00);
    const uint8_t *w = x->weights, *s = x->scales;
    ZERO_SUMS;
    for (ptrdiff_t at = 0; at < x->n; at += run, w += 16 * run, s += scale_bytes) {
        ZERO_INTS;
        prefetch(x, at / run, 16 * run + scale_bytes);
        UNROLL for (int j = 0; j < run / 4; j++)
        {
            LOAD(v, w + 64 * j);
            BOTH(up, _mm256_slli_epi16, v, 8);
            if (bytes) {
                EACH(MADD, up, 4 * j);
                BOTH(odd, _mm256_and_si256, v, high);
                EACH(MADD, odd, 4 * j + 2);
            } else {
                BOTH(even, _mm256_srai_epi16, up, 8);
                EACH(MADD, even, 4 * j);
                BOTH(odd, _mm256_srai_epi16, v, 8);
                EACH(MADD, odd, 4 * j + 2);
            }
        }
        if (bytes) { EACH(SHIFT, 8); }
        SCALES(d, s, 0);
        EACH(SCALE, d, at / 32);
        if (kind == LTD_PACK_Q8M) {
            SCALES(o, s, 1);
            EACH(OFFSET, o, at / 32);
        }
    }
    EACH(STORE, 0);
}

/* Eight weights of column k, from row 8 h on. */
INLINE __m256 load_weights(const uint8_t *w, ptrdiff_t k, int h, ltd_pack_kind kind)
{
    ptrdiff_t at = 16 * k + 8 * h;
    if (kind == LTD_PACK_F32) return _mm256_load_ps((const float *)w + at);
    __m128i v = _mm_load_si128((const __m128i *)(w + 2 * at));
    if (kind == LTD_PACK_F16) return _mm256_cvtph_ps(v);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
}

INLINE void tile_float(const job *x, const int m, const ltd_pack_kind kind)
{
    ZERO_SUMS;
    for (ptrdiff_t k = 0; k < x->n; k++) {
        __m256 w0 = load_weights(x->weights, k, 0, kind);
        __m256 w1 = load_weights(x->weights, k, 1, kind);
        EACH(FMA, w, k);
    }
    EACH(STORE, 0);
}

/* A function for each number of rows. */
typedef void (*tile_fn)(const job *x);
#define BODY(name, rows, call, ...)                                                                \
    static void name##_##rows(const job *x)                                                        \
    {                                                                                              \
        call(x, rows, __VA_ARGS__);                                                                \
    }
#define BODIES(name, ...)                                                                          \
    BODY(name, 1, __VA_ARGS__)                                                                     \
    BODY(name, 2, __VA_ARGS__)                                                                     \
    BODY(name, 3, __VA_ARGS__)                                                                     \
    BODY(name, 4, __VA_ARGS__)                                                                     \
    static const tile_fn name[BLOCK] = {name##_1, name##_2, name##_3, name##_4};
BODIES(q4_8, tile_q4_bytes, true)
BODIES(q4_16, tile_q4, true)
BODIES(q4k_8, tile_q4_bytes, false)
BODIES(q4k_16, tile_q4, false)
BODIES(q8_8, tile_q8, true, LTD_PACK_Q8)
BODIES(q8_16, tile_q8, false, LTD_PACK_Q8)
BODIES(q8m_8, tile_q8, true, LTD_PACK_Q8M)
BODIES(q8m_16, tile_q8, false, LTD_PACK_Q8M)
BODIES(q8g16_8, tile_q8, true, LTD_PACK_Q8G16)
BODIES(q8g16_16, tile_q8, false, LTD_PACK_Q8G16)
BODIES(f32, tile_float, LTD_PACK_F32)
BODIES(f16, tile_float, LTD_PACK_F16)
BODIES(bf16, tile_float, LTD_PACK_BF16)

static const tile_fn *bodies(ltd_pack_kind kind, bool bytes)
{
    switch (kind) {
    case LTD_PACK_Q4: return bytes ? q4_8 : q4_16;
    case LTD_PACK_Q4K: return bytes ? q4k_8 : q4k_16;
    case LTD_PACK_Q8: return bytes ? q8_8 : q8_16;
    case LTD_PACK_Q8M: return bytes ? q8m_8 : q8m_16;
    case LTD_PACK_Q8G16: return bytes ? q8g16_8 : q8g16_16;
    case LTD_PACK_F16: return f16;
    case LTD_PACK_BF16: return bf16;
    default: return f32;
    }
}

static void avx2_linear(const ltd_packed *w, const ltd_acts *a, int32_t m, int32_t tile0,
                        int32_t tile1, float *y, size_t ldy)
{
    const tile_fn *fn = bodies(w->kind, a->bits == 8);
    for (int32_t t = tile0; t < tile1; t++, y += LTD_TILE) {
        const uint8_t *data = w->data + (size_t)t * w->tile_bytes;
        job x = {.scales = data,
                 .weights = data + w->scale_bytes,
                 .n = a->n,
                 .groups = a->n / 32,
                 .ldy = (ptrdiff_t)ldy,
                 .whole = w->width - LTD_TILE * t >= LTD_TILE};
        for (int32_t row = 0; row < m; row += BLOCK) {
            ptrdiff_t at = row * x.n, group = row * x.groups;
            x.q = a->q + at;
            x.lo = a->lo + at;
            x.x = a->x + at;
            x.scale = a->scale + group;
            x.sum = a->sum + group;
            x.y = y + row * x.ldy;
            fn[(m - row < BLOCK ? m - row : BLOCK) - 1](&x);
        }
    }
}

static const ltd_kernels table = {
    .isa = LTD_ISA_AVX2, .name = "avx2", .linear = avx2_linear, OPS_TABLE};

const ltd_kernels *ltd_kernels_avx2(void)
{
    return &table;
}
