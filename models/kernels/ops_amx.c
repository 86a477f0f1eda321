/* AMX-int8 from a few rows on; VNNI below that, and for all that is no such product.
 *
 * A tile of weights [16 quads of k][16 outputs][4] meets a tile of activations [16][64 k]: one
 * tdpb*d gives 16 x 16 integer sums.  They are stored, converted and scaled in vector registers,
 * since every group of 32 k has scales of its own.  So eight rows stand in a tile twice, once for
 * each of two groups, with zeros for the other (`pairs` of ltd_acts): half as many tile loads and
 * stores as with a product a group.  Each tile of activations meets two of weights.
 *
 * Work goes in steps of two groups, and in each step over the blocks of eight rows.  Tile and
 * vector units work side by side: while the sums of one block are scaled, those of the next are
 * made, and nibbles are unpacked some steps ahead, because a tile load must not follow close on the
 * stores that it reads.  Integers are exact and the scaling is VNNI's, so results are equal bit for
 * bit.
 *
 * What limits it (measured on Emerald Rapids): while tile instructions are under way, 512-bit
 * arithmetic runs on one port instead of two, and the scaling, 4 operations a row and group, is
 * most of the work; all tile work then hides behind it.  vpdpbusd, 8 operations more but on two
 * ports, is as fast up to some 24 rows. */
#define _DEFAULT_SOURCE /* syscall */
#include <immintrin.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "models/kernels/packed_avx512_impl.h"
#include "models/kernels/tables.h"

enum {
    ROWS = LTD_PAIR_ROWS, /* of a block */
    MAX_BLOCKS = 8,       /* of a pass over the weights */
    AHEAD = 4,            /* steps from unpacking to use */
    RING = AHEAD + 1,     /* steps whose unpacked weights are kept */
    /* Rows from which on tiles beat vpdpbusd, with 8- and 16-bit activations (measured). */
    MIN_ROWS_8 = 25,
    MIN_ROWS_16 = 13,
};

#define EACH_ROW UNROLL for (int i = 0; i < ROWS; i++) if (i < rows)

/* What one thread needs beside registers; [2] is the tile. */
typedef struct scratch {
    uint8_t b[RING][2][1024];                   /* weights as bytes */
    int32_t lo[2][2][16][16], hi[2][2][16][16]; /* sums of a block and the next */
    float y[MAX_BLOCKS * ROWS][2 * LTD_TILE];
} scratch;

/* Two tiles of outputs, and the activation rows they meet. */
typedef struct job {
    const ltd_acts *a;
    int32_t row, rows, blocks;
    int groups, steps;
    const uint8_t *scales[2], *weights[2];
} job;

/* Tile registers; the intrinsics want plain numbers. */
#define A0 0
#define A1 1
#define B0 2
#define B1 3
#define C0 4
#define C1 5
#define C2 6
#define C3 7

static void configure(void)
{
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } c;
    memset(&c, 0, sizeof c);
    c.palette = 1;
    for (int t = A0; t <= C3; t++) {
        c.bytes[t] = 64;
        c.rows[t] = 16;
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(c));
}

/* The weights of a step as bytes.  Signed ones are used as they lie, but for an odd group at the
 * end: what follows it is met by zeros or unread, and may not be ours to read. */
INLINE void unpack(const job *j, scratch *t, int step, const ltd_pack_kind kind)
{
    const __m512i low = _mm512_set1_epi8(0xf);
    for (int g = 2 * step; g < j->groups && g < 2 * step + 2; g++) {
        UNROLL for (int i2 = 0; i2 < 2; i2++)
        {
            const uint8_t *w = j->weights[i2] + weight_bytes(kind) * (size_t)g;
            uint8_t *to = t->b[step % RING][i2] + 512 * (g % 2);
            prefetch(w, weight_bytes(kind));
            prefetch(j->scales[i2] + scale_bytes(kind) * (size_t)g, scale_bytes(kind));
            if (is_nibbles(kind)) UNROLL for (int i = 0; i < 4; i++)
                {
                    __m512i v = _mm512_load_si512(w + 64 * i);
                    _mm512_store_si512(to + 64 * i, _mm512_and_si512(v, low));
                    v = _mm512_and_si512(_mm512_srli_epi16(v, 4), low);
                    _mm512_store_si512(to + 256 + 64 * i, v);
                }
            if (!is_nibbles(kind) && g % 2 == 0 && g + 1 == j->groups) memcpy(to, w, 512);
        }
    }
}

