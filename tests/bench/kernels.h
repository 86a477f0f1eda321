/* bench_kernels' parts: one kernel at a time, on one thread.  bench_kernels.c reads the options and
 * shows the results, kernels_linear.c and kernels_rows.c make them. */
#ifndef LTD_TESTS_BENCH_KERNELS_H
#define LTD_TESTS_BENCH_KERNELS_H

#include <stdbool.h>

#include "models/kernels/kernels.h"
#include "tests/bench/measure.h"

enum { KERNELS_MAX_RESULTS = 1 << 14 };

typedef struct kernel_options {
    const char *isas, *kinds; /* comma lists of names, NULL: all */
    measure_ints rows, contexts;
    int32_t stream_mb; /* weights that go by before one is read again */
    double budget_ms;  /* of a measurement */
} kernel_options;

/* One measured thing. */
typedef struct kernel_result {
    const char *group; /* "linear", "attention", "row" */
    char name[64];     /* what was computed: weights, shape */
    const char *isa;
    const char *where;           /* "cache", "stream" */
    int32_t bits, rows, context; /* 0: does not apply */
    double us;                   /* a call, median */
    double us_min;
    double gmac_s; /* multiplications and additions; 0: not counted */
    double gb_s;   /* of weights or K/V; 0: not counted */
} kernel_result;

typedef struct kernel_results {
    kernel_result v[KERNELS_MAX_RESULTS];
    int32_t n;
    void (*tell)(const kernel_result *r); /* each as it comes */
} kernel_results;

/* "a,b" holds the name, or there is no list. */
bool kernel_named(const char *list, const char *name);
/* Instruction sets of this machine that were asked for; NULL past the last. */
const ltd_kernels *kernel_isa(const kernel_options *o, int i);

/* Time calls of fn(ctx): batches of about a tenth of the budget; fills us, us_min. */
void kernel_time(const kernel_options *o, void (*fn)(void *ctx), void *ctx, kernel_result *ret);
/* Keep a result whose us is known. */
void kernel_keep(kernel_results *s, const kernel_result *r, double macs, double bytes);

void kernel_linear(const kernel_options *o, kernel_results *s);
void kernel_attention(const kernel_options *o, kernel_results *s);
void kernel_rows(const kernel_options *o, kernel_results *s);

#endif
