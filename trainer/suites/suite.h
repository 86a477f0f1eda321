/* Suites: rows that belong together, played by the bench at several temperatures, and shown as a
 * paper shows them with its figures beside.  What a suite consists of is told by its own files
 * (suite_paper.h); this is what they share.
 *
 *     ltd_suite_options o = {.bench = {.presets = rows, .n_presets = n}, .n = 2,
 *                            .temperature = {0, 1}, .published = &figures, .model = "vicuna-13b"};
 *     ltd_suite *suite;
 *     ltd_suite_run(&s, &ltd_suite_paper, &o, &suite, &err);
 *     ltd_suite_table(suite, color, &text);
 *     ltd_suite_json(suite, &json);
 *     ltd_suite_free(suite);
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_SUITE_H
#define LTD_TRAINER_SUITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "trainer/bench/bench.h"
#include "trainer/suites/published.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_SUITE_TEMPERATURES = 8 };

/* A suite's place in what was published. */
typedef struct ltd_suite_kind {
    const char *name;
    const char *source;                     /* of the figures: paper, machine */
    int32_t (*table)(double temperature);   /* 0: none */
    const char *(*method)(const char *row); /* name of a row there; NULL: it has no such row */
} ltd_suite_kind;

typedef struct ltd_suite_options {
    ltd_bench_options bench; /* with the rows as presets; `heard` is used here */
    int32_t n;               /* temperatures, 1 to LTD_SUITE_TEMPERATURES */
    double temperature[LTD_SUITE_TEMPERATURES];
    const char *answers;            /* folder for answer files (answer_file.h); NULL: none */
    const ltd_published *published; /* borrowed as long as the result; NULL: none */
    const char *model;              /* whose figures of it, borrowed */
} ltd_suite_options;

typedef struct ltd_suite {
    const ltd_suite_kind *kind;
    int32_t n;
    ltd_bench *bench[LTD_SUITE_TEMPERATURES]; /* [n] owned */
    const ltd_published *published;
    const char *model;
} ltd_suite;

/* Mean of the tasks, as the paper's last column. */
typedef struct ltd_suite_mean {
    double speedup;                 /* of ratios of sums */
    double speedup_mean_of_prompts; /* as the paper counts */
    double tau;                     /* accepted length */
} ltd_suite_mean;

/* Play the rows at each temperature; the rest is the configuration's.  Errors as of
 * ltd_bench_run() and ltd_answer_log_write().  *ret owned. */
int ltd_suite_run(const ltd_setup *s, const ltd_suite_kind *kind, const ltd_suite_options *options,
                  ltd_suite **ret, ltd_err *err);
void ltd_suite_free(ltd_suite *suite);

/* Of a row of all tasks by its number; NaN where a task has none. */
ltd_suite_mean ltd_suite_mean_of(const ltd_bench *b, int32_t row);
/* A published figure of a row; NaN and NaN when there is none. */
ltd_published_cell ltd_suite_published(const ltd_suite *suite, double temperature, const char *row,
                                       const char *task);
/* Is every answer that was compared the one of plain decoding? */
bool ltd_suite_identical(const ltd_suite *suite);

/* Append the tables for people; `color` for terminals. */
void ltd_suite_table(const ltd_suite *suite, bool color, ltd_str *out);
/* Append the JSON object of docs/formats.md. */
void ltd_suite_json(const ltd_suite *suite, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
