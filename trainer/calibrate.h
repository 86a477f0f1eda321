/* Measure this machine: what verification and draft forwards cost by rows and context. */
#ifndef LTD_TRAINER_CALIBRATE_H
#define LTD_TRAINER_CALIBRATE_H

#include "base/status.h"
#include "env/cost.h"
#include "trainer/setup.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fill a table: median and fastest of config.calibration.reps rounds; rounds go over all points in
 * turn, so that a slow moment of the machine touches every point.  `progress` (may be NULL) is told
 * the share done. *ret owned: free(). */
int ltd_calibrate(const ltd_setup *s, void (*progress)(void *ctx, double share), void *ctx,
                  ltd_cost **ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
