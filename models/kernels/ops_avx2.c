/* AVX2 + FMA + F16C.  Lanes are output rows, activations are broadcast: no sum over lanes, and the
 * group's scale is applied once for eight rows.  Integer products by vpmaddwd: two k a lane, 16-bit
 * activations cost the same as 8-bit ones. */
#define OPS(name) avx2_##name
#include "models/kernels/ops_impl.h"
#include "models/kernels/tables.h"

/* Rows of a block: 1 to 4 activation rows share the unpacked weights.  Each row's own arithmetic is
 * the same for every block size. */
enum { BLOCK = 4 };

typedef struct rows {
    const int16_t *q[BLOCK];
    const int8_t *q8[BLOCK]; /* NULL with 16 bits */
    const float *scale[BLOCK], *sum[BLOCK], *x[BLOCK];
    float *y[BLOCK];
} rows;

static inline __m256i pair(const int16_t *q)
{
    int32_t two;
    memcpy(&two, q, 4);
    return _mm256_set1_epi32(two);
}

static inline __m256 load_half8(const uint8_t *p)
{
    return _mm256_cvtph_ps(_mm_load_si128((const __m128i *)p));
}

#define MADD(i, w, k)                                                                              \
    if (m > i) a##i = _mm256_add_epi32(a##i, _mm256_madd_epi16(w, pair(x->q[i] + at + (k))))
#define MADD4(w, k)                                                                                \
    do {                                                                                           \
        __m256i w_ = (w);                                                                          \
        MADD(0, w_, k);                                                                            \
        MADD(1, w_, k);                                                                            \
        MADD(2, w_, k);                                                                            \
        MADD(3, w_, k);                                                                            \
    } while (0)
