#include "models/kernels/pack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/files/blocks.h"
#include "models/kernels/quantize_weights.h"

typedef struct pack_layout {
    int32_t group;       /* k of a group */
    size_t group_bytes;  /* weights of 16 rows x group */
    size_t group_scales; /* bytes of their scales */
} pack_layout;

static const pack_layout layouts[LTD_PACK_COUNT] = {
    [LTD_PACK_F32] = {1, 64, 0},     [LTD_PACK_F16] = {1, 32, 0},
    [LTD_PACK_BF16] = {1, 32, 0},    [LTD_PACK_Q4] = {32, 256, 64},
    [LTD_PACK_Q4K] = {32, 256, 128}, [LTD_PACK_Q8] = {32, 512, 32},
    [LTD_PACK_Q8M] = {32, 512, 128}, [LTD_PACK_Q8G16] = {16, 256, 64},
};

int ltd_pack_kind_of(ltd_dtype dtype, ltd_pack_kind *ret, ltd_err *err)
{
    switch (dtype) {
    case LTD_DTYPE_F32: *ret = LTD_PACK_F32; return LTD_OK;
    case LTD_DTYPE_F16: *ret = LTD_PACK_F16; return LTD_OK;
    case LTD_DTYPE_BF16: *ret = LTD_PACK_BF16; return LTD_OK;
    case LTD_DTYPE_Q4_0:
    case LTD_DTYPE_Q4_1: *ret = LTD_PACK_Q4; return LTD_OK;
    case LTD_DTYPE_Q4_K: *ret = LTD_PACK_Q4K; return LTD_OK;
    case LTD_DTYPE_Q5_0:
    case LTD_DTYPE_Q8_0: *ret = LTD_PACK_Q8; return LTD_OK;
    case LTD_DTYPE_Q5_1:
    case LTD_DTYPE_Q5_K: *ret = LTD_PACK_Q8M; return LTD_OK;
    case LTD_DTYPE_Q6_K: *ret = LTD_PACK_Q8G16; return LTD_OK;
    default: break;
    }
    return ltd_fail(err, LTD_EUNSUPPORTED,
                    "weight type %s: no kernel, expected F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, "
                    "Q5_1, Q4_K, Q5_K or Q6_K",
                    ltd_dtype_name(dtype));
}

bool ltd_pack_is_quantized(ltd_pack_kind kind)
{
    return kind >= LTD_PACK_Q4;
}

static void set_rows(ltd_packed *w, int32_t out)
{
    w->out = out;
    w->tiles = (out + LTD_TILE - 1) / LTD_TILE;
    w->width = (out + 7) / 8 * 8;
}

int ltd_pack_init(ltd_packed *ret, int32_t out, int32_t in, ltd_pack_kind kind, ltd_arena *arena,
                  ltd_err *err)
{
    *ret = (ltd_packed){0};
    /* Activations come in groups of 32 whatever the group of the weights. */
    int32_t unit = ltd_pack_is_quantized(kind) ? 32 : 1;
    if (out <= 0 || out > INT32_MAX - LTD_TILE || in <= 0 || in % unit)
        return ltd_fail(err, LTD_EINVAL, "matrix %d x %d: columns must be a multiple of %d", out,
                        in, unit);
    const pack_layout *l = &layouts[kind];
    size_t groups = (size_t)(in / l->group);
    ltd_packed w = {.kind = kind, .in = in};
    set_rows(&w, out);
    w.scale_bytes = (groups * l->group_scales + 63) / 64 * 64;
    w.tile_bytes = w.scale_bytes + (groups * l->group_bytes + 63) / 64 * 64;
    w.owned = !arena;
    w.data = arena ? ltd_arena_alloc(arena, (size_t)w.tiles, w.tile_bytes)
                   : ltd_mem_aligned((size_t)w.tiles, w.tile_bytes);
    if (!w.data)
        return ltd_fail(err, LTD_ENOMEM, "matrix %d x %d: no memory for %zu bytes", out, in,
                        (size_t)w.tiles * w.tile_bytes);
    *ret = w;
    return LTD_OK;
}