INLINE const uint8_t *bytes_of(const job *j, const scratch *t, int step, int i2,
                               const ltd_pack_kind kind)
{
    return is_nibbles(kind) || 2 * step + 1 == j->groups ? t->b[step % RING][i2]
                                                         : j->weights[i2] + 1024 * (size_t)step;
}

#define PRODUCT(ta, tb, tc, to)                                                                    \
    do {                                                                                           \
        _tile_zero(tc);                                                                            \
        if (is_nibbles(kind))                                                                      \
            _tile_dpbsud(tc, ta, tb);                                                              \
        else                                                                                       \
            _tile_dpbssd(tc, ta, tb);                                                              \
        _tile_stored(tc, to, 64);                                                                  \
    } while (0)
#define PRODUCTS(ta, tc0, tc1, from, to)                                                           \
    do {                                                                                           \
        _tile_loadd(ta, (from) + at, 64);                                                          \
        PRODUCT(ta, B0, tc0, (to)[0]);                                                             \
        PRODUCT(ta, B1, tc1, (to)[1]);                                                             \
    } while (0)

/* Sums of a step's two groups, of the 16 outputs of both tiles, with each row of a block; a set of
 * registers for each `turn`.  Tile loads and stores don't tell the compiler what they touch: hence
 * the barriers. */
INLINE void multiply(const job *j, scratch *t, int step, int block, int turn,
                     const ltd_pack_kind kind, const int bits)
{
    size_t pairs = ((size_t)j->a->n + 63) / 64, first = (size_t)(j->row / ROWS + block);
    size_t at = (first * pairs + (size_t)step) * LTD_PAIR_BYTES;
    __asm__ volatile("" ::: "memory");
    if (block == 0) {
        _tile_loadd(B0, bytes_of(j, t, step, 0, kind), 64);
        _tile_loadd(B1, bytes_of(j, t, step, 1, kind), 64);
    }
    if (bits == 16) {
        PRODUCTS(A0, C0, C1, j->a->pairs_lo, t->lo[turn]);
        PRODUCTS(A1, C2, C3, j->a->pairs_hi, t->hi[turn]);
    } else if (turn) {
        PRODUCTS(A0, C0, C1, j->a->pairs_lo, t->lo[1]);
    } else {
        PRODUCTS(A1, C2, C3, j->a->pairs_lo, t->lo[0]);
    }
    __asm__ volatile("" ::: "memory");
}

/* y += scales * sums, of a step and the first `rows` rows of a block. */
INLINE void scale(const job *j, scratch *t, int step, int block, int turn, const int rows,
                  const ltd_pack_kind kind, const int bits)
{
    const bool offset = kind != LTD_PACK_Q8;
    const size_t groups = (size_t)j->groups;
    const size_t first = (size_t)(j->row + ROWS * block) * groups + 2 * (size_t)step;
    const float *scales = j->a->scale + first, *sums = j->a->sum + first;
    UNROLL for (int i2 = 0; i2 < 2; i2++)
    {
        float(*to)[2 * LTD_TILE] = t->y + ROWS * block;
        __m512 y[ROWS];
        EACH_ROW y[i] = _mm512_load_ps(to[i] + LTD_TILE * i2);
        UNROLL for (int h = 0; h < 2; h++)
        {
            size_t g = 2 * (size_t)step + (size_t)h;
            if ((int)g >= j->groups) break;
            const uint8_t *s = j->scales[i2] + scale_bytes(kind) * g;
            __m512 d = load_scales(s, 0, kind), o = offset ? load_scales(s, 1, kind) : d;
            EACH_ROW
            {
                __m512i v = _mm512_load_si512(t->lo[turn][i2][2 * i + h]);
                if (bits == 16)
                    v = _mm512_add_epi32(
                        v, _mm512_slli_epi32(_mm512_load_si512(t->hi[turn][i2][2 * i + h]), 8));
                __m512 x = _mm512_mul_ps(_mm512_set1_ps(scales[(size_t)i * groups + (size_t)h]),
                                         _mm512_cvtepi32_ps(v));
                y[i] = _mm512_fmadd_ps(d, x, y[i]);
                if (offset)
                    y[i] = _mm512_fmadd_ps(o, _mm512_set1_ps(sums[(size_t)i * groups + (size_t)h]),
                                           y[i]);
            }
        }
        EACH_ROW _mm512_store_ps(to[i] + LTD_TILE * i2, y[i]);
    }
}

