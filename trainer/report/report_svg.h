/* Pictures of a report as HTML and SVG text; colours are CSS variables of the document, so that
 * they follow the reader's light or dark theme.  Private to trainer/. */
#ifndef LTD_TRAINER_REPORT_SVG_H
#define LTD_TRAINER_REPORT_SVG_H

#include <stddef.h>

#include "base/str.h"
#include "trainer/bench/bench.h"
#include "trainer/report/report_csv.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_REPORT_SERIES = 6, LTD_REPORT_COLORS = 8, LTD_REPORT_POINTS = 400 };

/* The document before and after its contents: style, heading. */
void ltd_report_begin(const char *title, ltd_str *out);
void ltd_report_end(ltd_str *out);

/* Append text with &, <, > and quotes as entities. */
void ltd_report_escape(const char *text, ltd_str *out);
/* "var(--c3)": the colour of row i of a bench, of run i - 1 of a comparison. */
void ltd_report_color(int i, char ret[16]);
/* An entry of a legend. */
void ltd_report_key(const char *color, const char *name, ltd_str *out);
/* A step of 1, 2 or 5 times a power of ten, so that `span` holds about `ticks` of them. */
double ltd_report_step(double span, int ticks);
/* How many ticks stand from `from` to `hi`: counted, since a step may be too small to move a
 * double. At most 16. */
int ltd_report_ticks(double from, double hi, double step);
/* "0.25", "3000", "12k", "1.5M"; what is nothing against the step between ticks is 0. */
const char *ltd_report_tick(double v, double step, char ret[16]);

/* Speed-up over ar of every row, a panel a task, with intervals. */
void ltd_report_bars(const ltd_bench *b, ltd_str *out);
/* Share of cycles by accept_len, a panel a row, over all tasks. */
void ltd_report_accepted(const ltd_bench_task *all, ltd_str *out);
/* Where the time of each row goes, over all tasks. */
void ltd_report_phases(const ltd_bench_task *all, ltd_str *out);

/* One line of a chart; points with NaN are passed over. */
typedef struct ltd_report_line {
    const char *name;
    const double *x, *y; /* [n] x ascending */
    size_t n;
} ltd_report_line;
/* Indices of the points to draw: all, or the lowest and the highest of each stretch.
 * ret[LTD_REPORT_POINTS]; their number. */
size_t ltd_report_thin(const ltd_report_line *line, size_t *ret);
/* A chart of up to LTD_REPORT_SERIES lines; nothing when no line has a point.  A line of no points
 * keeps its colour to itself and is not named. */
void ltd_report_lines(const char *title, const char *unit, const ltd_report_line *line, int n_lines,
                      ltd_str *out);

/* The charts of a run's metrics, under headings; nothing of keys it doesn't have. */
void ltd_report_curves(const ltd_report_csv *metrics, ltd_str *out);
/* The same, a line a run instead of a line a key: [n] each. */
void ltd_report_curves_of(const ltd_report_csv *const *metrics, const ltd_report_csv *const *plan,
                          const char *const *name, int n, ltd_str *out);

/* A histogram as bars, count[n] by value from 0; nothing without any. */
void ltd_report_histogram(const char *title, const double *count, int n, const char *color,
                          ltd_str *out);
/* Column `key` of histograms.csv over time: a column of cells a stretch of steps, a row a value,
 * the darker the more often.  Nothing unless two steps have some. */
void ltd_report_strip(const char *title, const ltd_report_csv *t, const char *key, ltd_str *out);
/* Its last step: ret[n] by value. */
void ltd_report_last_histogram(const ltd_report_csv *t, const char *key, double *ret, int n);
/* actions.csv as two maps; nothing when it is empty. */
void ltd_report_actions(const ltd_report_csv *t, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
