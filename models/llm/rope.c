#include "models/llm/rope.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

int ltd_rope_init(ltd_rope *ret, int32_t positions, int32_t head_dim, double theta,
                  const float *div, ltd_err *err)
{
    *ret = (ltd_rope){.positions = positions, .half = head_dim / 2};
    size_t n = (size_t)positions * (size_t)ret->half;
    ret->cos = ltd_mem_aligned(n, sizeof(float));
    ret->sin = ltd_mem_aligned(n, sizeof(float));
    if (!ret->cos || !ret->sin) {
        ltd_rope_fini(ret);
        return ltd_fail(err, LTD_ENOMEM, "rotary table of %d positions: no memory", positions);
    }
    for (int32_t i = 0; i < ret->half; i++) {
        /* References compute the frequency in float: rounding it here keeps angles equal to theirs.
         */
        float freq = (float)pow(theta, -2.0 * i / head_dim);
        if (div) freq /= div[i];
        for (int32_t p = 0; p < positions; p++) {
            size_t at = (size_t)p * (size_t)ret->half + (size_t)i;
            float angle = (float)p * freq;
            ret->cos[at] = (float)cos((double)angle);
            ret->sin[at] = (float)sin((double)angle);
        }
    }
    return LTD_OK;
}

void ltd_rope_fini(ltd_rope *rope)
{
    free(rope->cos);
    free(rope->sin);
    *rope = (ltd_rope){0};
}
