#include "models/kernels/pack.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

typedef struct pack_layout {
    int32_t group;      /* k of a group */
    size_t group_bytes; /* bytes of 8 rows x group */
} pack_layout;

static const pack_layout layouts[LTD_PACK_COUNT] = {
    [LTD_PACK_F32] = {1, 32},       [LTD_PACK_F16] = {1, 16},
    [LTD_PACK_BF16] = {1, 16},      [LTD_PACK_Q4] = {32, 128 + 32},
    [LTD_PACK_Q8] = {32, 256 + 16}, [LTD_PACK_Q8G16] = {16, 128 + 32},
};

int ltd_pack_kind_of(ltd_dtype dtype, ltd_pack_kind *ret, ltd_err *err)
{
    switch (dtype) {
    case LTD_DTYPE_F32: *ret = LTD_PACK_F32; return LTD_OK;
    case LTD_DTYPE_F16: *ret = LTD_PACK_F16; return LTD_OK;
    case LTD_DTYPE_BF16: *ret = LTD_PACK_BF16; return LTD_OK;
    case LTD_DTYPE_Q4_0:
    case LTD_DTYPE_Q4_1: *ret = LTD_PACK_Q4; return LTD_OK;
    case LTD_DTYPE_Q8_0: *ret = LTD_PACK_Q8; return LTD_OK;
    case LTD_DTYPE_Q6_K: *ret = LTD_PACK_Q8G16; return LTD_OK;
    default: break;
    }
    return ltd_fail(err, LTD_EUNSUPPORTED,
                    "weight type %s: no kernel, expected F32, F16, BF16, Q8_0, Q4_0, Q4_1 or Q6_K",
                    ltd_dtype_name(dtype));
}

int ltd_pack_is_quantized(ltd_pack_kind kind)
{
    return kind >= LTD_PACK_Q4;
}

int ltd_pack_init(ltd_packed *ret, int32_t out, int32_t in, ltd_pack_kind kind, ltd_err *err)
{
    *ret = (ltd_packed){0};
    /* Activations come in groups of 32 whatever the group of the weights. */
    int32_t unit = ltd_pack_is_quantized(kind) ? 32 : 1;
    if (out <= 0 || in <= 0 || in % unit)
        return ltd_fail(err, LTD_EINVAL, "matrix %d x %d: columns must be a multiple of %d", out,
                        in, unit);
    ltd_packed w = {.kind = kind, .out = out, .in = in, .tiles = (out + 7) / 8};
    w.tile_bytes = (size_t)(in / layouts[kind].group) * layouts[kind].group_bytes;
    w.data = ltd_mem_aligned((size_t)w.tiles, w.tile_bytes);
    if (!w.data)
        return ltd_fail(err, LTD_ENOMEM, "matrix %d x %d: no memory for %zu bytes", out, in,
                        (size_t)w.tiles * w.tile_bytes);
    *ret = w;
    return LTD_OK;
}

void ltd_pack_fini(ltd_packed *w)
{
    free(w->data);
    *w = (ltd_packed){0};
}

size_t ltd_pack_bytes(const ltd_packed *w)
{
    return (size_t)w->tiles * w->tile_bytes;
}

static uint16_t read_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static void put_u16(uint8_t *p, uint16_t v)
{
    memcpy(p, &v, 2);
}

static void put_f32(uint8_t *p, float v)
{
    memcpy(p, &v, 4);
}

/* The group of packed row `row` that holds column `k`. */
static uint8_t *group_at(const ltd_packed *w, int32_t row, int32_t group)
{
    return w->data + (size_t)(row / 8) * w->tile_bytes +
           (size_t)group * layouts[w->kind].group_bytes;
}

static void put_q4(uint8_t *g, int r, int k, unsigned q)
{
    uint8_t *word = g + 32 * (k / 8) + 2 * (2 * r + k % 2);
    unsigned shift = 4u * (unsigned)(k % 8 / 2);
    put_u16(word, (uint16_t)((read_u16(word) & ~(0xfu << shift)) | q << shift));
}

