#include <stdlib.h>

#include "base/mem.h"
#include "models/kernels/kernels.h"

/* Rows past the last: a kernel may read, never use, those of a whole tile. */
enum { SPARE_ROWS = 16 };

int ltd_acts_init(ltd_acts *ret, int32_t rows, int32_t width, int32_t bits, ltd_err *err)
{
    size_t m = (size_t)rows + SPARE_ROWS, n = (size_t)width;
    size_t ints = m * n, scales = m * (n / 32) * sizeof(float);
    /* Each array begins on a cache line. */
    size_t part = (ints + 63) / 64 * 64, scale_part = (scales + 63) / 64 * 64;
    uint8_t *p = ltd_mem_aligned(4 * part + 6 * scale_part, 1);
    if (!p)
        return ltd_fail(err, LTD_ENOMEM, "no memory for %d activations of width %d", rows, width);
    *ret = (ltd_acts){.bits = bits, .room = p};
    ret->q = (int16_t *)p;
    ret->lo = (int8_t *)(p + 2 * part);
    ret->hi = (int8_t *)(p + 3 * part);
    p += 4 * part;
    ret->bias_lo = (int32_t *)p;
    ret->bias_hi = (int32_t *)(p + 2 * scale_part);
    ret->scale = (float *)(p + 4 * scale_part);
    ret->sum = (float *)(p + 5 * scale_part);
    return LTD_OK;
}

void ltd_acts_fini(ltd_acts *acts)
{
    free(acts->room);
    *acts = (ltd_acts){0};
}
