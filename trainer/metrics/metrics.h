/* Metrics of a run: rows of (step, key -> double) that go to every open sink.
 * Keys are the caller's, in SB3's names ("rollout/ep_rew_mean", "train/approx_kl", "time/fps").
 *
 *     ltd_metrics *m;
 *     ltd_metrics_open(&m, dir, -1, &err);              dir/metrics.csv, dir/metrics.jsonl, events
 *     ltd_metrics_set(m, "train/approx_kl", kl);
 *     ltd_metrics_write(m, cycles, &err);               one row
 *     ltd_metrics_close(m);
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_METRICS_H
#define LTD_TRAINER_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_METRICS_MAX_KEYS = 256, LTD_METRICS_MAX_KEY = 64 };

typedef struct ltd_metrics ltd_metrics;

/* One row; arrays borrowed during the call.  Keys keep the order of their first set or declare;
 * those not set in this row have set[i] false. */
typedef struct ltd_metrics_row {
    int64_t step; /* cycles so far; rows ascend */
    size_t n;
    const char *const *key;
    const double *value;
    const bool *set;
} ltd_metrics_row;

/* Where rows go: a file format, a test. */
typedef struct ltd_metrics_sink ltd_metrics_sink;
struct ltd_metrics_sink {
    int (*write)(ltd_metrics_sink *sink, const ltd_metrics_row *row, ltd_err *err);
    void (*free)(ltd_metrics_sink *sink);
};

/* metrics.csv, metrics.jsonl and an event file in `dir`.  resume_step < 0 starts them anew;
 * otherwise rows beyond that step, and a last line that a killed run left unfinished, are dropped
 * and the rest is continued.  LTD_EIO, LTD_EFORMAT, LTD_ENOMEM.  *ret owned. */
int ltd_metrics_open(ltd_metrics **ret, const char *dir, int64_t resume_step, ltd_err *err);
/* A logger without any sink. */
int ltd_metrics_new(ltd_metrics **ret, ltd_err *err);
/* `sink` is taken, even on failure. */
int ltd_metrics_add(ltd_metrics *m, ltd_metrics_sink *sink, ltd_err *err);
void ltd_metrics_close(ltd_metrics *m);

/* Fix a key's place (the CSV column) before its first value. */
void ltd_metrics_declare(ltd_metrics *m, const char *key);
/* Value of a key in the row to come; the last one counts.  A key that can't be (too long, too many)
 * is remembered and reported by the next write. */
void ltd_metrics_set(ltd_metrics *m, const char *key, double value);
/* Last value that was set, also in an earlier row; NaN when none was. */
double ltd_metrics_get(const ltd_metrics *m, const char *key);
/* Hand the row to all sinks and begin the next. */
int ltd_metrics_write(ltd_metrics *m, int64_t step, ltd_err *err);

/* --- sinks --- */

/* Columns: step, then keys.  The header is fixed by the first row's keys (declared ones included);
 * a key that comes later rewrites the file once with the wider header.  Unset cells are empty.
 * *ret owned (give it to ltd_metrics_add). */
int ltd_metrics_csv(ltd_metrics_sink **ret, const char *path, int64_t resume_step, ltd_err *err);
/* One object a line, {"step": 2048, "train/approx_kl": 0.01}; unset keys are left out. */
int ltd_metrics_jsonl(ltd_metrics_sink **ret, const char *path, int64_t resume_step, ltd_err *err);
/* dir/events.out.tfevents.<time>.<host>.<pid>.0, as TensorBoard has them: a new file each time,
 * named behind those that are there.  Its start takes back steps beyond resume_step (< 0: all) in
 * the files before it, for whoever reads the folder.  Values are floats there. */
int ltd_metrics_tfevents(ltd_metrics_sink **ret, const char *dir, int64_t resume_step,
                         ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
