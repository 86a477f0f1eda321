/* Sections of a report; each appends nothing when it has nothing to show.  Private to
 * trainer/report. */
#ifndef LTD_TRAINER_REPORT_PARTS_H
#define LTD_TRAINER_REPORT_PARTS_H

#include "base/str.h"
#include "trainer/report/report_run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bars, tables, accepted lengths, phases of a bench. */
void ltd_report_bench(const ltd_bench *b, ltd_str *out);
/* Machine, model, commit of a run: rows of a table. */
void ltd_report_facts(const ltd_report_run *run, ltd_str *out);
/* The last figures of runs, a column a run: [n]. */
void ltd_report_figures(const ltd_report_run *const *run, int n, ltd_str *out);
/* T(V): a line a context; of several runs a line a run, at the middle context. */
void ltd_report_costs(const ltd_report_run *const *run, int n, ltd_str *out);
/* Every key of the configuration. */
void ltd_report_config(const ltd_report_run *run, ltd_str *out);
/* Is the key the same in all of them? */
bool ltd_report_same_key(const ltd_report_run *const *run, int n, const ltd_key *key);
/* The keys that are not the same in all; says so when there are none. */
void ltd_report_config_differences(const ltd_report_run *const *run, int n, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
