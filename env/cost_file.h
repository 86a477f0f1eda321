/* Cost tables as files, and made ready.
 *
 *     ltd_cost *cost;
 *     if (ltd_cost_load(&cost, "calibration.json", &err) < 0) ...
 *
 * The file:
 *
 *     { "version": 1, "t_ar_ms": 5.1, "commit_ms": 0.05, "decide_ms": 0.03,
 *       "waiting_ms": 0.02,
 *       "verify": [ {"rows": 1, "context": 64, "ms": 5.1, "ms_min": 5.0}, ... ],
 *       "draft": [ {"rows": 1, "context": 64, "ms": 0.7, "ms_min": 0.7}, ... ],
 *       "machine": {"cpu": "...", "isa": "avx2", "threads": 2, "fingerprint": "..."},
 *       "model": {"sha256": "..."}, "drafter": {"sha256": "...", "top_k": 8} }
 *
 * Fields it doesn't know are passed over. */
#ifndef LTD_ENV_COST_FILE_H
#define LTD_ENV_COST_FILE_H

#include "base/status.h"
#include "env/cost.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Make a table that was filled by hand ready: sort the points, find the middle context, check.
 * LTD_EINVAL names the value that can't be. */
int ltd_cost_finish(ltd_cost *cost, ltd_err *err);

/* Read the JSON that calibrate wrote.  LTD_EIO, LTD_EFORMAT, LTD_ENOMEM.  *ret owned: free(). */
int ltd_cost_load(ltd_cost **ret, const char *path, ltd_err *err);
/* Write it, atomically. */
int ltd_cost_save(const ltd_cost *cost, const char *path, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
