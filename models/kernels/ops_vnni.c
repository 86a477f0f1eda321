/* AVX-512 with VNNI.  Lanes are the 16 output rows of a tile; vpdpbusd multiplies four k a lane. It
 * wants unsigned times signed: nibbles are unsigned as they are, signed bytes are moved up by 128,
 * and the sums begin at -128 times the sum of the activations. */
#define OPS(name) vnni_##name
#define OPS_OWN_ROWS
#include "models/kernels/ops_impl.h"
#include "models/kernels/rows_avx512_impl.h"
#include "models/kernels/tables.h"

#define OPS_ROWS                                                                                   \
    .quantize = avx512_quantize, .silu_mul = avx512_silu_mul, .gelu_mul = avx512_gelu_mul,         \
    .argmax = avx512_argmax, .top_k = avx512_top_k

/* Activation rows that share the unpacked weights: as many as there are registers for. */
enum { BLOCK = 8 };

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif
#define EACH_ROW UNROLL for (int i = 0; i < BLOCK; i++) if (i < m)

/* A tile, and the first of the activation rows it meets. */
typedef struct job {
    const uint8_t *scales, *weights;
    const ltd_acts *a;
    size_t row;
    int32_t n;
    float *y;
    size_t ldy;
    __mmask16 rows; /* that are written */
} job;

INLINE void dot(__m512i *acc, __m512i w, const int8_t *q, size_t n, const int m)
{
    EACH_ROW
    {
        int32_t four;
        memcpy(&four, q + (size_t)i * n, 4);
        acc[i] = _mm512_dpbusd_epi32(acc[i], w, _mm512_set1_epi32(four));
    }
}

/* 16 or 32 k: acc += w q; w at the group's weights, q at its first activation. */
INLINE void dot_run(__m512i *acc, const uint8_t *w, const int8_t *q, size_t n, const int m,
                    const ltd_pack_kind kind)
{
    const __m512i low = _mm512_set1_epi8(0xf), up = _mm512_set1_epi8((char)0x80);
    const bool nibbles = kind == LTD_PACK_Q4 || kind == LTD_PACK_Q4K;
    const int loads = nibbles || kind == LTD_PACK_Q8G16 ? 4 : 8;
    UNROLL for (int j = 0; j < 8; j++)
    {
        if (j >= loads) break;
        __m512i v = _mm512_load_si512(w + 64 * j);
        if (nibbles) {
            dot(acc, _mm512_and_si512(v, low), q + 4 * j, n, m);
            dot(acc, _mm512_and_si512(_mm512_srli_epi16(v, 4), low), q + 16 + 4 * j, n, m);
        } else {
            dot(acc, _mm512_xor_si512(v, up), q + 4 * j, n, m);
        }
    }
}

INLINE void first_sums(__m512i *acc, const int32_t *bias, size_t n, const int m,
                       const ltd_pack_kind kind)
{
    EACH_ROW
    {
        const int32_t *b = bias + (size_t)i * (n / 16);
        if (kind == LTD_PACK_Q4 || kind == LTD_PACK_Q4K)
            acc[i] = _mm512_setzero_si512();
        else
            acc[i] = _mm512_set1_epi32(kind == LTD_PACK_Q8G16 ? b[0] : b[0] + b[1]);
    }
}

/* d (i = 0) or m (i = 1) of the tile's 16 rows. */
INLINE __m512 load_scales(const uint8_t *p, int i, const ltd_pack_kind kind)
{
    if (kind == LTD_PACK_Q4 || kind == LTD_PACK_Q8)
        return _mm512_cvtph_ps(_mm256_load_si256((const __m256i *)(p + 32 * i)));
    return _mm512_load_ps((const float *)p + 16 * i);
}

/* Far ahead into the second level, near into the first: fills of the first level are too few to
 * wait for memory in. */
INLINE void prefetch(const uint8_t *p, const int bytes)
{
    UNROLL for (int i = 0; i < 8; i++) if (64 * i < bytes)
    {
        _mm_prefetch((const char *)p + 16384 + 64 * i, _MM_HINT_T1);
        _mm_prefetch((const char *)p + 1024 + 64 * i, _MM_HINT_T0);
    }
}

