/* A made-up comparison of two tasks, for tests of its table, JSON and report. */
#ifndef LTD_TESTS_SUPPORT_BENCH_SAMPLE_H
#define LTD_TESTS_SUPPORT_BENCH_SAMPLE_H

#include "trainer/bench/bench.h"

enum { SAMPLE_PROMPTS = 6, SAMPLE_ROWS = 3 };

/* ar makes 100 tok/s, static-tuned 125, ltd `speed`; prompts differ in length. */
void bench_sample(ltd_bench *ret, double speed);

#endif
