/* Element types: their names, their blocks, and widening to f32.
 *
 * Every decoder reads its block byte by byte (files give no alignment) and multiplies in the order
 * of the format's definition, scale first, so that results equal the reference bit for bit.  This
 * is the path for loading, small tensors and tests; kernels have their own packed forms. */
#include "models/files/dtype.h"

#include <string.h>

typedef struct dtype_info {
    const char *name;
    int block;
    int bytes;
} dtype_info;

static const dtype_info infos[LTD_DTYPE_COUNT] = {
    [LTD_DTYPE_F32] = {"F32", 1, 4},       [LTD_DTYPE_F16] = {"F16", 1, 2},
    [LTD_DTYPE_BF16] = {"BF16", 1, 2},     [LTD_DTYPE_F64] = {"F64", 1, 8},
    [LTD_DTYPE_I8] = {"I8", 1, 1},         [LTD_DTYPE_I16] = {"I16", 1, 2},
    [LTD_DTYPE_I32] = {"I32", 1, 4},       [LTD_DTYPE_I64] = {"I64", 1, 8},
    [LTD_DTYPE_U8] = {"U8", 1, 1},         [LTD_DTYPE_U16] = {"U16", 1, 2},
    [LTD_DTYPE_U32] = {"U32", 1, 4},       [LTD_DTYPE_U64] = {"U64", 1, 8},
    [LTD_DTYPE_BOOL] = {"BOOL", 1, 1},     [LTD_DTYPE_Q4_0] = {"Q4_0", 32, 18},
    [LTD_DTYPE_Q4_1] = {"Q4_1", 32, 20},   [LTD_DTYPE_Q5_0] = {"Q5_0", 32, 22},
    [LTD_DTYPE_Q5_1] = {"Q5_1", 32, 24},   [LTD_DTYPE_Q8_0] = {"Q8_0", 32, 34},
    [LTD_DTYPE_Q2_K] = {"Q2_K", 256, 84},  [LTD_DTYPE_Q3_K] = {"Q3_K", 256, 110},
    [LTD_DTYPE_Q4_K] = {"Q4_K", 256, 144}, [LTD_DTYPE_Q5_K] = {"Q5_K", 256, 176},
    [LTD_DTYPE_Q6_K] = {"Q6_K", 256, 210},
};

const char *ltd_dtype_name(ltd_dtype dtype)
{
    return (unsigned)dtype < LTD_DTYPE_COUNT ? infos[dtype].name : "unknown";
}

int64_t ltd_dtype_block(ltd_dtype dtype)
{
    return infos[dtype].block;
}

size_t ltd_dtype_block_bytes(ltd_dtype dtype)
{
    return (size_t)infos[dtype].bytes;
}

int64_t ltd_tensor_view_count(const ltd_tensor_view *view)
{
    int64_t n = 1;
    for (int i = 0; i < view->n_dims; i++) n *= view->dims[i];
    return n;
}

float ltd_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 0x3ff;
    uint32_t bits;
    if (exponent == 31)
        bits = sign | 0x7f800000 | mantissa << 13;
    else if (exponent)
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    else if (!mantissa)
        bits = sign;
    else { /* subnormal: mantissa * 2^-24, which f32 holds as a normal number */
        float f = (float)mantissa * 0x1p-24f;
        return sign ? -f : f;
    }
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

uint16_t ltd_f32_to_f16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (bits >> 13 & 0x1ff));
    if (bits >= 0x477ff000) return sign | 0x7c00; /* 65520 and above round to infinity */
    if (bits < 0x33000000) return sign;           /* below 2^-25: rounds to 0 */
    uint32_t exponent = bits >> 23, mantissa = (bits & 0x7fffff) | 0x800000;
    /* Drop 13 bits of a normal half, more of a subnormal one; carries run into the exponent. */
    uint32_t drop = exponent > 112 ? 13 : 126 - exponent;
    uint32_t base = exponent > 112 ? (exponent - 113) << 10 : 0;
    uint32_t kept = mantissa >> drop, rest = mantissa & ((1u << drop) - 1), half = 1u << (drop - 1);
    if (rest > half || (rest == half && (kept & 1))) kept++;
    return (uint16_t)(sign | (base + kept));
}

