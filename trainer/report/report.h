/* A report of a bench, and of the run behind it, as one HTML file that needs nothing else: no
 * scripts, no other files; pictures are inline SVG.
 *
 *     ltd_report_write(bench, "runs/quickstart", "report.html", &err); */
#ifndef LTD_TRAINER_REPORT_H
#define LTD_TRAINER_REPORT_H

#include "base/str.h"
#include "trainer/bench/bench.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Append the document: tables, speed-up bars with intervals, accept_len histogram, phase split;
 * with run_dir (may be NULL) the training curves of its metrics.csv, if there is one.
 *   b   may be NULL: the curves alone */
int ltd_report_html(const ltd_bench *b, const char *run_dir, ltd_str *out, ltd_err *err);
/* The same as a file.  LTD_EIO, LTD_ENOMEM. */
int ltd_report_write(const ltd_bench *b, const char *run_dir, const char *path, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