/* scratch.y of a job. */
INLINE void two_tiles(const job *j, scratch *t, const ltd_pack_kind kind, const int bits)
{
    memset(t->y, 0, (size_t)(ROWS * j->blocks) * sizeof *t->y);
    for (int s = 0; s < AHEAD && s < j->steps; s++) unpack(j, t, s, kind);
    multiply(j, t, 0, 0, 0, kind, bits);
    int turn = 0;
    for (int s = 0; s < j->steps; s++) {
        for (int b = 0; b < j->blocks; b++, turn ^= 1) {
            bool last = b + 1 == j->blocks;
            if (!last)
                multiply(j, t, s, b + 1, turn ^ 1, kind, bits);
            else if (s + 1 < j->steps)
                multiply(j, t, s + 1, 0, turn ^ 1, kind, bits);
            if (b == 0 && s + AHEAD < j->steps) unpack(j, t, s + AHEAD, kind);
            if (j->rows - ROWS * b > ROWS / 2)
                scale(j, t, s, b, turn, ROWS, kind, bits);
            else
                scale(j, t, s, b, turn, ROWS / 2, kind, bits);
        }
    }
}

#define KIND(kind)                                                                                 \
    case kind: bits == 8 ? two_tiles(j, t, kind, 8) : two_tiles(j, t, kind, 16); break
static void two_tiles_any(const job *j, scratch *t, ltd_pack_kind kind, int bits)
{
    switch (kind) {
        KIND(LTD_PACK_Q4);
        KIND(LTD_PACK_Q4K);
        KIND(LTD_PACK_Q8M);
    default: KIND(LTD_PACK_Q8);
    }
}

static void put_rows(const ltd_packed *w, const job *j, const scratch *t, int32_t tile, bool both,
                     float *y, size_t ldy)
{
    int32_t left = w->width - LTD_TILE * tile - (both ? LTD_TILE : 0);
    __mmask16 last = left < LTD_TILE ? 0xff : 0xffff;
    for (int32_t r = 0; r < j->rows; r++, y += ldy) {
        _mm512_mask_storeu_ps(y, both ? 0xffff : last, _mm512_load_ps(t->y[r]));
        if (both) _mm512_mask_storeu_ps(y + LTD_TILE, last, _mm512_load_ps(t->y[r] + LTD_TILE));
    }
}

static void amx_tiles(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                      int32_t tile1, float *y, size_t ldy)
{
    _Alignas(64) scratch t;
    configure();
    for (int32_t row = 0; row < m; row += ROWS * MAX_BLOCKS) {
        job j = {.a = x, .row = row, .groups = x->n / 32, .steps = (x->n / 32 + 1) / 2};
        j.rows = m - row < ROWS * MAX_BLOCKS ? m - row : ROWS * MAX_BLOCKS;
        j.blocks = (j.rows + ROWS - 1) / ROWS;
        for (int32_t i = tile0; i < tile1; i += 2) {
            bool both = i + 1 < tile1;
            for (int i2 = 0; i2 < 2; i2++) {
                /* A single tile at the end is taken twice, and written once. */
                const uint8_t *data = w->data + (size_t)(both ? i + i2 : i) * w->tile_bytes;
                j.scales[i2] = data;
                j.weights[i2] = data + w->scale_bytes;
            }
            two_tiles_any(&j, &t, w->kind, x->bits);
            put_rows(w, &j, &t, i, both, y + (size_t)row * ldy + LTD_TILE * (size_t)(i - tile0),
                     ldy);
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
