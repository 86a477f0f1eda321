/* AMX-int8, for blocks of rows; VNNI below that, and for all that is no such product.
 *
 * A tile of weights [8 quads of k][16 outputs][4] meets a tile of up to 16 activation rows [rows]
 * [32 k]: one tdpb*d gives the integer sums of a group for 16 outputs.  Sums are stored, converted
 * and scaled in vector registers, since every group has scales of its own.  Work goes in chunks of
 * groups, small enough for the first-level cache: unpack the weights once, multiply for each block
 * of rows, scale.  Integers are exact and the scaling is VNNI's, so results are equal bit for bit.
 */
#define _DEFAULT_SOURCE /* syscall */
#include <immintrin.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "models/kernels/tables.h"

enum {
    CHUNK = 8,  /* groups */
    BLOCK = 16, /* rows of a tile of activations */
    PART = 8,   /* rows that are scaled together */
    /* Rows from which on tiles beat vpdpbusd, with 8- and 16-bit activations (measured). */
    MIN_ROWS_8 = 13,
    MIN_ROWS_16 = 5,
};

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif
#define EACH_ROW UNROLL for (int i = 0; i < PART; i++) if (i < m)

/* What one thread needs beside registers. */
typedef struct scratch {
    uint8_t b[CHUNK][512];            /* weights as bytes */
    float d[CHUNK][16], o[CHUNK][16]; /* scales */
    int32_t lo[CHUNK][BLOCK][16], hi[CHUNK][BLOCK][16];
} scratch;

typedef struct job {
    const ltd_packed *w;
    const ltd_acts *a;
    int32_t m;
    const uint8_t *scales, *weights; /* of the chunk */
    size_t group;                    /* its first */
    int groups;
    float *y;
    size_t ldy;
    __mmask16 rows; /* of the tile that are written */
} job;

/* Tile registers: the intrinsics want plain numbers. */
#define A_LO 0
#define A_HI 1
#define B0 2
#define B1 3
#define C_LO0 4
#define C_LO1 5
#define C_HI0 6
#define C_HI1 7

/* Tiles of `rows` activation rows. */
static void configure(int rows)
{
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } c;
    memset(&c, 0, sizeof c);
    c.palette = 1;
    for (int t = A_LO; t <= C_HI1; t++) {
        c.bytes[t] = t == A_LO || t == A_HI ? 32 : 64;
        c.rows[t] = (uint8_t)(t == B0 || t == B1 ? 8 : rows);
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(c));
}

static bool is_nibbles(ltd_pack_kind kind)
{
    return kind == LTD_PACK_Q4 || kind == LTD_PACK_Q4K;
}

static bool has_offset(ltd_pack_kind kind)
{
    return kind != LTD_PACK_Q8;
}

/* Scales of a chunk as floats, nibbles as bytes. */
static void prepare(const job *j, scratch *t)
{
    const __m512i low = _mm512_set1_epi8(0xf);
    bool halves = j->w->kind == LTD_PACK_Q4 || j->w->kind == LTD_PACK_Q8;
    const uint8_t *w = j->weights, *s = j->scales;
    size_t bytes = is_nibbles(j->w->kind) ? 256 : 512;
    size_t scale_bytes = j->w->kind == LTD_PACK_Q4 ? 64 : j->w->kind == LTD_PACK_Q8 ? 32 : 128;
    for (int g = 0; g < j->groups; g++, w += bytes, s += scale_bytes) {
        for (size_t i = 0; i < bytes; i += 64)
            _mm_prefetch((const char *)w + 8192 + i, _MM_HINT_T1);
        _mm_prefetch((const char *)s + 2048, _MM_HINT_T1);
        for (int i = 0; i < 2 && (i == 0 || has_offset(j->w->kind)); i++) {
            __m512 v = halves ? _mm512_cvtph_ps(_mm256_load_si256((const __m256i *)(s + 32 * i)))
                              : _mm512_load_ps((const float *)s + 16 * i);
            _mm512_store_ps(i == 0 ? t->d[g] : t->o[g], v);
        }
        if (!is_nibbles(j->w->kind)) continue;
        for (int i = 0; i < 4; i++) {
            __m512i v = _mm512_load_si512(w + 64 * i);
            _mm512_store_si512(t->b[g] + 64 * i, _mm512_and_si512(v, low));
            _mm512_store_si512(t->b[g] + 256 + 64 * i,
                               _mm512_and_si512(_mm512_srli_epi16(v, 4), low));
        }
    }
    /* Tile loads don't tell the compiler what they read. */
    __asm__ volatile("" ::: "memory");
}

