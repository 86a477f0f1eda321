/* Plain C: the definition.  Straight loops over the packed layout, one output at a time. */
#define OPS(name) plain_##name
#include "models/kernels/ops_impl.h"
#include "models/kernels/tables.h"

static float half_at(const uint8_t *p, int i)
{
    uint16_t h;
    memcpy(&h, p + 2 * i, 2);
    return ltd_f16_to_f32(h);
}

/* One output row of a Q4 tile against one activation row. */
static float dot_q4(const uint8_t *tile, int r, const int16_t *q, const float *scale,
                    const float *sum, int32_t groups)
{
    float y = 0;
    for (int32_t g = 0; g < groups; g++, tile += 160, q += 32) {
        int32_t acc = 0;
        for (int k = 0; k < 32; k++) {
            uint16_t word;
            memcpy(&word, tile + 32 * (k / 8) + 2 * (2 * r + k % 2), 2);
            acc += (int32_t)(word >> (4 * (k % 8 / 2)) & 0xf) * q[k];
        }
        y = fmaf(half_at(tile + 128, r), scale[g] * (float)acc, y);
        y = fmaf(half_at(tile + 144, r), sum[g], y);
    }
    return y;
}

static int32_t dot_i8(const uint8_t *tile, int r, const int16_t *q, int n)
{
    int32_t acc = 0;
    for (int k = 0; k < n; k++) acc += (int32_t)(int8_t)tile[16 * (k / 2) + 2 * r + k % 2] * q[k];
    return acc;
}

static float dot_q8(const uint8_t *tile, int r, const int16_t *q, const float *scale,
                    int32_t groups)
{
    float y = 0;
    for (int32_t g = 0; g < groups; g++, tile += 272, q += 32)
        y = fmaf(half_at(tile + 256, r), scale[g] * (float)dot_i8(tile, r, q, 32), y);
    return y;
}

/* Groups of 16 weights; two of them share the activations' scale. */
static float dot_q8g16(const uint8_t *tile, int r, const int16_t *q, const float *scale,
                       int32_t groups)
{
    float y = 0;
    for (int32_t g = 0; g < 2 * groups; g++, tile += 160, q += 16) {
        float d;
        memcpy(&d, tile + 128 + 4 * r, 4);
        y = fmaf(d, scale[g / 2] * (float)dot_i8(tile, r, q, 16), y);
    }
    return y;
}

static float weight_at(const uint8_t *tile, ltd_pack_kind kind, size_t i)
{
    if (kind == LTD_PACK_F16) return half_at(tile, (int)i);
    uint32_t bits = 0;
    if (kind == LTD_PACK_F32)
        memcpy(&bits, tile + 4 * i, 4);
    else
        memcpy((uint8_t *)&bits + 2, tile + 2 * i, 2);
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

static float dot_float(const uint8_t *tile, ltd_pack_kind kind, int r, const float *x, int32_t n)
{
    float y = 0;
    for (int32_t k = 0; k < n; k++)
        y = fmaf(weight_at(tile, kind, (size_t)k * 8 + (size_t)r), x[k], y);
    return y;
}

static void plain_linear(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                         int32_t tile1, float *y, size_t ldy)
{
    int32_t groups = x->n / 32;
    for (int32_t t = tile0; t < tile1; t++) {
        const uint8_t *tile = w->data + (size_t)t * w->tile_bytes;
        for (int32_t i = 0; i < m; i++) {
            const int16_t *q = x->q + (size_t)i * (size_t)x->n;
            const float *s = x->scale + (size_t)i * (size_t)groups;
            const float *sum = x->sum + (size_t)i * (size_t)groups;
            for (int r = 0; r < 8; r++) {
                float v;
                if (w->kind == LTD_PACK_Q4)
                    v = dot_q4(tile, r, q, s, sum, groups);
                else if (w->kind == LTD_PACK_Q8)
                    v = dot_q8(tile, r, q, s, groups);
                else if (w->kind == LTD_PACK_Q8G16)
                    v = dot_q8g16(tile, r, q, s, groups);
                else
                    v = dot_float(tile, w->kind, r, x->x + (size_t)i * (size_t)x->n, x->n);
                y[(size_t)i * ldy + (size_t)(8 * (t - tile0) + r)] = v;
            }
        }
    }
}

static const ltd_kernels table = {
    .isa = LTD_ISA_PLAIN, .name = "plain", .linear = plain_linear, OPS_TABLE};

const ltd_kernels *ltd_kernels_plain(void)
{
    return &table;
}