void ltd_pack_fini(ltd_packed *w)
{
    if (w->owned) free(w->data);
    *w = (ltd_packed){0};
}

size_t ltd_pack_bytes(const ltd_packed *w)
{
    return (size_t)w->tiles * w->tile_bytes;
}

/* --- places --- */

static uint8_t *scales_at(const ltd_packed *w, int32_t row, int32_t group)
{
    return w->data + (size_t)(row / LTD_TILE) * w->tile_bytes +
           (size_t)group * layouts[w->kind].group_scales;
}

static uint8_t *weights_at(const ltd_packed *w, int32_t row, int32_t group)
{
    return w->data + (size_t)(row / LTD_TILE) * w->tile_bytes + w->scale_bytes +
           (size_t)group * layouts[w->kind].group_bytes;
}

static uint16_t get_u16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}

static void put_u16(uint8_t *p, uint16_t v)
{
    memcpy(p, &v, 2);
}

static float get_f32(const uint8_t *p)
{
    float v;
    memcpy(&v, p, 4);
    return v;
}

/* Scale `i` (0 = d, 1 = m) of row `row`, as a half or a float. */
static void put_scale(const ltd_packed *w, int32_t row, int32_t group, int i, float v)
{
    uint8_t *p = scales_at(w, row, group);
    int at = LTD_TILE * i + row % LTD_TILE;
    if (w->kind == LTD_PACK_Q4 || w->kind == LTD_PACK_Q8)
        put_u16(p + 2 * at, ltd_f32_to_f16(v));
    else
        memcpy(p + 4 * at, &v, 4);
}

static float get_scale(const ltd_packed *w, int32_t row, int32_t group, int i)
{
    const uint8_t *p = scales_at(w, row, group);
    int at = LTD_TILE * i + row % LTD_TILE;
    if (w->kind == LTD_PACK_Q4 || w->kind == LTD_PACK_Q8)
        return ltd_f16_to_f32(get_u16(p + 2 * at));
    return get_f32(p + 4 * at);
}

static bool has_offset(ltd_pack_kind kind)
{
    return kind == LTD_PACK_Q4 || kind == LTD_PACK_Q4K || kind == LTD_PACK_Q8M;
}

/* --- filling --- */

/* One group of a row: integers and scales.  Nibbles hold 0..15, so that Q4_0's -8..7 move up and
 * its offset is -8 d: exact unless 8 d overflows a half. */
static void put_group(const ltd_packed *w, int32_t row, int32_t group, const int8_t *q, float d,
                      float m, bool offset)
{
    uint8_t *p = weights_at(w, row, group) + 4 * (row % LTD_TILE);
    if (w->kind == LTD_PACK_Q4 || w->kind == LTD_PACK_Q4K) {
        int up = offset ? 0 : 8;
        for (int k = 0; k < 16; k++)
            p[64 * (k / 4) + k % 4] = (uint8_t)((q[k] + up) | (q[k + 16] + up) << 4);
        if (!offset) m = -8.0f * d;
    } else {
        for (int k = 0; k < layouts[w->kind].group; k++) p[64 * (k / 4) + k % 4] = (uint8_t)q[k];
    }
    put_scale(w, row, group, 0, d);
    if (has_offset(w->kind)) put_scale(w, row, group, 1, m);
}

static void pack_blocks(ltd_packed *w, int32_t row, const uint8_t *src, ltd_dtype dtype)
{
    int32_t n = (int32_t)ltd_dtype_block(dtype);
    size_t bytes = ltd_dtype_block_bytes(dtype);
    ltd_block b;
    for (int32_t k = 0; k < w->in; k += n, src += bytes) {
        ltd_block_read(&b, dtype, src);
        for (int i = 0; i < n / b.run; i++)
            put_group(w, row, k / b.run + i, b.q + i * b.run, b.d[i], b.offset ? b.m[i] : 0,
                      b.offset);
    }
}

