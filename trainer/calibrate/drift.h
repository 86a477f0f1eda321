/* Does the machine still run as its calibration says?  Tables are kept for weeks, machines are
 * shared: what was tuned and learned for one cost curve is judged wrongly under another.
 *
 *     ltd_drift d;
 *     if (ltd_drift_measure(&setup, &d, &err) == LTD_OK && ltd_drift_large(&d)) warn;
 *
 * A plain step and a few sizes are measured, at the shortest context of the table in use. */
#ifndef LTD_TRAINER_DRIFT_H
#define LTD_TRAINER_DRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "env/cost.h"
#include "trainer/config/setup.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_drift {
    double speed; /* a plain step now / in the table; 0: not known */
    double shape; /* T(V) / T(1) now / in the table - 1, where it is furthest off */
    int32_t rows; /* V there; 0: one row is all there was */
} ltd_drift;

/* The points of `now` against the table in use, which is interpolated. */
ltd_drift ltd_drift_compare(const ltd_cost *now, const ltd_cost *used);
/* Slower or faster by more than 15 %, or of another shape by more than 10 %. */
bool ltd_drift_large(const ltd_drift *d);
/* "this machine runs at 1.12x of the times its calibration says; 5 rows +4.0 % beside one"; returns
 * ret. */
char *ltd_drift_text(const ltd_drift *d, char *ret, size_t size);

/* About 200 cycles with s->cost, which must be there.  What ltd_calibration_open() returns. */
int ltd_drift_measure(const ltd_setup *s, ltd_drift *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
