/* GGUF's block formats, read byte by byte: files give no alignment.  Source: the layouts as ggml
 * documents them; checked against its reference decoder in tests/golden/gguf. */
#include "models/files/blocks.h"

#include <stddef.h>

static float read_half(const uint8_t *p)
{
    return ltd_f16_to_f32((uint16_t)(p[0] | p[1] << 8));
}

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* --- blocks of 32: weight i < 16 is a low nibble, weight 16 + i the high one of the same byte ---
 */

static void nibbles(ltd_block *b, const uint8_t *q, int bias)
{
    for (int i = 0; i < 16; i++) {
        b->q[i] = (int8_t)((q[i] & 15) - bias);
        b->q[i + 16] = (int8_t)((q[i] >> 4) - bias);
    }
}

/* The fifth bits lie in one 32-bit word, bit i for weight i. */
static void add_fifth(ltd_block *b, uint32_t high)
{
    for (int i = 0; i < 32; i++) b->q[i] = (int8_t)(b->q[i] + (int)((high >> i & 1) << 4));
}

static void q4_0(ltd_block *b, const uint8_t *p)
{
    b->d[0] = read_half(p);
    nibbles(b, p + 2, 8);
}

static void q4_1(ltd_block *b, const uint8_t *p)
{
    b->d[0] = read_half(p);
    b->m[0] = read_half(p + 2);
    nibbles(b, p + 4, 0);
}

static void q5_0(ltd_block *b, const uint8_t *p)
{
    b->d[0] = read_half(p);
    nibbles(b, p + 6, 16);
    add_fifth(b, read_u32(p + 2));
}

static void q5_1(ltd_block *b, const uint8_t *p)
{
    b->d[0] = read_half(p);
    b->m[0] = read_half(p + 2);
    nibbles(b, p + 8, 0);
    add_fifth(b, read_u32(p + 4));
}

static void q8_0(ltd_block *b, const uint8_t *p)
{
    b->d[0] = read_half(p);
    for (int i = 0; i < 32; i++) b->q[i] = (int8_t)p[2 + i];
}

/* --- super-blocks of 256 --- */

/* 16 runs of 16 weights; each byte of `scales` is a 4-bit scale below a 4-bit minimum. */
static void q2_k(ltd_block *b, const uint8_t *p)
{
    const uint8_t *scales = p, *q = p + 16;
    float d = read_half(p + 80), dmin = read_half(p + 82);
    for (int r = 0; r < 16; r++) {
        b->d[r] = d * (float)(scales[r] & 15);
        b->m[r] = -(dmin * (float)(scales[r] >> 4));
    }
    for (int i = 0; i < 256; i++)
        b->q[i] = (int8_t)(q[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3);
}

/* 16 runs of 16; 6-bit scales: 8 bytes of low nibbles, then 4 bytes of high pairs.  The third bit
 * of a weight is in `high`, where a clear bit means minus 4. */
static void q3_k(ltd_block *b, const uint8_t *p)
{
    const uint8_t *high = p, *q = p + 32, *s = p + 96;
    float d = read_half(p + 108);
    for (int r = 0; r < 16; r++) {
        int low = r < 8 ? s[r] & 15 : s[r - 8] >> 4;
        b->d[r] = d * (float)((low | (s[8 + r % 4] >> (r / 4 * 2) & 3) << 4) - 32);
    }
    for (int i = 0; i < 256; i++) {
        int group = i / 32, v = q[i / 128 * 32 + i % 32] >> (group % 4 * 2) & 3;
        b->q[i] = (int8_t)(v - (high[i % 32] >> group & 1 ? 0 : 4));
    }
}

/* 6-bit scale and minimum of sub-block j < 8: the first four lie in bytes 0-3 and 4-7, the others
 * are pieced together from the nibbles of bytes 8-11 and the top bits of the first eight. */
static void k4_scale(const uint8_t *s, int j, int *scale, int *min)
{
    *scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | s[j - 4] >> 6 << 4;
    *min = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | s[j] >> 6 << 4;
}

/* Q4_K (high = NULL) and Q5_K: 8 sub-blocks of 32; an even one takes the low nibbles of 32 bytes,
 * the odd one after it the high nibbles; bit j of high[i] is the fifth bit. */
static void k4_or_k5(ltd_block *b, const uint8_t *p, const uint8_t *high, const uint8_t *q)
{
    float d = read_half(p), dmin = read_half(p + 2);
    for (int j = 0; j < 8; j++) {
        int scale, min;
        k4_scale(p + 4, j, &scale, &min);
        b->d[j] = d * (float)scale;
        b->m[j] = -(dmin * (float)min);
        for (int i = 0; i < 32; i++) {
            int v = q[j / 2 * 32 + i] >> (j % 2 * 4) & 15;
            if (high) v |= (high[i] >> j & 1) << 4;
            b->q[j * 32 + i] = (int8_t)v;
        }
    }
}

static void q4_k(ltd_block *b, const uint8_t *p)
{
    k4_or_k5(b, p, NULL, p + 16);
}

static void q5_k(ltd_block *b, const uint8_t *p)
{
    k4_or_k5(b, p, p + 16, p + 48);
}

/* Two halves of 128 weights: four runs of 32 take low nibbles of bytes 0-31, 32-63, then the high
 * ones; their upper two bits come from successive pairs of the same 32 bytes of `high`. */
static void q6_k(ltd_block *b, const uint8_t *p)
{
    const uint8_t *low = p, *high = p + 128, *scales = p + 192;
    float d = read_half(p + 208);
    for (int r = 0; r < 16; r++) b->d[r] = d * (float)(int8_t)scales[r];
    for (int i = 0; i < 256; i++) {
        int half = i / 128, run = i % 128 / 32, k = i % 32;
        int v = low[half * 64 + run % 2 * 32 + k] >> (run / 2 * 4) & 15;
        v |= (high[half * 32 + k] >> (run * 2) & 3) << 4;
        b->q[i] = (int8_t)(v - 32);
    }
}

typedef struct block_form {
    void (*read)(ltd_block *b, const uint8_t *p);
    int16_t run;
    bool offset;
} block_form;

static const block_form forms[LTD_DTYPE_COUNT] = {
    [LTD_DTYPE_Q4_0] = {q4_0, 32, false}, [LTD_DTYPE_Q4_1] = {q4_1, 32, true},
    [LTD_DTYPE_Q5_0] = {q5_0, 32, false}, [LTD_DTYPE_Q5_1] = {q5_1, 32, true},
    [LTD_DTYPE_Q8_0] = {q8_0, 32, false}, [LTD_DTYPE_Q2_K] = {q2_k, 16, true},
    [LTD_DTYPE_Q3_K] = {q3_k, 16, false}, [LTD_DTYPE_Q4_K] = {q4_k, 32, true},
    [LTD_DTYPE_Q5_K] = {q5_k, 32, true},  [LTD_DTYPE_Q6_K] = {q6_k, 16, false},
};

bool ltd_block_read(ltd_block *ret, ltd_dtype dtype, const uint8_t *bytes)
{
    const block_form *f = &forms[dtype];
    if (!f->read) return false;
    ret->n = (int)ltd_dtype_block(dtype);
    ret->run = f->run;
    ret->offset = f->offset;
    f->read(ret, bytes);
    return true;
}
