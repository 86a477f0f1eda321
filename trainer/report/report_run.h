/* What is in the folder of a run, for those who look at it: metrics, maps, cost table, bench.
 *
 *     ltd_report_run run;
 *     if (ltd_report_run_load(&run, "runs/a", &err) < 0) ...
 *     ltd_report_run_fini(&run);
 *
 * Knows neither terminals nor HTML. */
#ifndef LTD_TRAINER_REPORT_RUN_H
#define LTD_TRAINER_REPORT_RUN_H

#include "env/cost.h"
#include "trainer/bench/bench.h"
#include "trainer/report/report_csv.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_REPORT_FIGURES = 24, LTD_REPORT_RUNS = 6 };

/* A figure of a run, as it was last. */
typedef struct ltd_report_figure {
    const char *key;   /* for programs */
    const char *label; /* for people */
    int digits;        /* behind the point */
    double value;      /* NaN: not known */
    ltd_interval ci;   /* NaN: none */
} ltd_report_figure;

typedef struct ltd_report_run {
    char dir[1024], name[256]; /* name: the last part of dir */
    /* run.json; "": not known */
    char machine[128], commit[64], utc[32], model[256], head[256];
    ltd_report_csv metrics, plan, histograms, actions;
    ltd_cost *cost;     /* calibration.json; NULL: none */
    ltd_bench *bench;   /* bench.json; NULL: none */
    ltd_config *config; /* config.yaml; NULL: none that can be read, and config_why says why */
    char config_why[320];
} ltd_report_run;

/* Is there a run of `ltd train`: config.yaml or metrics.csv, and no draft head? */
bool ltd_report_is_run(const char *dir);
/* LTD_EINVAL: no run is there.  LTD_EIO, LTD_EFORMAT: a file of it is damaged, but for metrics,
 * whose damaged cells are empty, and config.yaml.  LTD_ENOMEM.  *ret is empty on failure. */
int ltd_report_run_load(ltd_report_run *ret, const char *dir, ltd_err *err);
void ltd_report_run_fini(ltd_report_run *run);

/* Figures in the order of their importance; those that are not known have NaN. */
void ltd_report_run_figures(const ltd_report_run *run, ltd_report_figure ret[LTD_REPORT_FIGURES],
                            int *n);
/* Append the sentence that counts: the bench's verdict, else what validation says. */
void ltd_report_run_verdict(const ltd_report_run *run, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
