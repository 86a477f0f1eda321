/* Shared by the calibrate*.c files. */
#ifndef LTD_TRAINER_CALIBRATE_PRIV_H
#define LTD_TRAINER_CALIBRATE_PRIV_H

#include "trainer/calibrate.h"

/* Median of v[n], which gets sorted. */
double ltd_calibrate_median(double *v, int32_t n);

/* Fill commit_ms and decide_ms of a table whose points are there. */
int ltd_calibrate_small(const ltd_setup *s, ltd_cost *cost, ltd_err *err);

#endif
