/* AVX2 + FMA + F16C.  Lanes are output rows, activations are broadcast: no sum over lanes, and the
 * group's scale is applied once for eight rows.  One or two activation rows meet a whole tile, two
 * vectors of eight outputs; three or four meet its halves one after the other. */
#define OPS(name) avx2_##name
#define OPS_OWN_QUANTIZE
#include "models/kernels/ops_impl.h"
#include "models/kernels/quantize_avx2.h"
#include "models/kernels/tables.h"

/* Rows of a block: 1 to 4 activation rows share the unpacked weights.  Each row's own arithmetic is
 * the same for every block size. */
enum { BLOCK = 4 };

#define INLINE static inline __attribute__((always_inline))

/* Half a tile, and the activation rows it meets. */
typedef struct job {
    const uint8_t *scales, *weights;
    const int16_t *q[BLOCK];
    const int8_t *lo[BLOCK];
    const float *scale[BLOCK], *sum[BLOCK], *x[BLOCK];
    float *y[BLOCK];
} job;

#define EACH(op, ...)                                                                              \
    op(0, __VA_ARGS__);                                                                            \
    op(1, __VA_ARGS__);                                                                            \
    op(2, __VA_ARGS__);                                                                            \
    op(3, __VA_ARGS__)
/* Accumulator i: of row i, or, with a whole tile, of row i % 2 and half i / 2. */
#define ROW(i) (whole ? (i) % 2 : (i))
#define ON(i) (ROW(i) < m)
#define PICK(i, v) (whole && (i) >= 2 ? v##1 : v##0)
#define ZERO_INTS __m256i a0 = _mm256_setzero_si256(), a1 = a0, a2 = a0, a3 = a0
#define ZERO_SUMS __m256 y0 = _mm256_setzero_ps(), y1 = y0, y2 = y0, y3 = y0
/* Both halves of 64 bytes of weights; op on each gives name0 and name1. */
#define LOAD(name, p)                                                                              \
    __m256i name##0 = _mm256_load_si256((const __m256i *)(p)),                                     \
            name##1 = whole ? _mm256_load_si256((const __m256i *)((p) + 32)) : name##0
#define BOTH(name, op, from, ...)                                                                  \
    __m256i name##0 = op(from##0, __VA_ARGS__), name##1 = op(from##1, __VA_ARGS__)
#define SCALES(name, p, i)                                                                         \
    __m256 name##0 = scales(p, i, halves),                                                         \
           name##1 = whole ? scales((p) + (halves ? 16 : 32), i, halves) : name##0
#define MADD(i, w, k)                                                                              \
    if (ON(i))                                                                                     \
    a##i = _mm256_add_epi32(a##i, _mm256_madd_epi16(PICK(i, w), pair(x->q[ROW(i)] + at + (k))))
#define MADDUBS(i, w, k)                                                                           \
    if (ON(i))                                                                                     \
    a##i = _mm256_add_epi16(a##i, _mm256_maddubs_epi16(PICK(i, w), quad(x->lo[ROW(i)] + at + (k))))
#define WIDEN(i, ones)                                                                             \
    if (ON(i)) a##i = _mm256_madd_epi16(a##i, ones)
