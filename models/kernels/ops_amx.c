/* AMX-int8 where it is faster than VNNI, and VNNI for the rest.
 *
 * Every group of 32 k has scales of its own, so tiles give integer sums alone
 * (products_amx_impl.h), and vector registers scale them.  Integers are exact and the scaling is
 * VNNI's: results are equal bit for bit.
 *
 * While tile instructions are under way, 512-bit arithmetic runs on one port instead of two
 * (measured on Emerald Rapids).  So the work goes in stretches of a few groups, small enough for
 * the first-level cache: all sums of a block of rows with two tiles of weights, then all their
 * scaling.  The next stretch is unpacked between the two: neither a tile load nor a vector load
 * then follows close on the stores that it reads. */
#define _DEFAULT_SOURCE /* syscall */
#include <immintrin.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "models/kernels/amx_permission_impl.h"
#include "models/kernels/products_amx_impl.h"
#include "models/kernels/tables.h"

enum {
    HALF = 8,      /* rows whose results are in registers at once */
    MIN_ROWS = 13, /* below, vpdpbusd is faster anywhere */
    TRY_EACH = 64, /* calls after which the slower product is tried again */
};

#define EACH_ROW UNROLL for (int i = 0; i < HALF; i++) if (i < rows)

/* Row i's sums of group g with tile i2, in the row's own scale. */
INLINE __m512 in_row_scale(const scratch *t, int g, int i, int i2, const int bits, __m512 by,
                           __m512 back)
{
    __m512i v = _mm512_load_si512(t->lo[g][i][i2]);
    if (bits == 8) return _mm512_fmadd_ps(_mm512_castsi512_ps(v), by, back);
    v = _mm512_add_epi32(v, _mm512_slli_epi32(_mm512_load_si512(t->hi[g][i][i2]), 8));
    return _mm512_mul_ps(by, _mm512_cvtepi32_ps(v));
}

/* y += scales * sums, of stretch s and rows [r, r + rows) of a block. */
INLINE void scale(const job *j, int s, const panel *x, float (*y)[2][LTD_TILE], int r,
                  const int rows, const bool offset, const int bits)
{
    const scratch *t = j->t;
    const int g0 = s * j->stretch, n = groups_of(j, s);
    const float *by = x->scale[r] + g0, *sum = x->sum[r] + g0, *back = x->back[r] + g0;
    __m512 y0[HALF], y1[HALF];
    y += r;
    EACH_ROW
    {
        y0[i] = _mm512_load_ps(y[i][0]);
        y1[i] = _mm512_load_ps(y[i][1]);
    }
    for (int g = 0; g < n; g++) {
        const float(*d)[2][LTD_TILE] = t->scales[j->turn % 2][g];
        __m512 d0 = _mm512_load_ps(d[0][0]), d1 = _mm512_load_ps(d[1][0]), m0, m1;
        if (offset) m0 = _mm512_load_ps(d[0][1]), m1 = _mm512_load_ps(d[1][1]);
        EACH_ROW
        {
            __m512 b = _mm512_set1_ps(by[SCALES * i + g]);
            __m512 whole = bits == 8 ? _mm512_set1_ps(back[SCALES * i + g]) : b;
            y0[i] = _mm512_fmadd_ps(d0, in_row_scale(t, g, r + i, 0, bits, b, whole), y0[i]);
            y1[i] = _mm512_fmadd_ps(d1, in_row_scale(t, g, r + i, 1, bits, b, whole), y1[i]);
            if (offset) {
                __m512 v = _mm512_set1_ps(sum[SCALES * i + g]);
                y0[i] = _mm512_fmadd_ps(m0, v, y0[i]);
                y1[i] = _mm512_fmadd_ps(m1, v, y1[i]);
            }
        }
    }
    EACH_ROW
    {
        _mm512_store_ps(y[i][0], y0[i]);
        _mm512_store_ps(y[i][1], y1[i]);
    }
}

/* A constant number of rows, so that the compiler makes a body for each. */
#define ROWS(n)                                                                                    \
    case n: scale(j, s, x, y, r, n, offset, bits); break
INLINE void scale_any(const job *j, int s, const panel *x, float (*y)[2][LTD_TILE], int r, int rows,
                      const bool offset, const int bits)
{
    switch (rows) {
        ROWS(1);
        ROWS(2);
        ROWS(3);
        ROWS(4);
        ROWS(5);
        ROWS(6);
        ROWS(7);
        ROWS(8);
    }
}
#define SCALE(name, offset, bits)                                                                  \
    static void name(const job *j, int s, const panel *x, float(*y)[2][LTD_TILE], int r, int rows) \
    {                                                                                              \
        scale_any(j, s, x, y, r, rows, offset, bits);                                              \
    }