static uint16_t read_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)read_u16(p) | (uint32_t)read_u16(p + 2) << 16;
}

static float read_half(const uint8_t *p)
{
    return ltd_f16_to_f32(read_u16(p));
}

/* --- blocks of 32: weight i < 16 is a low nibble, weight 16 + i the high one of the same byte ---
 */

static void q4_0(float *w, const uint8_t *b)
{
    float d = read_half(b);
    for (int i = 0; i < 16; i++) {
        w[i] = d * (float)((b[2 + i] & 15) - 8);
        w[i + 16] = d * (float)((b[2 + i] >> 4) - 8);
    }
}

static void q4_1(float *w, const uint8_t *b)
{
    float d = read_half(b), m = read_half(b + 2);
    for (int i = 0; i < 16; i++) {
        w[i] = d * (float)(b[4 + i] & 15) + m;
        w[i + 16] = d * (float)(b[4 + i] >> 4) + m;
    }
}

/* The fifth bits lie in one 32-bit word, bit i for weight i. */
static int fifth(uint32_t high, int i)
{
    return (int)(high >> i & 1) << 4;
}

static void q5_0(float *w, const uint8_t *b)
{
    float d = read_half(b);
    uint32_t high = read_u32(b + 2);
    for (int i = 0; i < 16; i++) {
        w[i] = d * (float)(((b[6 + i] & 15) | fifth(high, i)) - 16);
        w[i + 16] = d * (float)(((b[6 + i] >> 4) | fifth(high, i + 16)) - 16);
    }
}

static void q5_1(float *w, const uint8_t *b)
{
    float d = read_half(b), m = read_half(b + 2);
    uint32_t high = read_u32(b + 4);
    for (int i = 0; i < 16; i++) {
        w[i] = d * (float)((b[8 + i] & 15) | fifth(high, i)) + m;
        w[i + 16] = d * (float)((b[8 + i] >> 4) | fifth(high, i + 16)) + m;
    }
}

static void q8_0(float *w, const uint8_t *b)
{
    float d = read_half(b);
    for (int i = 0; i < 32; i++) w[i] = d * (float)(int8_t)b[2 + i];
}

/* --- super-blocks of 256 --- */

/* 16 runs of 16 weights; each byte of `scales` is a 4-bit scale below a 4-bit minimum. */
static void q2_k(float *w, const uint8_t *b)
{
    const uint8_t *scales = b, *q = b + 16;
    float d = read_half(b + 80), dmin = read_half(b + 82);
    for (int i = 0; i < 256; i++) {
        int half = i / 128, shift = i % 128 / 32 * 2, run = scales[i / 16];
        int v = q[half * 32 + i % 32] >> shift & 3;
        w[i] = d * (float)(run & 15) * (float)v - dmin * (float)(run >> 4);
    }
}

/* 16 runs of 16; 6-bit scales: 8 bytes of low nibbles, then 4 bytes of high pairs.  The third bit
 * of a weight is in `high`, where a clear bit means minus 4. */