/* One group: sums of the tile's 16 outputs with each row of the block.  Two sets of registers, so
 * that a group doesn't wait for the one before. */
#define MULTIPLY(op, a, b, c, to)                                                                  \
    _tile_zero(c);                                                                                 \
    op(c, a, b);                                                                                   \
    _tile_stored(c, to, 64)
#define GROUP(op, b, c_lo, c_hi, g)                                                                \
    do {                                                                                           \
        const int8_t *lo_ = lo + 32 * (g);                                                         \
        _tile_loadd(b, weights + (size_t)stride * (size_t)(g), 64);                                \
        _tile_loadd(A_LO, lo_, n);                                                                 \
        MULTIPLY(op, A_LO, b, c_lo, t->lo[g]);                                                     \
        if (bits == 16) {                                                                          \
            _tile_loadd(A_HI, lo_ + (hi - lo), n);                                                 \
            MULTIPLY(op, A_HI, b, c_hi, t->hi[g]);                                                 \
        }                                                                                          \
    } while (0)
#define GROUPS(op)                                                                                 \
    do {                                                                                           \
        int g = 0;                                                                                 \
        for (; g + 2 <= j->groups; g += 2) {                                                       \
            GROUP(op, B0, C_LO0, C_HI0, g);                                                        \
            GROUP(op, B1, C_LO1, C_HI1, g + 1);                                                    \
        }                                                                                          \
        if (g < j->groups) GROUP(op, B0, C_LO0, C_HI0, g);                                         \
    } while (0)

INLINE void multiply_bits(const job *j, size_t row, scratch *t, const int bits)
{
    size_t n = (size_t)j->a->n, at = row * n + 32 * j->group;
    const int8_t *lo = j->a->lo + at, *hi = j->a->hi + at;
    bool nibbles = is_nibbles(j->w->kind);
    const uint8_t *weights = nibbles ? t->b[0] : j->weights;
    const int stride = 512;
    if (nibbles)
        GROUPS(_tile_dpbsud);
    else
        GROUPS(_tile_dpbssd);
    __asm__ volatile("" ::: "memory");
}

static void multiply(const job *j, size_t row, scratch *t)
{
    if (j->a->bits == 8)
        multiply_bits(j, row, t, 8);
    else
        multiply_bits(j, row, t, 16);
}

/* y += scales * sums, for `m` rows from `row` on, which are rows `first`.. of the block. */
INLINE void scale_part(const job *j, size_t row, int first, const scratch *t, const int m,
                       const int bits, const bool offset)
{
    size_t groups = (size_t)j->a->n / 32, at = row * groups + j->group;
    const float *scale = j->a->scale + at, *sum = j->a->sum + at;
    float *to = j->y + row * j->ldy;
    __m512 y[PART];
    EACH_ROW
    y[i] = j->group ? _mm512_maskz_loadu_ps(j->rows, to + (size_t)i * j->ldy) : _mm512_setzero_ps();
    for (int g = 0; g < j->groups; g++) {
        __m512 d = _mm512_load_ps(t->d[g]), o = _mm512_load_ps(t->o[g]);
        EACH_ROW
        {
            size_t s = (size_t)i * groups + (size_t)g;
            __m512i v = _mm512_load_si512(t->lo[g][first + i]);
            if (bits == 16)
                v = _mm512_add_epi32(v,
                                     _mm512_slli_epi32(_mm512_load_si512(t->hi[g][first + i]), 8));
            __m512 x = _mm512_mul_ps(_mm512_set1_ps(scale[s]), _mm512_cvtepi32_ps(v));
            y[i] = _mm512_fmadd_ps(d, x, y[i]);
            if (offset) y[i] = _mm512_fmadd_ps(o, _mm512_set1_ps(sum[s]), y[i]);
        }
    }
    EACH_ROW _mm512_mask_storeu_ps(to + (size_t)i * j->ldy, j->rows, y[i]);
}