static void pack_float_row(ltd_packed *w, int32_t row, const float *x)
{
    int r = row % LTD_TILE;
    for (int32_t k = 0; k < w->in; k++) {
        uint8_t *p = weights_at(w, row, k);
        if (w->kind == LTD_PACK_F32) {
            memcpy(p + 4 * r, &x[k], 4);
        } else if (w->kind == LTD_PACK_F16) {
            put_u16(p + 2 * r, ltd_f32_to_f16(x[k]));
        } else {
            uint32_t bits;
            memcpy(&bits, &x[k], 4);
            put_u16(p + 2 * r, (uint16_t)(bits >> 16));
        }
    }
}

/* Integers can't hold infinities and what is no number. */
static bool all_finite(const float *x, int32_t n)
{
    bool ok = true;
    for (int32_t k = 0; k < n; k++) ok = ok && isfinite(x[k]);
    return ok;
}

static bool packs_as_is(const ltd_packed *w, ltd_dtype dtype)
{
    ltd_pack_kind own = LTD_PACK_COUNT;
    return ltd_pack_kind_of(dtype, &own, NULL) == LTD_OK && own == w->kind;
}

/* `wide` has room for `in` floats and for as many again. */
static bool pack_row(ltd_packed *w, int32_t row, const uint8_t *src, ltd_dtype dtype, float *wide)
{
    if (packs_as_is(w, dtype) && ltd_pack_is_quantized(w->kind)) {
        pack_blocks(w, row, src, dtype);
        return true;
    }
    ltd_dtype_to_f32(wide, src, dtype, w->in, NULL);
    if (!ltd_pack_is_quantized(w->kind)) {
        pack_float_row(w, row, wide);
        return true;
    }
    if (!all_finite(wide, w->in)) return false;
    uint8_t *blocks = (uint8_t *)(wide + w->in);
    if (w->kind == LTD_PACK_Q8)
        ltd_quantize_q8_0(wide, w->in, blocks);
    else
        ltd_quantize_q4_1(wide, w->in, blocks);
    pack_blocks(w, row, blocks, w->kind == LTD_PACK_Q8 ? LTD_DTYPE_Q8_0 : LTD_DTYPE_Q4_1);
    return true;
}

int ltd_pack_rows(ltd_packed *w, int32_t row0, const ltd_tensor_view *view, const int32_t *order,
                  ltd_err *err)
{
    if (view->n_dims != 2 || view->dims[1] != w->in || row0 < 0 || row0 + view->dims[0] > w->out)
        return ltd_fail(err, LTD_EINVAL, "tensor %s: %lld x %lld does not fit %d x %d at row %d",
                        view->name, (long long)view->dims[0], (long long)view->dims[1], w->out,
                        w->in, row0);
    bool same = packs_as_is(w, view->dtype);
    if (!same && w->kind != LTD_PACK_F32 && w->kind != LTD_PACK_F16 && w->kind != LTD_PACK_Q8 &&
        w->kind != LTD_PACK_Q4)
        return ltd_fail(err, LTD_EUNSUPPORTED, "tensor %s: %s can't be packed as kind %d",
                        view->name, ltd_dtype_name(view->dtype), (int)w->kind);
    float *wide = ltd_mem_zeros((size_t)w->in, 2 * sizeof *wide);
    if (!wide) return ltd_fail(err, LTD_ENOMEM, "tensor %s: no memory", view->name);
    int rc = LTD_OK;
    if (!same) { /* a type that can't be widened shows on the first block */
        rc = ltd_dtype_to_f32(wide, view->data, view->dtype, ltd_dtype_block(view->dtype), err);
        if (rc < 0) ltd_err_prefix(err, rc, "tensor %s", view->name);
    }
    size_t row_bytes =
        (size_t)(w->in / ltd_dtype_block(view->dtype)) * ltd_dtype_block_bytes(view->dtype);
    for (int32_t i = 0; rc == LTD_OK && i < view->dims[0]; i++) {
        size_t from = (size_t)(order ? order[i] : i);
        if (!pack_row(w, row0 + i, (const uint8_t *)view->data + from * row_bytes, view->dtype,
                      wide))
            rc = ltd_fail(err, LTD_EFORMAT,
                          "tensor %s: row %zu holds a value that is no finite number, expected "
                          "weights to be finite",
                          view->name, from);
    }
    free(wide);
    return rc;
}