SCALE(scale_8, false, 8)
SCALE(scale_16, false, 16)
SCALE(scale_offset_8, true, 8)
SCALE(scale_offset_16, true, 16)

INLINE void scale_block(const job *j, int s, int block, const ltd_pack_kind kind, const int bits)
{
    const panel *x = &j->t->panels[block];
    int rows = block_begin(j->p, block + 1) - block_begin(j->p, block);
    int first = rows <= HALF ? rows : (rows + 1) / 2;
    for (int r = 0, n = first; r < rows; r += n, n = rows - first) {
        if (kind == LTD_PACK_Q8)
            (bits == 8 ? scale_8 : scale_16)(j, s, x, j->t->y[block], r, n);
        else
            (bits == 8 ? scale_offset_8 : scale_offset_16)(j, s, x, j->t->y[block], r, n);
    }
}

/* Adds a panel's k to scratch.y; the first stretch is unpacked already. */
INLINE void two_tiles(job *j, const ltd_pack_kind kind, const int bits)
{
    int stretches = (j->groups + j->stretch - 1) / j->stretch;
    for (int s = 0; s < stretches; s++, j->turn++) {
        for (int b = 0; b < j->p->blocks; b++) {
            if (bits == 8)
                multiply_8(j, s, b, kind);
            else
                multiply_16(j, s, b, kind);
            if (b + 1 == j->p->blocks) {
                if (s + 1 < stretches)
                    unpack(j, &j->now, s + 1, j->turn + 1, kind);
                else if (j->next.scales[0])
                    unpack(j, &j->next, 0, j->turn + 1, kind);
            }
            scale_block(j, s, b, kind, bits);
        }
    }
}

/* scratch.y from and to the first row of y, lanes as the masks say. */
static void move_rows(const job *j, float *y, size_t ldy, const __mmask16 mask[2], bool out)
{
    for (int32_t b = 0; b < j->p->blocks; b++) {
        float(*row)[2][LTD_TILE] = j->t->y[b];
        for (int32_t r = block_begin(j->p, b); r < block_begin(j->p, b + 1); r++, row++)
            for (int i2 = 0; i2 < 2; i2++) {
                float *at = y + (size_t)r * ldy + LTD_TILE * i2;
                if (out)
                    _mm512_mask_storeu_ps(at, mask[i2], _mm512_load_ps((*row)[i2]));
                else
                    _mm512_store_ps((*row)[i2], _mm512_maskz_loadu_ps(mask[i2], at));
            }
    }
}

/* A single tile at the end is taken twice, and written once. */
static weights_of weights_at(const ltd_packed *w, int32_t i, int32_t tile1, size_t k)
{
    weights_of ret = {{NULL, NULL}, {NULL, NULL}};
    for (int i2 = 0; i2 < 2 && i < tile1; i2++) {
        const uint8_t *data = w->data + (size_t)(i + 1 < tile1 ? i + i2 : i) * w->tile_bytes;
        ret.scales[i2] = data + scale_bytes(w->kind) * (k / 32);
        ret.weights[i2] = data + w->scale_bytes + weight_bytes(w->kind) * (k / 32);
    }
    return ret;
}

/* A pass's rows, all tiles, the k of its panels. */
INLINE void panel_tiles(const ltd_packed *w, job *j, size_t k, int32_t tile0, int32_t tile1,
                        float *y, size_t ldy, const ltd_pack_kind kind, const int bits)
{
    j->next = weights_at(w, tile0, tile1, k);
    unpack(j, &j->next, 0, j->turn, kind);
    for (int32_t i = tile0; i < tile1; i += 2, y += 2 * LTD_TILE) {
        bool both = i + 1 < tile1;
        int32_t width = w->width - LTD_TILE * i - (both ? LTD_TILE : 0);
        __mmask16 last = width < LTD_TILE ? 0xff : 0xffff;
        const __mmask16 mask[2] = {both ? 0xffff : last, both ? last : 0};
        j->now = j->next;
        j->next = weights_at(w, i + 2, tile1, k);
        if (k)
            move_rows(j, y, ldy, mask, false);
        else
            memset(j->t->y, 0, (size_t)j->p->blocks * sizeof *j->t->y);
        two_tiles(j, kind, bits);
        move_rows(j, y, ldy, mask, true);
    }
}

