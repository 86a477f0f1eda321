#include "models/kernels/quantize_weights.h"

#include <math.h>
#include <string.h>

#include "models/files/dtype.h"

enum { BLOCK = 32 };

static void put_half(uint8_t *p, float f)
{
    uint16_t h = ltd_f32_to_f16(f);
    p[0] = (uint8_t)h;
    p[1] = (uint8_t)(h >> 8);
}

void ltd_quantize_q8_0(const float *x, int32_t n, uint8_t *ret)
{
    for (int32_t b = 0; b < n / BLOCK; b++, x += BLOCK, ret += 2 + BLOCK) {
        float top = 0;
        for (int k = 0; k < BLOCK; k++) top = fmaxf(top, fabsf(x[k]));
        float d = top / 127.0f, inv = 1.0f / d;
        if (!isfinite(inv)) inv = 0; /* zeros, and values too small for a half */
        put_half(ret, d);
        for (int k = 0; k < BLOCK; k++) ret[2 + k] = (uint8_t)(int8_t)roundf(x[k] * inv);
    }
}

/* The integer by the unrounded scale and minimum; half steps go up. */
static uint8_t level(float x, float min, float inv)
{
    int q = (int)((x - min) * inv + 0.5f);
    return (uint8_t)(q < 15 ? q : 15);
}

void ltd_quantize_q4_1(const float *x, int32_t n, uint8_t *ret)
{
    for (int32_t b = 0; b < n / BLOCK; b++, x += BLOCK, ret += 20) {
        float min = x[0], max = x[0];
        for (int k = 1; k < BLOCK; k++) {
            if (x[k] < min) min = x[k];
            if (x[k] > max) max = x[k];
        }
        float d = (max - min) / 15.0f, inv = 1.0f / d;
        if (!isfinite(inv)) inv = 0; /* all equal, or apart by less than a half can say */
        put_half(ret, d);
        put_half(ret + 2, min);
        for (int k = 0; k < 16; k++)
            ret[4 + k] = (uint8_t)(level(x[k], min, inv) | level(x[k + 16], min, inv) << 4);
    }
}
