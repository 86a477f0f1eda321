/* Pictures of a report as SVG text; colours are CSS variables of the document, so that they follow
 * the reader's light or dark theme.  Private to trainer/report*.c. */
#ifndef LTD_TRAINER_REPORT_SVG_H
#define LTD_TRAINER_REPORT_SVG_H

#include <stddef.h>

#include "base/str.h"
#include "trainer/bench/bench.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_REPORT_SERIES = 4, LTD_REPORT_COLORS = 8 };

/* The document before and after its contents: style, heading. */
void ltd_report_begin(const char *title, ltd_str *out);
void ltd_report_end(ltd_str *out);

/* Append text with &, <, > and quotes as entities. */
void ltd_report_escape(const char *text, ltd_str *out);
/* "var(--c3)": the colour of row i of a bench. */
void ltd_report_color(int i, char ret[16]);
/* A step of 1, 2 or 5 times a power of ten, so that `span` holds about `ticks` of them. */
double ltd_report_step(double span, int ticks);

/* Speed-up over ar of every row, a group a task, with intervals. */
void ltd_report_bars(const ltd_bench *b, ltd_str *out);
/* Share of cycles by accept_len, a panel a row, over all tasks. */
void ltd_report_accepted(const ltd_bench_task *all, ltd_str *out);
/* Where the time of each row goes, over all tasks. */
void ltd_report_phases(const ltd_bench_task *all, ltd_str *out);

/* One line of a chart; points with NaN are passed over. */
typedef struct ltd_report_line {
    const char *name;
    const double *y; /* [n] */
} ltd_report_line;
/* Lines over x[n], ascending. */
void ltd_report_lines(const char *title, const char *unit, const double *x, size_t n,
                      const ltd_report_line *line, int n_lines, ltd_str *out);

/* The training curves of dir/metrics.csv; nothing when there is none.  LTD_ENOMEM. */
int ltd_report_curves(const char *dir, ltd_str *out, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