/* --- reading back --- */

/* Integers of a group stand four k together, 64 bytes apart; nibbles of k and k + 16 in a byte. */
static void get_quantized(const ltd_packed *w, int32_t row, int32_t g, float *ret)
{
    const uint8_t *p = weights_at(w, row, g) + 4 * (row % LTD_TILE);
    bool nibbles = w->kind == LTD_PACK_Q4 || w->kind == LTD_PACK_Q4K, offset = has_offset(w->kind);
    int32_t n = layouts[w->kind].group, half = nibbles ? n / 2 : n;
    float d = get_scale(w, row, g, 0), m = offset ? get_scale(w, row, g, 1) : 0;
    for (int32_t k = 0; k < n; k++) {
        uint8_t q = p[64 * (k % half / 4) + k % 4];
        int v = nibbles ? q >> (k < half ? 0 : 4) & 0xf : (int8_t)q;
        ret[k] = d * (float)v;
        if (offset) ret[k] += m;
    }
}

static float get_float(const ltd_packed *w, int32_t row, int32_t k)
{
    const uint8_t *p = weights_at(w, row, k);
    int r = row % LTD_TILE;
    if (w->kind == LTD_PACK_F32) return get_f32(p + 4 * r);
    if (w->kind == LTD_PACK_F16) return ltd_f16_to_f32(get_u16(p + 2 * r));
    uint32_t bits = (uint32_t)get_u16(p + 2 * r) << 16;
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

void ltd_pack_get_row(const ltd_packed *w, int32_t row, float *ret)
{
    int32_t group = layouts[w->kind].group;
    for (int32_t k = 0; k < w->in; k += group) {
        if (ltd_pack_is_quantized(w->kind))
            get_quantized(w, row, k / group, ret + k);
        else
            ret[k] = get_float(w, row, k);
    }
}

/* --- copying --- */

/* A tile's scales and its weights are lines of 16 pieces, a piece a row. */
static void copy_pieces(uint8_t *to, int32_t row, const uint8_t *from, int32_t source, size_t bytes,
                        size_t piece)
{
    to += (size_t)(row % LTD_TILE) * piece;
    from += (size_t)(source % LTD_TILE) * piece;
    for (size_t i = 0; i < bytes; i += LTD_TILE * piece) memcpy(to + i, from + i, piece);
}

void ltd_pack_copy_row(ltd_packed *to, int32_t row, const ltd_packed *from, int32_t source)
{
    const pack_layout *l = &layouts[to->kind];
    size_t groups = (size_t)(to->in / l->group);
    bool halves = to->kind == LTD_PACK_F16 || to->kind == LTD_PACK_BF16;
    bool half_scales = to->kind == LTD_PACK_Q4 || to->kind == LTD_PACK_Q8;
    copy_pieces(scales_at(to, row, 0), row, scales_at(from, source, 0), source,
                groups * l->group_scales, half_scales ? 2 : 4);
    copy_pieces(weights_at(to, row, 0), row, weights_at(from, source, 0), source,
                groups * l->group_bytes, halves ? 2 : 4);
}

ltd_packed ltd_pack_first(const ltd_packed *w, int32_t rows)
{
    ltd_packed first = *w;
    first.owned = false;
    set_rows(&first, rows);
    return first;
}
