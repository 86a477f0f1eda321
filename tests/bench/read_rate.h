/* The roof of a step that computes one row: how fast this machine's threads can read as many bytes
 * as the weights have.  Found by reading, in every way that is known to help, again and again; the
 * fastest pass counts. */
#ifndef LTD_TESTS_BENCH_READ_RATE_H
#define LTD_TESTS_BENCH_READ_RATE_H

#include <stddef.h>

#include "base/status.h"
#include "models/kernels/pool.h"

typedef struct read_rate read_rate;

/* Buffers of `bytes`, one with ordinary and one with huge pages where the system gives them.
 * LTD_ENOMEM.  *ret owned; pool borrowed. */
int read_rate_new(read_rate **ret, ltd_pool *pool, size_t bytes, ltd_err *err);
void read_rate_free(read_rate *r);

/* `passes` over each buffer in each way; remembers the fastest since the beginning. */
void read_rate_run(read_rate *r, int passes);

/* Of the fastest pass: [GB/s], [ms], and its way ("avx512, prefetch, huge pages"). */
double read_rate_gb_s(const read_rate *r);
double read_rate_ms(const read_rate *r);
const char *read_rate_way(const read_rate *r);

#endif