static unsigned get_q4(const uint8_t *g, int r, int k)
{
    return read_u16(g + 32 * (k / 8) + 2 * (2 * r + k % 2)) >> (4 * (k % 8 / 2)) & 0xfu;
}

static int8_t *q8_at(uint8_t *g, int r, int k)
{
    return (int8_t *)g + 16 * (k / 2) + 2 * r + k % 2;
}

/* Q4_0 and Q4_1: 16 bytes of nibbles, low ones are the first half of the block. */
static void pack_q4_row(ltd_packed *w, int32_t row, const uint8_t *src, ltd_dtype dtype)
{
    int r = row % 8;
    bool has_min = dtype == LTD_DTYPE_Q4_1;
    for (int32_t b = 0; b < w->in / 32; b++) {
        uint8_t *g = group_at(w, row, b);
        uint16_t d = read_u16(src), m;
        const uint8_t *q = src + (has_min ? 4 : 2);
        if (has_min)
            m = read_u16(src + 2);
        else
            m = ltd_f32_to_f16(-8.0f * ltd_f16_to_f32(d)); /* exact unless 8 d overflows a half */
        for (int k = 0; k < 16; k++) {
            put_q4(g, r, k, q[k] & 0xf);
            put_q4(g, r, k + 16, q[k] >> 4);
        }
        put_u16(g + 128 + 2 * r, d);
        put_u16(g + 144 + 2 * r, m);
        src = q + 16;
    }
}

static void pack_q8_row(ltd_packed *w, int32_t row, const uint8_t *src)
{
    int r = row % 8;
    for (int32_t b = 0; b < w->in / 32; b++, src += 34) {
        uint8_t *g = group_at(w, row, b);
        for (int k = 0; k < 32; k++) *q8_at(g, r, k) = (int8_t)src[2 + k];
        put_u16(g + 256 + 2 * r, read_u16(src));
    }
}

/* Q6_K: 256 weights = 16 sub-blocks of 16 with their own int8 scale; q - 32 in [-32, 31]. */
static void pack_q6_row(ltd_packed *w, int32_t row, const uint8_t *src)
{
    int r = row % 8;
    for (int32_t b = 0; b < w->in / 256; b++, src += 210) {
        const uint8_t *low = src, *high = src + 128;
        const int8_t *scale = (const int8_t *)src + 192;
        float d = ltd_f16_to_f32(read_u16(src + 208));
        for (int k = 0; k < 256; k++) {
            int half = k / 128, quarter = k % 128 / 32, l = k % 32;
            unsigned lo = low[64 * half + 32 * (quarter % 2) + l] >> (4 * (quarter / 2)) & 0xf;
            unsigned hi = high[32 * half + l] >> (2 * quarter) & 3;
            uint8_t *g = group_at(w, row, b * 16 + k / 16);
            *q8_at(g, r, k % 16) = (int8_t)((int)(lo | hi << 4) - 32);
            if (k % 16 == 0) put_f32(g + 128 + 4 * r, d * (float)scale[k / 16]);
        }
    }
}

/* Floats to Q8: d = max |w| / 127 as a half, integers by the unrounded scale (GGUF's Q8_0 rule). */
static void quantize_q8_row(ltd_packed *w, int32_t row, const float *x)
{
    int r = row % 8;
    for (int32_t b = 0; b < w->in / 32; b++, x += 32) {
        uint8_t *g = group_at(w, row, b);
        float top = 0;
        for (int k = 0; k < 32; k++) top = fmaxf(top, fabsf(x[k]));
        float d = top / 127.0f, inv = 1.0f / d;
        if (!isfinite(inv)) inv = 0; /* zeros, and values too small for a half */
        for (int k = 0; k < 32; k++) *q8_at(g, r, k) = (int8_t)roundf(x[k] * inv);
        put_u16(g + 256 + 2 * r, ltd_f32_to_f16(d));
    }
}

