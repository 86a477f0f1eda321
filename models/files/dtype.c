/* Element types: their names, their sizes, halves, and widening to f32.  This is the path for
 * small tensors and tests; kernels have their own packed forms. */
#include "models/files/dtype.h"

#include <string.h>

#include "models/files/blocks.h"

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

static void plain_to_f32(float *ret, const uint8_t *p, ltd_dtype dtype, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (dtype == LTD_DTYPE_F16) {
            ret[i] = ltd_f16_to_f32(read_u16(p + 2 * i));
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

static void widen_block(float *ret, const ltd_block *b)
{
    for (int i = 0; i < b->n; i++) {
        float w = b->d[i / b->run] * (float)b->q[i];
        ret[i] = b->offset ? w + b->m[i / b->run] : w;
    }
}

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
    ltd_block b;
    if (n && !ltd_block_read(&b, dtype, p))
        return ltd_fail(err, LTD_EUNSUPPORTED, "elements of type %s are not weights",
                        infos[dtype].name);
    for (int64_t i = 0; i < n / block; i++) {
        ltd_block_read(&b, dtype, p + i * bytes);
        widen_block(ret + i * block, &b);
    }
    return LTD_OK;
}