#define KIND(kind)                                                                                 \
    case kind:                                                                                     \
        if (bits == 8)                                                                             \
            panel_tiles(w, j, k, tile0, tile1, y, ldy, kind, 8);                                   \
        else                                                                                       \
            panel_tiles(w, j, k, tile0, tile1, y, ldy, kind, 16);                                  \
        break
static void panel_any(const ltd_packed *w, job *j, int32_t bits, size_t k, int32_t tile0,
                      int32_t tile1, float *y, size_t ldy)
{
    switch (w->kind) {
        KIND(LTD_PACK_Q4);
        KIND(LTD_PACK_Q4K);
        KIND(LTD_PACK_Q8M);
    default: KIND(LTD_PACK_Q8);
    }
}

static bool has_product(const ltd_packed *w)
{
    return ltd_pack_is_quantized(w->kind) && w->kind != LTD_PACK_Q8G16;
}

static void amx_linear(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                       int32_t tile1, float *y, size_t ldy)
{
    if (!has_product(w)) {
        ltd_vnni_linear(w, x, m, tile0, tile1, y, ldy);
        return;
    }
    scratch t;
    for (int i = 0; i < LTD_TILE; i++) t.first[i] = WHOLE_BITS;
    pass p = {0};
    for (int32_t row = 0; row < m; row += p.m) {
        p = pass_at(row, m, PANEL_ROWS);
        configure((p.m + p.blocks - 1) / p.blocks);
        job j = {.t = &t, .p = &p, .stretch = x->bits == 8 ? STRETCH : STRETCH / 2};
        for (int32_t k = 0; k < x->n; k += PANEL) {
            int32_t n = x->n - k < PANEL ? x->n - k : PANEL;
            j.groups = n / 32;
            fill_pass(t.panels, &p, x, (size_t)k, (size_t)n, false);
            panel_any(w, &j, x->bits, (size_t)k, tile0, tile1, y + (size_t)row * ldy, ldy);
        }
    }
    _tile_release();
}

/* Which of the two products is faster depends on the machine, and, where threads share a core's
 * tile unit, on what runs beside us.  Results are equal bit for bit, so each thread goes by the
 * time that its own calls took. */
typedef struct choice {
    float cost[2]; /* cycles of a tile and group with vpdpbusd and with tiles; 0: not known yet */
    uint32_t calls;
} choice;

enum { ROWS_A_CHOICE = 4, CHOICES = 64 / ROWS_A_CHOICE };
static _Thread_local choice choices[2][2][CHOICES]; /* [bits][nibbles][rows] */

static void faster_linear(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                          int32_t tile1, float *y, size_t ldy)
{
    if (!has_product(w) || m < MIN_ROWS) {
        ltd_vnni_linear(w, x, m, tile0, tile1, y, ldy);
        return;
    }
    int32_t rows = m / ROWS_A_CHOICE < CHOICES ? m / ROWS_A_CHOICE : CHOICES - 1;
    choice *c = &choices[x->bits == 16][is_nibbles(w->kind)][rows];
    bool tiles = (c->cost[1] < c->cost[0]) != (c->calls++ % TRY_EACH == TRY_EACH - 1);
    uint64_t start = __rdtsc();
    (tiles ? amx_linear : ltd_vnni_linear)(w, x, m, tile0, tile1, y, ldy);
    float cost = (float)(__rdtsc() - start) / (float)((tile1 - tile0) * (x->n / 32) * m);
    c->cost[tiles] += (cost - c->cost[tiles]) * (c->cost[tiles] > 0 ? 0.125f : 1);
}

static ltd_kernels table, tiles_table; /* VNNI's with another product */

static void make_tables(void)
{
    if (!__builtin_cpu_supports("avx512vnni") || !amx_permitted(AMX_INT8)) return;
    table = *ltd_kernels_vnni();
    table.isa = LTD_ISA_AMX;
    table.name = "amx-int8";
    table.linear = faster_linear;
    tiles_table = table;
    tiles_table.name = "amx-int8 tiles";
    tiles_table.linear = amx_linear;
}

static const ltd_kernels *made(const ltd_kernels *k)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_tables);
    return k->linear ? k : NULL;
}

const ltd_kernels *ltd_kernels_amx(void)
{
    return made(&table);
}

const ltd_kernels *ltd_kernels_amx_tiles(void)
{
    return made(&tiles_table);
}
