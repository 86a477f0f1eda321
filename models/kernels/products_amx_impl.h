/* Integer sums with AMX tiles: what ops_amx.c scales.  Included by it alone.
 *
 * A tile of activations [16 rows][32 k] meets a tile of weights [8 quads of k][16 outputs][4]: one
 * tdpb*d gives 16 x 16 sums, which are stored to memory.  A tile is stored only after two more
 * products have begun, or else each waits for the one before. */
#ifndef LTD_MODELS_KERNELS_PRODUCTS_AMX_IMPL_H
#define LTD_MODELS_KERNELS_PRODUCTS_AMX_IMPL_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "models/kernels/panel_avx512_impl.h"

/* Groups of a stretch; half as many with 16-bit activations. */
enum { STRETCH = 4 };

typedef int32_t sums_of[PANEL_ROWS][2][LTD_TILE];

/* What one thread needs beside registers; [2] is the tile. */
typedef struct scratch {
    _Alignas(64) uint8_t weights[2][STRETCH][512];
    float scales[2][STRETCH][2][2][LTD_TILE]; /* by turns: [group][tile][d, m] */
    sums_of lo[STRETCH], hi[STRETCH / 2];
    float y[PANELS][PANEL_ROWS][2][LTD_TILE];
    int32_t first[LTD_TILE]; /* what sums begin at */
    panel panels[PANELS];
} scratch;

/* Two tiles of weights in a panel's k. */
typedef struct weights_of {
    const uint8_t *scales[2], *weights[2];
} weights_of;

/* What two tiles meet. */
typedef struct job {
    scratch *t;
    const pass *p;
    weights_of now, next; /* next.scales[0] NULL: they are the last */
    int groups, stretch;  /* of the panel; of a stretch */
    int turn;             /* stretches so far: where unpacked scales are */
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

static void configure(int rows)
{
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } c;
    memset(&c, 0, sizeof c);
    c.palette = 1;
    for (int t = A0; t <= C3; t++) {
        c.bytes[t] = t <= A1 ? 32 : 64;
        c.rows[t] = (uint8_t)(t == B0 || t == B1 ? 8 : rows);
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(c));
}

INLINE int groups_of(const job *j, int s)
{
    int left = j->groups - s * j->stretch;
    return left < j->stretch ? left : j->stretch;
}

/* Scales as floats and nibbles as bytes, of stretch s of `from`. */
INLINE void unpack(const job *j, const weights_of *from, int s, int turn, const ltd_pack_kind kind)
{
    const __m512i low = _mm512_set1_epi8(0xf);
    const int g0 = s * j->stretch, n = groups_of(j, s);
    for (int g = 0; g < n; g++) {
        UNROLL for (int i2 = 0; i2 < 2; i2++)
        {
            const uint8_t *w = from->weights[i2] + weight_bytes(kind) * (size_t)(g0 + g);
            const uint8_t *d = from->scales[i2] + scale_bytes(kind) * (size_t)(g0 + g);
            float(*to)[LTD_TILE] = j->t->scales[turn % 2][g][i2];
            _mm512_store_ps(to[0], load_scales(d, 0, kind));
            if (kind != LTD_PACK_Q8) _mm512_store_ps(to[1], load_scales(d, 1, kind));
            uint8_t *bytes = j->t->weights[i2][g];
            if (is_nibbles(kind)) UNROLL for (int i = 0; i < 4; i++)
                {
                    __m512i v = _mm512_load_si512(w + 64 * i);
                    _mm512_store_si512(bytes + 64 * i, _mm512_and_si512(v, low));
                    v = _mm512_and_si512(_mm512_srli_epi16(v, 4), low);
                    _mm512_store_si512(bytes + 256 + 64 * i, v);
                }
        }
    }
}

INLINE const uint8_t *bytes_of(const job *j, int group, int g, int i2, const ltd_pack_kind kind)
{
    return is_nibbles(kind) ? j->t->weights[i2][g] : j->now.weights[i2] + 512 * (size_t)group;
}

