/* Measure this machine: what verification and draft forwards cost by rows and context. */
#ifndef LTD_TRAINER_CALIBRATE_H
#define LTD_TRAINER_CALIBRATE_H

#include "base/status.h"
#include "env/cost.h"
#include "trainer/config/setup.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Measuring round by round, between other work, so that both meet the same moments of a shared
 * machine:
 *
 *     ltd_calibration_open(&c, &s, rounds, &err);
 *     ... ltd_calibration_round(c, &err);
 *     ltd_calibration_table(c, &cost, &err);
 *     ltd_calibration_close(c); */
typedef struct ltd_calibration ltd_calibration;

/* Up to `rounds` rounds over the points of config.calibration.contexts; one is played here, to warm
 * up.  LTD_EINVAL: no context fits.  *ret owned. */
int ltd_calibration_open(ltd_calibration **ret, const ltd_setup *s, int32_t rounds, ltd_err *err);
void ltd_calibration_close(ltd_calibration *c);
int ltd_calibration_round(ltd_calibration *c, ltd_err *err);
/* The table of all rounds so far, at least one.  *ret owned: free(). */
int ltd_calibration_table(ltd_calibration *c, ltd_cost **ret, ltd_err *err);

/* Fill a table: trimmed mean and fastest of config.calibration.reps rounds; rounds go over all
 * points in turn, so that a slow moment of the machine touches every point.  `progress` (may be
 * NULL) is told the share done. *ret owned: free(). */
int ltd_calibrate(const ltd_setup *s, void (*progress)(void *ctx, double share), void *ctx,
                  ltd_cost **ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