#define SCALE(i, d)                                                                                \
    if (m > i)                                                                                     \
    y##i = _mm256_fmadd_ps(                                                                        \
        d, _mm256_mul_ps(_mm256_broadcast_ss(x->scale[i] + g), _mm256_cvtepi32_ps(a##i)), y##i)
#define OFFSET(i, o)                                                                               \
    if (m > i) y##i = _mm256_fmadd_ps(o, _mm256_broadcast_ss(x->sum[i] + g), y##i)
#define STORE(i)                                                                                   \
    if (m > i) _mm256_storeu_ps(x->y[i], y##i)
#define ZERO_INTS __m256i a0 = _mm256_setzero_si256(), a1 = a0, a2 = a0, a3 = a0
#define ZERO_SUMS __m256 y0 = _mm256_setzero_ps(), y1 = y0, y2 = y0, y3 = y0
#define EACH4(op, arg)                                                                             \
    op(0, arg);                                                                                    \
    op(1, arg);                                                                                    \
    op(2, arg);                                                                                    \
    op(3, arg)
#define STORE4                                                                                     \
    STORE(0);                                                                                      \
    STORE(1);                                                                                      \
    STORE(2);                                                                                      \
    STORE(3)

/* Four loads hold a group: each word has four nibbles, so a shift and a mask give eight rows of two
 * k. */
static inline __attribute__((always_inline)) void tile_q4(const uint8_t *tile, const rows *x,
                                                          int32_t groups, const int m)
{
    const __m256i low = _mm256_set1_epi16(0xf);
    ZERO_SUMS;
    for (int32_t g = 0; g < groups; g++, tile += 160) {
        int32_t at = 32 * g;
        ZERO_INTS;
        _mm_prefetch((const char *)tile + 2048, _MM_HINT_T0);
        _mm_prefetch((const char *)tile + 2048 + 64, _MM_HINT_T0);
        _mm_prefetch((const char *)tile + 2048 + 128, _MM_HINT_T0);
        for (int j = 0; j < 4; j++) {
            __m256i w = _mm256_load_si256((const __m256i *)(tile + 32 * j));
            MADD4(_mm256_and_si256(w, low), 8 * j);
            MADD4(_mm256_and_si256(_mm256_srli_epi16(w, 4), low), 8 * j + 2);
            MADD4(_mm256_and_si256(_mm256_srli_epi16(w, 8), low), 8 * j + 4);
            MADD4(_mm256_srli_epi16(w, 12), 8 * j + 6);
        }
        __m256 d = load_half8(tile + 128), o = load_half8(tile + 144);
        EACH4(SCALE, d);
        EACH4(OFFSET, o);
    }
    STORE4;
}

static inline __m256i quad(const int8_t *q)
{
    int32_t four;
    memcpy(&four, q, 4);
    return _mm256_set1_epi32(four);
}

#define MADDUBS(i, w, k)                                                                           \
    if (m > i) a##i = _mm256_add_epi16(a##i, _mm256_maddubs_epi16(w, quad(x->q8[i] + at + (k))))
#define MADDUBS4(w, k)                                                                             \
    do {                                                                                           \
        __m256i w_ = (w);                                                                          \
        MADDUBS(0, w_, k);                                                                         \
        MADDUBS(1, w_, k);                                                                         \
        MADDUBS(2, w_, k);                                                                         \
        MADDUBS(3, w_, k);                                                                         \
    } while (0)
#define WIDEN(i, ones)                                                                             \
    if (m > i) a##i = _mm256_madd_epi16(a##i, ones)

/* 8-bit activations: four k a lane.  A group's sums fit 16 bits, 8 x 2 x 15 x 127 = 30480, and are
 * widened once.  Twice the rate of tile_q4, the same integers. */
static inline __attribute__((always_inline)) void tile_q4_bytes(const uint8_t *tile, const rows *x,
                                                                int32_t groups, const int m)
{
    const __m256i low = _mm256_set1_epi8(0xf), ones = _mm256_set1_epi16(1);
    ZERO_SUMS;
    for (int32_t g = 0; g < groups; g++, tile += 160) {
        int32_t at = 32 * g;
        ZERO_INTS;
        _mm_prefetch((const char *)tile + 2048, _MM_HINT_T0);
        _mm_prefetch((const char *)tile + 2048 + 64, _MM_HINT_T0);
        _mm_prefetch((const char *)tile + 2048 + 128, _MM_HINT_T0);
        for (int j = 0; j < 4; j++) {
            __m256i w = _mm256_load_si256((const __m256i *)(tile + 32 * j));
            MADDUBS4(_mm256_and_si256(w, low), 8 * j);
            MADDUBS4(_mm256_and_si256(_mm256_srli_epi16(w, 4), low), 8 * j + 4);
        }
        EACH4(WIDEN, ones);
        __m256 d = load_half8(tile + 128), o = load_half8(tile + 144);
        EACH4(SCALE, d);
        EACH4(OFFSET, o);
    }
    STORE4;
}

static inline __m256i load_pairs_i8(const uint8_t *p)
{
    return _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)p));
}

static inline __attribute__((always_inline)) void tile_q8(const uint8_t *tile, const rows *x,
                                                          int32_t groups, const int m)
{
    ZERO_SUMS;
    for (int32_t g = 0; g < groups; g++, tile += 272) {
        int32_t at = 32 * g;
        ZERO_INTS;
        for (int j = 0; j < 4; j++) _mm_prefetch((const char *)tile + 2048 + 64 * j, _MM_HINT_T0);
        for (int j = 0; j < 16; j++) MADD4(load_pairs_i8(tile + 16 * j), 2 * j);
        __m256 d = load_half8(tile + 256);
        EACH4(SCALE, d);
    }
    STORE4;
}

static inline __attribute__((always_inline)) void tile_q8g16(const uint8_t *tile, const rows *x,
                                                             int32_t groups, const int m)
{
    ZERO_SUMS;
    for (int32_t g = 0; g < groups; g++) {
        for (int half = 0; half < 2; half++, tile += 160) {
            int32_t at = 32 * g + 16 * half;
            ZERO_INTS;
            for (int j = 0; j < 8; j++) MADD4(load_pairs_i8(tile + 16 * j), 2 * j);
            __m256 d = _mm256_load_ps((const float *)(tile + 128));
            EACH4(SCALE, d);
        }
    }
    STORE4;
}

