/* The report of a distilled head as one HTML file: what it is worth by task and by depth, and the
 * curves of its training.
 *
 *     ltd_distill_report_write(&report, &facts, "runs/a", "runs/a/report.html", &err); */
#ifndef LTD_TRAINER_DISTILL_DISTILL_REPORT_H
#define LTD_TRAINER_DISTILL_DISTILL_REPORT_H

#include "base/status.h"
#include "trainer/distill/head_report.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Lines of the heading, such as "data: 3000123 answer tokens". */
typedef struct ltd_distill_facts {
    const char *const *line;
    size_t n;
} ltd_distill_facts;

/* `dir` is the run's, with its metrics.csv.  LTD_EIO, LTD_ENOMEM. */
int ltd_distill_report_write(const ltd_head_report *r, const ltd_distill_facts *facts,
                             const char *dir, const char *path, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
