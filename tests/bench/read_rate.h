/* The roof of a step that computes one row: how fast this machine's threads can read as many bytes
 * as the weights have.  Found by reading, in every way that is known to help, again and again; of
 * the fastest way the quarter of the passes that went best counts, by its slowest: the fastest pass
 * of all is at times a slip of a virtual machine's clock (1.0 ms, where others take 2.1). */
#ifndef LTD_TESTS_BENCH_READ_RATE_H
#define LTD_TESTS_BENCH_READ_RATE_H

#include <stddef.h>

#include "base/status.h"
#include "models/kernels/pool.h"

typedef struct read_rate read_rate;

typedef struct read_speed {
    double gb_s, ms;
    char way[64]; /* "avx512, prefetch, huge pages" */
} read_speed;

/* Buffers of `bytes`, one with ordinary and one with huge pages where the system gives them.
 * LTD_ENOMEM.  *ret owned; pool borrowed. */
int read_rate_new(read_rate **ret, ltd_pool *pool, size_t bytes, ltd_err *err);
void read_rate_free(read_rate *r);

/* `passes` over each buffer in each way, added to those before. */
void read_rate_run(read_rate *r, int passes);

/* What counts, of all passes so far; zeros without any. */
read_speed read_rate_best(read_rate *r);

#endif
