/* What the programs of tests/bench share: samples and their summary, lists in arguments, the
 * machine's name and what else it did meanwhile.
 *
 *     measure_series s = {0};
 *     measure_add(&s, ms);
 *     measure_put(&json, "step", measure_of(&s));
 *
 * A failure ends the program with its message: these are programs of one job. */
#ifndef LTD_TESTS_BENCH_MEASURE_H
#define LTD_TESTS_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/status.h"

enum { MEASURE_MAX_LIST = 32 };

/* Samples of one thing. */
typedef struct measure_series {
    double *v; /* owned: measure_free() */
    size_t n, cap;
} measure_series;

typedef struct measure_summary {
    double median, min, p25, p75; /* NaN without samples */
    size_t n;
} measure_summary;

typedef struct measure_ints {
    int32_t v[MEASURE_MAX_LIST];
    int32_t n;
} measure_ints;

/* Monotonic [ms]. */
double measure_now(void);
void measure_add(measure_series *s, double v);
measure_summary measure_of(measure_series *s);
void measure_free(measure_series *s);
/* "key": {"median": .., "min": .., "p25": .., "p75": ..} */
void measure_put(ltd_json_writer *w, const char *key, measure_summary s);

/* "1,2,4" or one number, each in [min, max]; a usage error ends the program with exit code 2. */
measure_ints measure_list(const char *option, const char *text, int32_t min, int32_t max);
int32_t measure_int(const char *option, const char *text, int32_t min, int32_t max);

/* "model name" of /proc/cpuinfo, static storage. */
const char *measure_cpu(void);

/* Share of the machine's processors that others used since `since`: 0 to 1. */
typedef struct measure_load {
    double busy, all, own; /* [s] summed over processors */
} measure_load;
measure_load measure_load_now(void);
double measure_others(measure_load since);

/* Write a document, or end with the reason; "-" is standard output. */
void measure_save(const char *path, ltd_str *text);
LTD_PRINTF(1, 2) _Noreturn void measure_usage(const char *fmt, ...);
_Noreturn void measure_fail(const ltd_err *err);

#endif