static void pack_float_row(ltd_packed *w, int32_t row, const float *x)
{
    int r = row % 8;
    for (int32_t k = 0; k < w->in; k++) {
        uint8_t *g = group_at(w, row, k);
        if (w->kind == LTD_PACK_F32) {
            put_f32(g + 4 * r, x[k]);
        } else if (w->kind == LTD_PACK_F16) {
            put_u16(g + 2 * r, ltd_f32_to_f16(x[k]));
        } else {
            uint32_t bits;
            memcpy(&bits, &x[k], 4);
            put_u16(g + 2 * r, (uint16_t)(bits >> 16));
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

static bool pack_row(ltd_packed *w, int32_t row, const uint8_t *src, ltd_dtype dtype, float *wide)
{
    ltd_pack_kind own = LTD_PACK_COUNT;
    bool same = ltd_pack_kind_of(dtype, &own, NULL) == LTD_OK && own == w->kind;
    if (same && w->kind == LTD_PACK_Q4) {
        pack_q4_row(w, row, src, dtype);
    } else if (same && w->kind == LTD_PACK_Q8) {
        pack_q8_row(w, row, src);
    } else if (same && w->kind == LTD_PACK_Q8G16) {
        pack_q6_row(w, row, src);
    } else {
        ltd_dtype_to_f32(wide, src, dtype, w->in, NULL);
        if (w->kind == LTD_PACK_Q8) {
            if (!all_finite(wide, w->in)) return false;
            quantize_q8_row(w, row, wide);
        } else {
            pack_float_row(w, row, wide);
        }
    }
    return true;
}

int ltd_pack_rows(ltd_packed *w, int32_t row0, const ltd_tensor_view *view, const int32_t *order,
                  ltd_err *err)
{
    if (view->n_dims != 2 || view->dims[1] != w->in || row0 < 0 || row0 + view->dims[0] > w->out)
        return ltd_fail(err, LTD_EINVAL, "tensor %s: %lld x %lld does not fit %d x %d at row %d",
                        view->name, (long long)view->dims[0], (long long)view->dims[1], w->out,
                        w->in, row0);
    ltd_pack_kind own = LTD_PACK_COUNT;
    bool same = ltd_pack_kind_of(view->dtype, &own, NULL) == LTD_OK && own == w->kind;
    if (!same && w->kind != LTD_PACK_F32 && w->kind != LTD_PACK_F16 && w->kind != LTD_PACK_Q8)
        return ltd_fail(err, LTD_EUNSUPPORTED, "tensor %s: %s can't be packed as kind %d",
                        view->name, ltd_dtype_name(view->dtype), (int)w->kind);
    float *wide = ltd_mem_zeros((size_t)w->in, sizeof *wide);
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

void ltd_pack_get_row(const ltd_packed *w, int32_t row, float *ret)
{
    int r = row % 8;
    int32_t group = layouts[w->kind].group;
    for (int32_t k = 0; k < w->in; k++) {
        uint8_t *g = group_at(w, row, k / group);
        int j = k % group;
        uint32_t bits;
        float d;
        switch (w->kind) {
        case LTD_PACK_F32: memcpy(&ret[k], g + 4 * r, 4); break;
        case LTD_PACK_F16: ret[k] = ltd_f16_to_f32(read_u16(g + 2 * r)); break;
        case LTD_PACK_BF16:
            bits = (uint32_t)read_u16(g + 2 * r) << 16;
            memcpy(&ret[k], &bits, 4);
            break;
        case LTD_PACK_Q4:
            d = ltd_f16_to_f32(read_u16(g + 128 + 2 * r));
            ret[k] = d * (float)get_q4(g, r, j) + ltd_f16_to_f32(read_u16(g + 144 + 2 * r));
            break;
        case LTD_PACK_Q8:
            ret[k] = ltd_f16_to_f32(read_u16(g + 256 + 2 * r)) * (float)*q8_at(g, r, j);
            break;
        case LTD_PACK_Q8G16:
            memcpy(&d, g + 128 + 4 * r, 4);
            ret[k] = d * (float)*q8_at(g, r, j);
            break;
        case LTD_PACK_COUNT: break;
        }
    }
}