#define FMA(i, w)                                                                                  \
    if (m > i) y##i = _mm256_fmadd_ps(w, _mm256_broadcast_ss(x->x[i] + k), y##i)

static inline __attribute__((always_inline)) __m256 load_weights(const uint8_t *tile, int32_t k,
                                                                 ltd_pack_kind kind)
{
    if (kind == LTD_PACK_F32) return _mm256_load_ps((const float *)tile + 8 * (size_t)k);
    const __m128i *p = (const __m128i *)(tile + 16 * (size_t)k);
    if (kind == LTD_PACK_F16) return _mm256_cvtph_ps(_mm_load_si128(p));
    __m256i bits = _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_load_si128(p)), 16);
    return _mm256_castsi256_ps(bits);
}

static inline __attribute__((always_inline)) void
tile_float(const uint8_t *tile, const rows *x, int32_t n, const int m, const ltd_pack_kind kind)
{
    ZERO_SUMS;
    for (int32_t k = 0; k < n; k++) {
        __m256 w = load_weights(tile, k, kind);
        EACH4(FMA, w);
    }
    STORE4;
}

/* Constant `m` and kind, so that the compiler makes a body for each. */
static inline __attribute__((always_inline)) void tile_any(const ltd_packed *w, const uint8_t *tile,
                                                           const rows *x, int32_t n, const int m)
{
    switch (w->kind) {
    case LTD_PACK_Q4:
        if (x->q8[0])
            tile_q4_bytes(tile, x, n / 32, m);
        else
            tile_q4(tile, x, n / 32, m);
        break;
    case LTD_PACK_Q8: tile_q8(tile, x, n / 32, m); break;
    case LTD_PACK_Q8G16: tile_q8g16(tile, x, n / 32, m); break;
    case LTD_PACK_F32: tile_float(tile, x, n, m, LTD_PACK_F32); break;
    case LTD_PACK_F16: tile_float(tile, x, n, m, LTD_PACK_F16); break;
    case LTD_PACK_BF16: tile_float(tile, x, n, m, LTD_PACK_BF16); break;
    case LTD_PACK_COUNT: break;
    }
}

static void block(const ltd_packed *w, const ltd_acts *a, int32_t row, int32_t m, int32_t tile0,
                  int32_t tile, float *y, size_t ldy)
{
    rows x;
    size_t groups = (size_t)(a->n / 32);
    for (int32_t i = 0; i < m; i++) {
        size_t r = (size_t)(row + i);
        x.x[i] = a->x + r * (size_t)a->n;
        x.q[i] = a->q + r * (size_t)a->n;
        x.q8[i] = a->q8 ? a->q8 + r * (size_t)a->n : NULL;
        x.scale[i] = a->scale + r * groups;
        x.sum[i] = a->sum + r * groups;
        x.y[i] = y + r * ldy + (size_t)(8 * (tile - tile0));
    }
    const uint8_t *data = w->data + (size_t)tile * w->tile_bytes;
    switch (m) {
    case 1: tile_any(w, data, &x, a->n, 1); break;
    case 2: tile_any(w, data, &x, a->n, 2); break;
    case 3: tile_any(w, data, &x, a->n, 3); break;
    default: tile_any(w, data, &x, a->n, 4); break;
    }
}

static void avx2_linear(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                        int32_t tile1, float *y, size_t ldy)
{
    for (int32_t t = tile0; t < tile1; t++)
        for (int32_t row = 0; row < m; row += BLOCK)
            block(w, x, row, m - row < BLOCK ? m - row : BLOCK, tile0, t, y, ldy);
}

static const ltd_kernels table = {
    .isa = LTD_ISA_AVX2, .name = "avx2", .linear = avx2_linear, OPS_TABLE};

const ltd_kernels *ltd_kernels_avx2(void)
{
    return &table;
}
