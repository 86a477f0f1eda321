/* Shared by the calibrate*.c files. */
#ifndef LTD_TRAINER_CALIBRATE_PRIV_H
#define LTD_TRAINER_CALIBRATE_PRIV_H

#include "trainer/calibrate/calibrate.h"

/* Mean of v[n] without what is slower than four times the median; v gets sorted.  Times add up, so
 * on a machine that goes between two speeds the median predicts neither. */
double ltd_calibrate_mean(double *v, int32_t n);
/* Ascending. */
void ltd_calibrate_sort(double *v, int32_t n);

/* Fill decide_ms: the dearer of the two policies, on the tree that the cycle's last turn left. */
int ltd_calibrate_decision(const ltd_setup *s, ltd_cycle *cycle, ltd_cost *cost, ltd_err *err);

#endif