#define SCALE(i, d, g)                                                                             \
    if (ON(i))                                                                                     \
    y##i = _mm256_fmadd_ps(                                                                        \
        PICK(i, d),                                                                                \
        _mm256_mul_ps(_mm256_broadcast_ss(x->scale[ROW(i)] + (g)), _mm256_cvtepi32_ps(a##i)),      \
        y##i)
#define OFFSET(i, o, g)                                                                            \
    if (ON(i)) y##i = _mm256_fmadd_ps(PICK(i, o), _mm256_broadcast_ss(x->sum[ROW(i)] + (g)), y##i)
#define FMA(i, w, k)                                                                               \
    if (ON(i)) y##i = _mm256_fmadd_ps(PICK(i, w), _mm256_broadcast_ss(x->x[ROW(i)] + (k)), y##i)
#define STORE(i, unused)                                                                           \
    if (ON(i)) _mm256_storeu_ps(x->y[ROW(i)] + (whole ? 8 * ((i) / 2) : 0), y##i)

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

/* Far ahead into the second level, near into the first: fills of the first level are too few to
 * wait for memory in.  Always inline: gcc takes a function of prefetches for one without effect,
 * and drops the call. */
INLINE void prefetch(const uint8_t *p, const int bytes)
{
    for (int i = 0; i < bytes; i += 64) {
        _mm_prefetch((const char *)p + 8192 + i, _MM_HINT_T1);
        _mm_prefetch((const char *)p + 1024 + i, _MM_HINT_T0);
    }
}

/* Each load has the low nibbles of one quad of k and the high ones of another.  8-bit activations:
 * four k a lane; a group's sums fit 16 bits, 8 x 2 x 15 x 127 = 30480, and are widened once. */
INLINE void tile_q4_bytes(const job *x, int32_t groups, const int m, const bool whole,
                          const bool halves)
{
    const __m256i low = _mm256_set1_epi8(0xf), ones = _mm256_set1_epi16(1);
    const uint8_t *w = x->weights, *s = x->scales;
    ZERO_SUMS;
    for (int32_t g = 0; g < groups; g++, w += 256, s += halves ? 64 : 128) {
        int32_t at = 32 * g;
        ZERO_INTS;
        prefetch(w, 256);
        for (int j = 0; j < 4; j++) {
            LOAD(v, w + 64 * j);
            BOTH(lo, _mm256_and_si256, v, low);
            EACH(MADDUBS, lo, 4 * j);
            BOTH(up, _mm256_srli_epi16, v, 4);
            BOTH(hi, _mm256_and_si256, up, low);
            EACH(MADDUBS, hi, 16 + 4 * j);
        }
        EACH(WIDEN, ones);
        SCALES(d, s, 0);
        SCALES(o, s, 1);
        EACH(SCALE, d, g);
        EACH(OFFSET, o, g);
    }
    EACH(STORE, 0);
}

/* 16-bit activations: two k a lane, k and k + 2 of a quad. */
INLINE void tile_q4(const job *x, int32_t groups, const int m, const bool whole, const bool halves)
{
    const __m256i low = _mm256_set1_epi16(0xf);
    const uint8_t *w = x->weights, *s = x->scales;
    ZERO_SUMS;
    for (int32_t g = 0; g < groups; g++, w += 256, s += halves ? 64 : 128) {
        int32_t at = 32 * g;
        ZERO_INTS;
        prefetch(w, 256);
        for (int j = 0; j < 4; j++) {
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
        SCALES(o, s, 1);
        EACH(SCALE, d, g);
        EACH(OFFSET, o, g);
    }
    EACH(STORE, 0);
}

/* Bytes of two k apart become 16-bit lanes, as the activations lie. */
INLINE void tile_q8(const job *x, int32_t groups, const int m, const bool whole,
                    const ltd_pack_kind kind)
{
    const bool halves = kind == LTD_PACK_Q8;
    const int32_t run = kind == LTD_PACK_Q8G16 ? 16 : 32; /* k that share a scale */
    const int32_t scale_bytes = kind == LTD_PACK_Q8 ? 32 : kind == LTD_PACK_Q8M ? 128 : 64;
    const uint8_t *w = x->weights, *s = x->scales;
    ZERO_SUMS;
    for (int32_t at = 0; at < 32 * groups; at += run, w += 16 * run, s += scale_bytes) {
        ZERO_INTS;
        prefetch(w, 16 * run);
        for (int j = 0; j < run / 4; j++) {
            LOAD(v, w + 64 * j);
            BOTH(up, _mm256_slli_epi16, v, 8);
            BOTH(even, _mm256_srai_epi16, up, 8);
            EACH(MADD, even, 4 * j);
            BOTH(odd, _mm256_srai_epi16, v, 8);
            EACH(MADD, odd, 4 * j + 2);
        }
        SCALES(d, s, 0);
        EACH(SCALE, d, at / 32);
        if (kind == LTD_PACK_Q8M) {
            SCALES(o, s, 1);
            EACH(OFFSET, o, at / 32);
        }
    }
    EACH(STORE, 0);
}

/* Eight weights of column k, from row 8 h of what the job begins with. */
INLINE __m256 load_weights(const uint8_t *w, int32_t k, int h, ltd_pack_kind kind)
{
    size_t at = 16 * (size_t)k + 8 * (size_t)h;
    if (kind == LTD_PACK_F32) return _mm256_load_ps((const float *)w + at);
    __m128i v = _mm_load_si128((const __m128i *)(w + 2 * at));
    if (kind == LTD_PACK_F16) return _mm256_cvtph_ps(v);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
}

INLINE void tile_float(const job *x, int32_t n, const int m, const bool whole,
                       const ltd_pack_kind kind)
{
    ZERO_SUMS;
    for (int32_t k = 0; k < n; k++) {
        __m256 w0 = load_weights(x->weights, k, 0, kind);
        __m256 w1 = whole ? load_weights(x->weights, k, 1, kind) : w0;
        EACH(FMA, w, k);
    }
    EACH(STORE, 0);
}

/* Constant `m` and kind, so that the compiler makes a body for each. */
INLINE void tile_any(const ltd_packed *w, const job *x, const ltd_acts *a, const int m,
                     const bool whole)
{
    int32_t n = a->n, groups = n / 32;
    bool bytes = a->bits == 8;
    switch (w->kind) {
    case LTD_PACK_Q4:
        bytes ? tile_q4_bytes(x, groups, m, whole, true) : tile_q4(x, groups, m, whole, true);
        break;
    case LTD_PACK_Q4K:
        bytes ? tile_q4_bytes(x, groups, m, whole, false) : tile_q4(x, groups, m, whole, false);
        break;
    case LTD_PACK_Q8: tile_q8(x, groups, m, whole, LTD_PACK_Q8); break;
    case LTD_PACK_Q8M: tile_q8(x, groups, m, whole, LTD_PACK_Q8M); break;
    case LTD_PACK_Q8G16: tile_q8(x, groups, m, whole, LTD_PACK_Q8G16); break;
    case LTD_PACK_F32: tile_float(x, n, m, whole, LTD_PACK_F32); break;
    case LTD_PACK_F16: tile_float(x, n, m, whole, LTD_PACK_F16); break;
    case LTD_PACK_BF16: tile_float(x, n, m, whole, LTD_PACK_BF16); break;
    case LTD_PACK_COUNT: break;
    }
}

/* From half `h` of a tile on: that half, or the whole. */
static void tile_rows(const ltd_packed *w, const ltd_acts *a, int32_t row, int32_t m, int32_t tile,
                      int h, bool whole, float *y, size_t ldy)
{
    const uint8_t *data = w->data + (size_t)tile * w->tile_bytes;
    bool halves = w->kind == LTD_PACK_Q4 || w->kind == LTD_PACK_Q8;
    bool wide = ltd_pack_is_quantized(w->kind) || w->kind == LTD_PACK_F32;
    job x = {.scales = data + (halves ? 16 : 32) * h,
             .weights = data + w->scale_bytes + (wide ? 32 : 16) * h};
    size_t groups = (size_t)(a->n / 32);
    for (int32_t i = 0; i < m; i++) {
        size_t r = (size_t)(row + i);
        x.x[i] = a->x + r * (size_t)a->n;
        x.q[i] = a->q + r * (size_t)a->n;
        x.lo[i] = a->lo + r * (size_t)a->n;
        x.scale[i] = a->scale + r * groups;
        x.sum[i] = a->sum + r * groups;
        x.y[i] = y + r * ldy + 8 * h;
    }
    switch (m) {
    case 1: whole ? tile_any(w, &x, a, 1, true) : tile_any(w, &x, a, 1, false); break;
    case 2: whole ? tile_any(w, &x, a, 2, true) : tile_any(w, &x, a, 2, false); break;
    case 3: tile_any(w, &x, a, 3, false); break;
    default: tile_any(w, &x, a, 4, false); break;
    }
}

static void avx2_linear(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                        int32_t tile1, float *y, size_t ldy)
{
    for (int32_t t = tile0; t < tile1; t++, y += LTD_TILE) {
        int halves = w->width - LTD_TILE * t < LTD_TILE ? 1 : 2;
        for (int32_t row = 0; row < m; row += BLOCK) {
            int32_t n = m - row < BLOCK ? m - row : BLOCK;
            bool whole = halves == 2 && n <= 2;
            for (int h = 0; h < (whole ? 1 : halves); h++)
                tile_rows(w, x, row, n, t, h, whole, y, ldy);
        }
    }
}

static const ltd_kernels table = {
    .isa = LTD_ISA_AVX2, .name = "avx2", .linear = avx2_linear, OPS_TABLE};

const ltd_kernels *ltd_kernels_avx2(void)
{
    return &table;
}
