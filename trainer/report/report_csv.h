/* A CSV file of numbers, as runs leave them: columns by name.
 *
 *     ltd_report_csv t;
 *     if (ltd_report_csv_load(&t, dir, "metrics.csv", &err) < 0) ...
 *     const double *reward = ltd_report_csv_column(&t, "rollout/ep_rew_mean");
 *     ltd_report_csv_fini(&t); */
#ifndef LTD_TRAINER_REPORT_CSV_H
#define LTD_TRAINER_REPORT_CSV_H

#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_REPORT_MAX_COLUMNS = 512 };

typedef struct ltd_report_csv {
    char *names; /* the header, cut at its commas */
    const char *name[LTD_REPORT_MAX_COLUMNS];
    int columns;
    size_t rows;
    double *v; /* [columns, rows]; NaN: an empty cell, or no number */
} ltd_report_csv;

/* dir/file; one that isn't there, and one without a whole line, has no rows.  A line without its
 * end is what a killed run left and is passed over.  LTD_EIO, LTD_EINVAL, LTD_ENOMEM; *ret is then
 * empty. */
int ltd_report_csv_load(ltd_report_csv *ret, const char *dir, const char *file, ltd_err *err);
void ltd_report_csv_fini(ltd_report_csv *t);
/* [rows] borrowed; NULL: no such column, or no rows. */
const double *ltd_report_csv_column(const ltd_report_csv *t, const char *name);
/* The last number of a column, its largest; NaN: none. */
double ltd_report_csv_last(const ltd_report_csv *t, const char *name);
double ltd_report_csv_most(const ltd_report_csv *t, const char *name);

#ifdef __cplusplus
}
#endif
#endif
