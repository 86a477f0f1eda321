/* Plain C: the definition.  Straight loops over the packed layout, one output at a time. */
#define OPS(name) plain_##name
#include "models/kernels/ops_impl.h"
#include "models/kernels/tables.h"

typedef struct plain_tile {
    ltd_pack_kind kind;
    const uint8_t *scales, *weights;
} plain_tile;

static float half_at(const uint8_t *p, int i)
{
    uint16_t h;
    memcpy(&h, p + 2 * i, 2);
    return ltd_f16_to_f32(h);
}

static float float_at(const uint8_t *p, int i)
{
    float f;
    memcpy(&f, p + 4 * i, 4);
    return f;
}

/* d (i = 0) or m (i = 1) of row r. */
static float scale_at(const plain_tile *t, int32_t g, int i, int r)
{
    int at = LTD_TILE * i + r;
    switch (t->kind) {
    case LTD_PACK_Q4: return half_at(t->scales + 64 * g, at);
    case LTD_PACK_Q8: return half_at(t->scales + 32 * g, at);
    case LTD_PACK_Q8G16: return float_at(t->scales + 64 * g, at);
    default: return float_at(t->scales + 128 * g, at);
    }
}

static int32_t weight_int(const plain_tile *t, int32_t k, int r)
{
    if (t->kind == LTD_PACK_Q4 || t->kind == LTD_PACK_Q4K) {
        uint8_t two = t->weights[256 * (k / 32) + 64 * (k % 16 / 4) + 4 * r + k % 4];
        return k % 32 < 16 ? two & 15 : two >> 4;
    }
    return (int8_t)t->weights[64 * (k / 4) + 4 * r + k % 4];
}

static int32_t act_int(const ltd_acts *a, size_t at)
{
    return a->bits == 8 ? a->lo[at] : 256 * a->hi[at] + a->lo[at];
}

static float dot_ints(const plain_tile *t, int r, const ltd_acts *x, size_t row)
{
    int32_t group = t->kind == LTD_PACK_Q8G16 ? 16 : 32;
    bool offset = t->kind != LTD_PACK_Q8 && t->kind != LTD_PACK_Q8G16;
    size_t at = row * (size_t)x->n;
    float y = 0;
    for (int32_t g = 0; g < x->n / group; g++) {
        int32_t acc = 0;
        for (int32_t k = group * g; k < group * (g + 1); k++)
            acc += weight_int(t, k, r) * act_int(x, at + (size_t)k);
        size_t s = (at + (size_t)(group * g)) / 32;
        y = fmaf(scale_at(t, g, 0, r), x->scale[s] * (float)acc, y);
        if (offset) y = fmaf(scale_at(t, g, 1, r), x->sum[s], y);
    }
    return y;
}

static float weight_float(const plain_tile *t, int32_t k, int r)
{
    int i = LTD_TILE * k + r;
    if (t->kind == LTD_PACK_F32) return float_at(t->weights, i);
    if (t->kind == LTD_PACK_F16) return half_at(t->weights, i);
    uint32_t bits = 0;
    memcpy((uint8_t *)&bits + 2, t->weights + 2 * i, 2);
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

static float dot_floats(const plain_tile *t, int r, const float *x, int32_t n)
{
    float y = 0;
    for (int32_t k = 0; k < n; k++) y = fmaf(weight_float(t, k, r), x[k], y);
    return y;
}

static void plain_linear(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                         int32_t tile1, float *y, size_t ldy)
{
    for (int32_t t = tile0; t < tile1; t++) {
        const uint8_t *data = w->data + (size_t)t * w->tile_bytes;
        plain_tile tile = {w->kind, data, data + w->scale_bytes};
        int32_t rows = w->width - LTD_TILE * t < LTD_TILE ? w->width - LTD_TILE * t : LTD_TILE;
        for (int32_t i = 0; i < m; i++)
            for (int r = 0; r < rows; r++)
                y[(size_t)i * ldy + (size_t)(LTD_TILE * (t - tile0) + r)] =
                    ltd_pack_is_quantized(w->kind)
                        ? dot_ints(&tile, r, x, (size_t)i)
                        : dot_floats(&tile, r, x->x + (size_t)i * (size_t)x->n, x->n);
    }
}

static const ltd_kernels table = {
    .isa = LTD_ISA_PLAIN, .name = "plain", .linear = plain_linear, OPS_TABLE};

const ltd_kernels *ltd_kernels_plain(void)
{
    return &table;
}
