/* AVX-512 with VNNI.  Lanes are the 16 output rows of a tile; vpdpbusd multiplies four k a lane. It
 * wants unsigned times signed: nibbles are unsigned as they are, signed bytes are moved up by 128,
 * and the sums begin at -128 times the sum of the activations. */
#define OPS(name) vnni_##name
#define OPS_OWN_ROWS
#include "models/kernels/ops_impl.h"
#include "models/kernels/panel_avx512_impl.h"
#include "models/kernels/rows_avx512_impl.h"
#include "models/kernels/tables.h"

#define OPS_ROWS                                                                                   \
    .quantize = avx512_quantize, .silu_mul = avx512_silu_mul, .gelu_mul = avx512_gelu_mul,         \
    .argmax = avx512_argmax, .keep_best = avx512_keep_best, .sum_exp = avx512_sum_exp

enum {
    /* Activation rows that share the unpacked weights.  Past 12 some results lie in memory, which
     * costs less than to unpack twice. */
    BLOCK = 16,
    FEW = 8,      /* rows that wait for memory */
    BLOCK_16 = 8, /* with 16-bit activations: each row has two sums */
};

#define EACH_ROW UNROLL for (int i = 0; i < BLOCK; i++) if (i < m)

/* A tile, and the activation rows it meets. */
typedef struct job {
    const uint8_t *scales, *weights; /* of the panel */
    const panel *a;
    const float *floats;
    int32_t n;     /* k of the panel */
    bool first;    /* of a tile's panels */
    bool by_pages; /* prefetch() */
    float *y;
    size_t ldy;
    __mmask16 rows; /* that are written */
} job;

typedef int32_t __attribute__((may_alias)) four_bytes;

/* gcc 12 has no broadcast from memory for it: two instructions, and a register. */
#define DPBUSD(acc, w, q)                                                                          \
    __asm__("vpdpbusd %2%{1to16%}, %1, %0"                                                         \
            : "+v"(acc)                                                                            \
            : "v"(w), "m"(*(const four_bytes *)(const void *)(q)))

INLINE void dot(__m512i *acc, __m512i w, const int8_t *q, const int m)
{
    EACH_ROW DPBUSD(acc[i], w, q + STRIDE * i);
}

/* 16 or 32 k: acc += w q; w at the group's weights, q at its first activation. */
INLINE void dot_run(__m512i *acc, const uint8_t *w, const int8_t *q, const int m,
                    const ltd_pack_kind kind)
{
    const __m512i low = _mm512_set1_epi8(0xf), up = _mm512_set1_epi8((char)0x80);
    const bool nibbles = is_nibbles(kind);
    const int loads = nibbles || kind == LTD_PACK_Q8G16 ? 4 : 8;
    UNROLL for (int j = 0; j < 8; j++)
    {
        if (j >= loads) break;
        __m512i v = _mm512_load_si512(w + 64 * j);
        if (nibbles) {
            dot(acc, _mm512_and_si512(v, low), q + 4 * j, m);
            dot(acc, _mm512_and_si512(_mm512_srli_epi16(v, 4), low), q + 16 + 4 * j, m);
        } else {
            dot(acc, _mm512_xor_si512(v, up), q + 4 * j, m);
        }
    }
}

INLINE void first_sums(__m512i *acc, const int32_t *bias, const int m, const ltd_pack_kind kind,
                       const __m512i from)
{
    EACH_ROW
    {
        const int32_t *b = bias + BIASES * i;
        acc[i] = from;
        if (!is_nibbles(kind))
            acc[i] = _mm512_add_epi32(
                from, _mm512_set1_epi32(kind == LTD_PACK_Q8G16 ? b[0] : b[0] + b[1]));
    }
}