INLINE void scale_rows(const job *j, size_t row, int first, const scratch *t, const int m)
{
    bool offset = has_offset(j->w->kind);
    if (j->a->bits == 8)
        offset ? scale_part(j, row, first, t, m, 8, true)
               : scale_part(j, row, first, t, m, 8, false);
    else
        offset ? scale_part(j, row, first, t, m, 16, true)
               : scale_part(j, row, first, t, m, 16, false);
}

static void scale(const job *j, size_t row, int rows, const scratch *t)
{
    for (int i = 0; i < rows; i += PART, row += PART) {
        switch (rows - i) {
        case 1: scale_rows(j, row, i, t, 1); break;
        case 2: scale_rows(j, row, i, t, 2); break;
        case 3: scale_rows(j, row, i, t, 3); break;
        case 4: scale_rows(j, row, i, t, 4); break;
        case 5: scale_rows(j, row, i, t, 5); break;
        case 6: scale_rows(j, row, i, t, 6); break;
        case 7: scale_rows(j, row, i, t, 7); break;
        default: scale_rows(j, row, i, t, 8); break;
        }
    }
}

static void amx_tiles(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                      int32_t tile1, float *y, size_t ldy)
{
    _Alignas(64) scratch t;
    int32_t blocks = (m + BLOCK - 1) / BLOCK, rows = (m + blocks - 1) / blocks;
    size_t groups = (size_t)x->n / 32;
    size_t group_bytes = is_nibbles(w->kind) ? 256 : 512;
    size_t scale_bytes = w->kind == LTD_PACK_Q4 ? 64 : w->kind == LTD_PACK_Q8 ? 32 : 128;
    configure(rows);
    for (int32_t i = tile0; i < tile1; i++, y += LTD_TILE) {
        const uint8_t *data = w->data + (size_t)i * w->tile_bytes;
        job j = {.w = w, .a = x, .m = m, .y = y, .ldy = ldy};
        j.rows = w->width - LTD_TILE * i < LTD_TILE ? 0xff : 0xffff;
        for (size_t g = 0; g < groups; g += CHUNK) {
            j.group = g;
            j.groups = groups - g < CHUNK ? (int)(groups - g) : CHUNK;
            j.scales = data + g * scale_bytes;
            j.weights = data + w->scale_bytes + g * group_bytes;
            prepare(&j, &t);
            for (int32_t r = 0; r < m; r += rows) {
                multiply(&j, (size_t)r, &t);
                scale(&j, (size_t)r, m - r < rows ? m - r : rows, &t);
            }
        }
    }
    _tile_release();
}

static void amx_linear(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                       int32_t tile1, float *y, size_t ldy)
{
    bool tiles = ltd_pack_is_quantized(w->kind) && w->kind != LTD_PACK_Q8G16 &&
                 m >= (x->bits == 8 ? MIN_ROWS_8 : MIN_ROWS_16);
    (tiles ? amx_tiles : ltd_vnni_linear)(w, x, m, tile0, tile1, y, ldy);
}

/* Tiles are a state that a process must ask for, once, before its threads use them. */
static bool permitted(void)
{
    enum { REQ_XCOMP_PERM = 0x1023, XFEATURE_TILEDATA = 18 };
    uint32_t a, b, c, d;
    if (!__builtin_cpu_supports("avx512vnni")) return false;
    __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
    if (!(d >> 24 & 1) || !(d >> 25 & 1)) return false; /* amx-tile, amx-int8 */
    return syscall(SYS_arch_prctl, REQ_XCOMP_PERM, XFEATURE_TILEDATA) == 0;
}

static ltd_kernels table; /* VNNI's with another product */

static void make_table(void)
{
    if (!permitted()) return;
    table = *ltd_kernels_vnni();
    table.isa = LTD_ISA_AMX;
    table.name = "amx-int8";
    table.linear = amx_linear;
}

const ltd_kernels *ltd_kernels_amx(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_table);
    return table.linear ? &table : NULL;
}