static void q3_k(float *w, const uint8_t *b)
{
    const uint8_t *high = b, *q = b + 32, *s = b + 96;
    float d = read_half(b + 108);
    for (int i = 0; i < 256; i++) {
        int run = i / 16, half = i / 128, group = i / 32, shift = group % 4 * 2;
        int low = run < 8 ? s[run] & 15 : s[run - 8] >> 4;
        int scale = (low | (s[8 + run % 4] >> (run / 4 * 2) & 3) << 4) - 32;
        int v = (q[half * 32 + i % 32] >> shift & 3) - (high[i % 32] >> group & 1 ? 0 : 4);
        w[i] = d * (float)scale * (float)v;
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
static void k4_or_k5(float *w, const uint8_t *b, const uint8_t *high, const uint8_t *q)
{
    float d = read_half(b), dmin = read_half(b + 2);
    for (int j = 0; j < 8; j++) {
        int scale, min;
        k4_scale(b + 4, j, &scale, &min);
        float ds = d * (float)scale, m = dmin * (float)min;
        for (int i = 0; i < 32; i++) {
            int v = q[j / 2 * 32 + i] >> (j % 2 * 4) & 15;
            if (high) v |= (high[i] >> j & 1) << 4;
            w[j * 32 + i] = ds * (float)v - m;
        }
    }
}

static void q4_k(float *w, const uint8_t *b)
{
    k4_or_k5(w, b, NULL, b + 16);
}

static void q5_k(float *w, const uint8_t *b)
{
    k4_or_k5(w, b, b + 16, b + 48);
}

/* Two halves of 128 weights: four runs of 32 take low nibbles of bytes 0-31, 32-63, then the high
 * ones; their upper two bits come from successive pairs of the same 32 bytes of `high`. */
static void q6_k(float *w, const uint8_t *b)
{
    const uint8_t *low = b, *high = b + 128, *scales = b + 192;
    float d = read_half(b + 208);
    for (int i = 0; i < 256; i++) {
        int half = i / 128, run = i % 128 / 32, k = i % 32;
        int v = low[half * 64 + run % 2 * 32 + k] >> (run / 2 * 4) & 15;
        v |= (high[half * 32 + k] >> (run * 2) & 3) << 4;
        w[i] = d * (float)(int8_t)scales[i / 16] * (float)(v - 32);
    }
}

static void plain_to_f32(float *ret, const uint8_t *p, ltd_dtype dtype, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (dtype == LTD_DTYPE_F16) {
            ret[i] = read_half(p + 2 * i);
        } else if (dtype == LTD_DTYPE_BF16) {
            uint32_t bits = (uint32_t)read_u16(p + 2 * i) << 16;
            memcpy(ret + i, &bits, sizeof bits);
        } else {
            double d;
            memcpy(&d, p + 8 * i, sizeof d);
            ret[i] = (float)d;
        }
    }
}

typedef void decode_fn(float *w, const uint8_t *block);

static decode_fn *const decoders[LTD_DTYPE_COUNT] = {
    [LTD_DTYPE_Q4_0] = q4_0, [LTD_DTYPE_Q4_1] = q4_1, [LTD_DTYPE_Q5_0] = q5_0,
    [LTD_DTYPE_Q5_1] = q5_1, [LTD_DTYPE_Q8_0] = q8_0, [LTD_DTYPE_Q2_K] = q2_k,
    [LTD_DTYPE_Q3_K] = q3_k, [LTD_DTYPE_Q4_K] = q4_k, [LTD_DTYPE_Q5_K] = q5_k,
    [LTD_DTYPE_Q6_K] = q6_k,
};

int ltd_dtype_to_f32(float *ret, const void *src, ltd_dtype dtype, int64_t n, ltd_err *err)
{
    if ((unsigned)dtype >= LTD_DTYPE_COUNT)
        return ltd_fail(err, LTD_EINVAL, "element type %d is not one of ours", (int)dtype);
    int block = infos[dtype].block, bytes = infos[dtype].bytes;
    if (n < 0 || n % block)
        return ltd_fail(err, LTD_EINVAL, "%lld elements of %s, expected a multiple of %d",
                        (long long)n, infos[dtype].name, block);
    const uint8_t *p = src;
    switch (dtype) {
    case LTD_DTYPE_F32:
        if (n) memcpy(ret, p, (size_t)n * sizeof *ret);
        return LTD_OK;
    case LTD_DTYPE_F16:
    case LTD_DTYPE_BF16:
    case LTD_DTYPE_F64: plain_to_f32(ret, p, dtype, n); return LTD_OK;
    default: break;
    }
    decode_fn *decode = decoders[dtype];
    if (!decode)
        return ltd_fail(err, LTD_EUNSUPPORTED, "elements of type %s are not weights",
                        infos[dtype].name);
    for (int64_t i = 0; i < n / block; i++) decode(ret + i * block, p + i * bytes);
    return LTD_OK;
}