#define PRODUCT(c, a, b)                                                                           \
    do {                                                                                           \
        if (bits == 8)                                                                             \
            _tile_loadd(c, j->t->first, 0);                                                        \
        else                                                                                       \
            _tile_zero(c);                                                                         \
        if (is_nibbles(kind))                                                                      \
            _tile_dpbsud(c, a, b);                                                                 \
        else                                                                                       \
            _tile_dpbssd(c, a, b);                                                                 \
    } while (0)
#define PUT(c, sums, i2) _tile_stored(c, (sums)[0][i2], 2 * 4 * LTD_TILE)
/* Of what comes after group `of`, in both tiles. */
INLINE void prefetch_both(const job *j, int of, const ltd_pack_kind kind)
{
    UNROLL for (int i2 = 0; i2 < 2; i2++)
    {
        prefetch(j->now.weights[i2] + weight_bytes(kind) * (size_t)of, weight_bytes(kind), false);
        prefetch(j->now.scales[i2] + scale_bytes(kind) * (size_t)of, scale_bytes(kind), false);
    }
}

/* Group g of a stretch with both tiles of weights, and the sums of the group before. */
#define GROUP_8(g, a, c0, c1, past0, past1)                                                        \
    do {                                                                                           \
        if (!block) prefetch_both(j, g0 + (g), kind);                                              \
        _tile_loadd(B0, bytes_of(j, g0 + (g), g, 0, kind), 64);                                    \
        _tile_loadd(a, x->lo[0] + 32 * (g0 + (g)), STRIDE);                                        \
        PRODUCT(c0, a, B0);                                                                        \
        _tile_loadd(B1, bytes_of(j, g0 + (g), g, 1, kind), 64);                                    \
        if ((g) > 0) PUT(past0, j->t->lo[(g)-1], 0);                                               \
        PRODUCT(c1, a, B1);                                                                        \
        if ((g) > 0) PUT(past1, j->t->lo[(g)-1], 1);                                               \
    } while (0)

/* The sums of stretch s with a block's rows.  Tile loads and stores don't tell the compiler what
 * they touch: hence the barriers. */
INLINE void multiply_8(const job *j, int s, int block, const ltd_pack_kind kind)
{
    const panel *x = &j->t->panels[block];
    const int bits = 8, g0 = s * j->stretch, n = groups_of(j, s);
    __asm__ volatile("" ::: "memory");
    for (int g = 0; g < n; g += 2) {
        GROUP_8(g, A0, C0, C1, C2, C3);
        if (g + 1 < n) GROUP_8(g + 1, A1, C2, C3, C0, C1);
    }
    if (n % 2) {
        PUT(C0, j->t->lo[n - 1], 0);
        PUT(C1, j->t->lo[n - 1], 1);
    } else {
        PUT(C2, j->t->lo[n - 1], 0);
        PUT(C3, j->t->lo[n - 1], 1);
    }
    __asm__ volatile("" ::: "memory");
}

INLINE void multiply_16(const job *j, int s, int block, const ltd_pack_kind kind)
{
    const panel *x = &j->t->panels[block];
    const int bits = 16, g0 = s * j->stretch, n = groups_of(j, s);
    __asm__ volatile("" ::: "memory");
    for (int g = 0; g < n; g++) {
        if (!block) prefetch_both(j, g0 + g, kind);
        _tile_loadd(B0, bytes_of(j, g0 + g, g, 0, kind), 64);
        _tile_loadd(A0, x->lo[0] + 32 * (g0 + g), STRIDE);
        PRODUCT(C0, A0, B0);
        _tile_loadd(A1, x->hi[0] + 32 * (g0 + g), STRIDE);
        if (g > 0) PUT(C1, j->t->lo[g - 1], 1);
        PRODUCT(C2, A1, B0);
        _tile_loadd(B1, bytes_of(j, g0 + g, g, 1, kind), 64);
        if (g > 0) PUT(C3, j->t->hi[g - 1], 1);
        PRODUCT(C1, A0, B1);
        PUT(C0, j->t->lo[g], 0);
        PRODUCT(C3, A1, B1);
        PUT(C2, j->t->hi[g], 0);
    }
    PUT(C1, j->t->lo[n - 1], 1);
    PUT(C3, j->t->hi[n - 1], 1);
    __asm__ volatile("" ::: "memory");
}

#endif
