/* The machine's cost table: what one verification, one draft forward, one commit take, by rows and
 * context.  Made by `ltd calibrate`, read by the reward (T_ar), the observation (cost entries) and
 * the `table` clock.
 *
 *     ltd_cost *cost;
 *     if (ltd_cost_load(&cost, "calibration.json", &err) < 0) ...
 *     double ms = ltd_cost_cycle(cost, forwards, size, context); */
#ifndef LTD_ENV_COST_H
#define LTD_ENV_COST_H

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_COST_MAX_POINTS = 256 };

/* One measured point: `rows` computed at `context` committed tokens took `ms`. */
typedef struct ltd_cost_point {
    int32_t rows, context;
    float ms;     /* median */
    float ms_min; /* fastest */
} ltd_cost_point;

typedef struct ltd_cost {
    float t_ar_ms; /* plain decode step at the middle context */
    float commit_ms, decide_ms;
    int32_t n_verify, n_draft;
    ltd_cost_point verify[LTD_COST_MAX_POINTS]; /* sorted by (context, rows) */
    ltd_cost_point
        draft[LTD_COST_MAX_POINTS]; /* rows 1 = resync, rows k = expansion; n_draft 0: no head */
    char machine[128];              /* fingerprint: cpu, isa, threads */
    char model_hash[65];
} ltd_cost;

/* Read the JSON that calibrate wrote.  LTD_EIO, LTD_EFORMAT.  *ret owned: free(). */
int ltd_cost_load(ltd_cost **ret, const char *path, ltd_err *err);
/* Write it, atomically. */
int ltd_cost_save(const ltd_cost *cost, const char *path, ltd_err *err);

/* Bilinear in rows and context, held constant outside the measured range. [ms] */
double ltd_cost_verify(const ltd_cost *cost, int32_t rows, int32_t context);
double ltd_cost_draft(const ltd_cost *cost, int32_t rows, int32_t context);
/* Plain decode step at this context. */
double ltd_cost_ar(const ltd_cost *cost, int32_t context);
/* A whole cycle: `forwards` draft forwards (the first is a resync, the rest expand top_k rows),
 * verification of size + 1 rows, commit, decisions. */
double ltd_cost_cycle(const ltd_cost *cost, int32_t forwards, int32_t top_k, int32_t size,
                      int32_t context);

#ifdef __cplusplus
}
#endif
#endif
