/* bench_step's measurements and how they are shown.  bench_step.c fills, step_report.c prints,
 * step_serve.c measures one thing at a time for a program that asks. */
#ifndef LTD_TESTS_BENCH_STEP_H
#define LTD_TESTS_BENCH_STEP_H

#include "tests/bench/measure.h"
#include "tests/bench/phases.h"
#include "tests/bench/read_rate.h"
#include "tests/bench/rig.h"

enum {
    STEP_MAX_POINTS = MEASURE_MAX_LIST * 8,
    STEP_STEADY = 3,    /* steps of a run that count as steady */
    STEP_SETTLE_MS = 25 /* of equal steps before them: caches and clocks follow slowly */
};

/* A run of equal steps: the first comes after something else, the second is warm, the last ones are
 * steady, as in a decode loop. */
typedef struct step_point {
    int32_t rows, context;
    measure_series first, warm, steady;
} step_point;

/* Where the time of a steady step goes. */
typedef struct step_shares {
    int32_t rows, context;
    measure_series total, ms[PHASE_COUNT];
} step_shares;

typedef struct step_draft {
    int32_t pairs, context; /* pairs 0: an expansion of RIG_TOP_K rows */
    measure_series ms;
} step_draft;

/* One row against the memory. */
typedef struct step_roof {
    size_t bytes;                /* of weights that a step of one row reads */
    read_speed reading;          /* of as many bytes */
    measure_series linear, step; /* steady steps of one row [ms]: layers + head, and all */
} step_roof;

typedef struct step_results {
    const rig *rig;
    int32_t rounds, decode_tokens, prompt_tokens;
    step_point points[STEP_MAX_POINTS];
    step_shares shares[STEP_MAX_POINTS];
    step_draft drafts[STEP_MAX_POINTS];
    int32_t n_points, n_shares, n_drafts;
    measure_series decode, prompt; /* [ms] of all tokens */
    step_roof roof;
    double others; /* share of the processors that others had */
} step_results;

/* Add a run of equal steps to the point. */
int step_run(rig *r, step_point *p, ltd_err *err);
/* Steady steps under watch: their phases, each added to the shares. */
int step_watch(rig *r, step_shares *p, ltd_err *err);
/* Bytes of weights that a step of one row reads. */
int step_bytes(rig *r, size_t *ret, ltd_err *err);

/* Read, then run steady steps of one row behind `context` tokens, `rounds` times; fills *roof,
 * whose bytes are known.  LTD_ENOMEM. */
int step_roof_run(rig *r, int32_t context, int32_t rounds, step_roof *roof, ltd_err *err);
/* Fastest reading over the median of the steps. */
double step_roof_linear_share(step_roof *roof);
double step_roof_step_share(step_roof *roof);
void step_roof_free(step_roof *roof);

void step_print(step_results *s);
void step_write(step_results *s, const char *path);
void step_put_roof(ltd_json_writer *w, step_roof *roof);
/* "machine": {..}, "model": {..}: whose figures these are. */
void step_put_origin(ltd_json_writer *w, const rig *r);

/* Answer requests, a line each, until standard input ends:
 *     text ID ID ...           the tokens of the text from now on
 *     step ROWS CONTEXT N      {"ms": [..]}: N equal steps in a row
 *     decode N CONTEXT         {"ms": .., "ids": [..]}: greedy, all N together
 *     prompt N                 {"ms": ..}
 *     roof CONTEXT N           {"roof": {..}}
 *     info                     whose figures these are
 * A request that can't be is answered with {"error": ".."}.  Between requests no thread runs. */
int step_serve(rig *r);

#endif
