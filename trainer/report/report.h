/* Reports as one HTML file that needs nothing else: no scripts, no other files, no network;
 * readable on a phone and on a screen, dark and light.
 *
 *     ltd_report_write(NULL, "runs/a", "runs/a/report.html", &err);      a run
 *     ltd_report_write(bench, "runs/a", "bench.html", &err);             a bench, and the run
 *     ltd_report_compared(runs, 2, &text, &err);                        runs side by side */
#ifndef LTD_TRAINER_REPORT_H
#define LTD_TRAINER_REPORT_H

#include "base/str.h"
#include "trainer/report/report_run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Append the document: verdict, the bench's tables, bars with intervals, accepted lengths and
 * phases; of the run its figures, training curves, histograms, action maps, cost curve and
 * configuration.
 *   b     NULL: the one in the run's folder, if there is one
 *   run   may be NULL: the bench alone */
int ltd_report_html(const ltd_bench *b, const ltd_report_run *run, ltd_str *out, ltd_err *err);
/* The same as a file; run_dir may be NULL, or no run's folder.  Errors of
 * ltd_report_run_load(); LTD_EIO, LTD_ENOMEM. */
int ltd_report_write(const ltd_bench *b, const char *run_dir, const char *path, ltd_err *err);

/* Append a document of `n` runs, from 2 to LTD_REPORT_RUNS: verdicts, figures side by side, curves
 * over each other, cost curves, keys in which the configurations differ. */
int ltd_report_compared(const ltd_report_run *const *run, int n, ltd_str *out, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