INLINE void tile_ints(const job *x, const int m, const ltd_pack_kind kind, const int bits)
{
    const bool offset = is_nibbles(kind) || kind == LTD_PACK_Q8M;
    const int run = kind == LTD_PACK_Q8G16 ? 16 : 32; /* k that share a scale */
    const size_t bytes = weight_bytes(kind) * (size_t)run / 32;
    const size_t of_scales = scale_bytes(kind) * (size_t)run / 32;
    const __m512i whole = _mm512_set1_epi32(WHOLE_BITS);
    const __m512i zero = _mm512_setzero_si512();
    const bool by_pages = m <= FEW && x->by_pages;
    const panel *a = x->a;
    const uint8_t *w = x->weights, *s = x->scales;
    __m512 y[BLOCK];
    EACH_ROW y[i] =
        x->first ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(x->rows, x->y + (size_t)i * x->ldy);
    for (int32_t k = 0; k < x->n; k += run, w += bytes, s += of_scales) {
        __m512i acc[BLOCK], high[BLOCK];
        prefetch(w, bytes, by_pages);
        prefetch(s, of_scales, by_pages);
        first_sums(acc, &a->bias_lo[0][k / 16], m, kind, bits == 8 ? whole : zero);
        dot_run(acc, w, &a->lo[0][k], m, kind);
        if (bits == 16) {
            first_sums(high, &a->bias_hi[0][k / 16], m, kind, zero);
            dot_run(high, w, &a->hi[0][k], m, kind);
            EACH_ROW acc[i] = _mm512_add_epi32(acc[i], _mm512_slli_epi32(high[i], 8));
        }
        __m512 d = load_scales(s, 0, kind), o = offset ? load_scales(s, 1, kind) : d;
        const float *scale = &a->scale[0][k / 32], *sum = &a->sum[0][k / 32];
        const float *back = &a->back[0][k / 32];
        EACH_ROW
        {
            __m512 v, by = _mm512_set1_ps(scale[SCALES * i]);
            if (bits == 8) /* (WHOLE + sum) scale - WHOLE scale, rounded once */
                v = _mm512_fmadd_ps(_mm512_castsi512_ps(acc[i]), by,
                                    _mm512_set1_ps(back[SCALES * i]));
            else
                v = _mm512_mul_ps(by, _mm512_cvtepi32_ps(acc[i]));
            y[i] = _mm512_fmadd_ps(d, v, y[i]);
            if (offset) y[i] = _mm512_fmadd_ps(o, _mm512_set1_ps(sum[SCALES * i]), y[i]);
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
    __m512 y[BLOCK];
    EACH_ROW y[i] = _mm512_setzero_ps();
    for (size_t k = 0; k < n; k++) {
        __m512 w = load_weights(x->weights, k, kind);
        EACH_ROW y[i] = _mm512_fmadd_ps(w, _mm512_set1_ps(x->floats[(size_t)i * n + k]), y[i]);
    }
    EACH_ROW _mm512_mask_storeu_ps(x->y + (size_t)i * x->ldy, x->rows, y[i]);
}

/* Constant `m` and kind, so that the compiler makes a body for each. */
INLINE void ints_any(const job *x, const int m, ltd_pack_kind kind, const int bits)
{
    switch (kind) {
    case LTD_PACK_Q4: tile_ints(x, m, LTD_PACK_Q4, bits); break;
    case LTD_PACK_Q4K: tile_ints(x, m, LTD_PACK_Q4K, bits); break;
    case LTD_PACK_Q8M: tile_ints(x, m, LTD_PACK_Q8M, bits); break;
    case LTD_PACK_Q8G16: tile_ints(x, m, LTD_PACK_Q8G16, bits); break;
    default: tile_ints(x, m, LTD_PACK_Q8, bits); break;
    }
}

INLINE void floats_any(const job *x, const int m, ltd_pack_kind kind)
{
    switch (kind) {
    case LTD_PACK_F32: tile_floats(x, m, LTD_PACK_F32); break;
    case LTD_PACK_F16: tile_floats(x, m, LTD_PACK_F16); break;
    default: tile_floats(x, m, LTD_PACK_BF16); break;
    }
}

#define ROWS(n)                                                                                    \
    case n:                                                                                        \
        ANY(n);                                                                                    \
        break
#define UP_TO_8                                                                                    \
    ROWS(1);                                                                                       \
    ROWS(2);                                                                                       \
    ROWS(3);                                                                                       \
    ROWS(4);                                                                                       \
    ROWS(5);                                                                                       \
    ROWS(6);                                                                                       \
    ROWS(7);                                                                                       \
    ROWS(8)

static void bytes_rows(const job *x, int32_t m, ltd_pack_kind kind)
{
#define ANY(n) ints_any(x, n, kind, 8)
    switch (m) {
        UP_TO_8;
        ROWS(9);
        ROWS(10);
        ROWS(11);
        ROWS(12);
        ROWS(13);
        ROWS(14);
        ROWS(15);
        ROWS(16);
    }
#undef ANY
}

static void words_rows(const job *x, int32_t m, ltd_pack_kind kind)
{
#define ANY(n) ints_any(x, n, kind, 16)
    switch (m) {
        UP_TO_8;
    }
#undef ANY
}

static void floats_rows(const job *x, int32_t m, ltd_pack_kind kind)
{
#define ANY(n) floats_any(x, n, kind)
    switch (m) {
        UP_TO_8;
    }
#undef ANY
}

static void tile_rows(const job *x, int32_t m, ltd_pack_kind kind, int32_t bits)
{
    if (!ltd_pack_is_quantized(kind))
        floats_rows(x, m, kind);
    else if (bits == 8)
        bytes_rows(x, m, kind);
    else
        words_rows(x, m, kind);
}

static void tiles(const ltd_packed *w, const ltd_acts *x, const pass *p, const panel *panels,
                  job *j, int32_t tile0, int32_t tile1, float *y, size_t weight_at, size_t scale_at)
{
    for (int32_t t = tile0; t < tile1; t++, y += LTD_TILE) {
        const uint8_t *data = w->data + (size_t)t * w->tile_bytes;
        j->scales = data + scale_at;
        j->weights = data + w->scale_bytes + weight_at;
        j->rows = w->width - LTD_TILE * t < LTD_TILE ? 0xff : 0xffff;
        for (int32_t b = 0; b < p->blocks; b++) {
            int32_t r = block_begin(p, b);
            j->a = &panels[b];
            j->floats = x->x + (size_t)(p->row + r) * (size_t)x->n;
            j->y = y + (size_t)(p->row + r) * j->ldy;
            tile_rows(j, block_begin(p, b + 1) - r, w->kind, x->bits);
        }
    }
}

void ltd_vnni_linear(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                     int32_t tile1, float *y, size_t ldy)
{
    /* Measured on Sapphire Rapids: 20 GB/s to 30 with two cores.  AMD's were not. */
    bool by_pages = __builtin_cpu_is("intel");
    panel panels[PANELS];
    bool ints = ltd_pack_is_quantized(w->kind);
    pass p = {0};
    for (int32_t row = 0; row < m; row += p.m) {
        p = pass_at(row, m, ints && x->bits == 8 ? BLOCK : BLOCK_16);
        job j = {.n = x->n, .ldy = ldy, .first = true, .by_pages = by_pages};
        if (!ints) {
            tiles(w, x, &p, panels, &j, tile0, tile1, y, 0, 0);
            continue;
        }
        for (int32_t k = 0; k < x->n; k += PANEL, j.first = false) {
            size_t at = (size_t)k / 32;
            j.n = x->n - k < PANEL ? x->n - k : PANEL;
            fill_pass(panels, &p, x, (size_t)k, (size_t)j.n, !is_nibbles(w->kind));
            tiles(w, x, &p, panels, &j, tile0, tile1, y, weight_bytes(w->kind) * at,
                  scale_bytes(w->kind) * at);
        }
    }
}

static const ltd_kernels table = {
    .isa = LTD_ISA_VNNI, .name = "avx512-vnni", .linear = ltd_vnni_linear, OPS_TABLE};

const ltd_kernels *ltd_kernels_vnni(void)
{
    return &table;
}