INLINE void tile_ints(const job *x, const int m, const ltd_pack_kind kind, const int bits)
{
    const bool offset = kind == LTD_PACK_Q4 || kind == LTD_PACK_Q4K || kind == LTD_PACK_Q8M;
    const bool nibbles = kind == LTD_PACK_Q4 || kind == LTD_PACK_Q4K;
    const int run = kind == LTD_PACK_Q8G16 ? 16 : 32, bytes = nibbles ? 256 : 16 * run;
    const int scale_bytes = kind == LTD_PACK_Q4 || kind == LTD_PACK_Q8G16 ? 64
                            : kind == LTD_PACK_Q8                         ? 32
                                                                          : 128;
    const ltd_acts *a = x->a;
    size_t n = (size_t)x->n, first = x->row * n, groups = n / 32;
    const float *scale = a->scale + first / 32, *sum = a->sum + first / 32;
    const uint8_t *w = x->weights, *s = x->scales;
    __m512 y[BLOCK];
    EACH_ROW y[i] = _mm512_setzero_ps();
    for (size_t k = 0; k < n; k += (size_t)run, w += bytes, s += scale_bytes) {
        __m512i acc[BLOCK], high[BLOCK];
        prefetch(w, bytes);
        prefetch(s, scale_bytes);
        first_sums(acc, a->bias_lo + (first + k) / 16, n, m, kind);
        dot_run(acc, w, a->lo + first + k, n, m, kind);
        if (bits == 16) {
            first_sums(high, a->bias_hi + (first + k) / 16, n, m, kind);
            dot_run(high, w, a->hi + first + k, n, m, kind);
            EACH_ROW acc[i] = _mm512_add_epi32(acc[i], _mm512_slli_epi32(high[i], 8));
        }
        __m512 d = load_scales(s, 0, kind), o = offset ? load_scales(s, 1, kind) : d;
        EACH_ROW
        {
            size_t at = (size_t)i * groups + k / 32;
            __m512 v = _mm512_mul_ps(_mm512_set1_ps(scale[at]), _mm512_cvtepi32_ps(acc[i]));
            y[i] = _mm512_fmadd_ps(d, v, y[i]);
            if (offset) y[i] = _mm512_fmadd_ps(o, _mm512_set1_ps(sum[at]), y[i]);
        }
    }
    EACH_ROW _mm512_mask_storeu_ps(x->y + (size_t)i * x->ldy, x->rows, y[i]);
}

INLINE __m512 load_weights(const uint8_t *w, size_t k, const ltd_pack_kind kind)
{
    if (kind == LTD_PACK_F32) return _mm512_load_ps((const float *)w + 16 * k);
    __m256i v = _mm256_load_si256((const __m256i *)(w + 32 * k));
    if (kind == LTD_PACK_F16) return _mm512_cvtph_ps(v);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
}

INLINE void tile_floats(const job *x, const int m, const ltd_pack_kind kind)
{
    size_t n = (size_t)x->n;
    const float *acts = x->a->x + x->row * n;
    __m512 y[BLOCK];
    EACH_ROW y[i] = _mm512_setzero_ps();
    for (size_t k = 0; k < n; k++) {
        __m512 w = load_weights(x->weights, k, kind);
        EACH_ROW y[i] = _mm512_fmadd_ps(w, _mm512_set1_ps(acts[(size_t)i * n + k]), y[i]);
    }
    EACH_ROW _mm512_mask_storeu_ps(x->y + (size_t)i * x->ldy, x->rows, y[i]);
}

/* Constant `m` and kind, so that the compiler makes a body for each. */
INLINE void tile_any(const job *x, const int m, ltd_pack_kind kind, int32_t bits)
{
#define INTS(kind)                                                                                 \
    case kind: bits == 8 ? tile_ints(x, m, kind, 8) : tile_ints(x, m, kind, 16); break
    switch (kind) {
        INTS(LTD_PACK_Q4);
        INTS(LTD_PACK_Q4K);
        INTS(LTD_PACK_Q8);
        INTS(LTD_PACK_Q8M);
        INTS(LTD_PACK_Q8G16);
    case LTD_PACK_F32: tile_floats(x, m, LTD_PACK_F32); break;
    case LTD_PACK_F16: tile_floats(x, m, LTD_PACK_F16); break;
    case LTD_PACK_BF16: tile_floats(x, m, LTD_PACK_BF16); break;
    case LTD_PACK_COUNT: break;
    }
#undef INTS
}

static void tile_rows(const job *x, int32_t m, ltd_pack_kind kind, int32_t bits)
{
    switch (m) {
    case 1: tile_any(x, 1, kind, bits); break;
    case 2: tile_any(x, 2, kind, bits); break;
    case 3: tile_any(x, 3, kind, bits); break;
    case 4: tile_any(x, 4, kind, bits); break;
    case 5: tile_any(x, 5, kind, bits); break;
    case 6: tile_any(x, 6, kind, bits); break;
    case 7: tile_any(x, 7, kind, bits); break;
    default: tile_any(x, 8, kind, bits); break;
    }
}

void ltd_vnni_linear(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                     int32_t tile1, float *y, size_t ldy)
{
    /* Blocks as even as can be: 9 rows are 5 and 4. */
    int32_t blocks = (m + BLOCK - 1) / BLOCK;
    for (int32_t t = tile0; t < tile1; t++, y += LTD_TILE) {
        const uint8_t *data = w->data + (size_t)t * w->tile_bytes;
        __mmask16 rows = w->width - LTD_TILE * t < LTD_TILE ? 0xff : 0xffff;
        for (int32_t b = 0; b < blocks; b++) {
            int32_t r0 = m * b / blocks, r1 = m * (b + 1) / blocks;
            job j = {data, data + w->scale_bytes, x,   (size_t)r0,
                     x->n, y + (size_t)r0 * ldy,  ldy, rows};
            tile_rows(&j, r1 - r0, w->kind, x->bits);
        }
    }
}

static const ltd_kernels table = {
    .isa = LTD_ISA_VNNI, .name = "avx512-vnni", .linear = ltd_vnni_linear, OPS_TABLE};

const ltd_kernels *ltd_kernels_vnni(void)
{
    return &table;
}
