/* Shared by the calibrate*.c files: what is measured (calibrate.c), what a decision takes
 * (calibrate_decision.c), and the table that comes of it (calibrate_table.c). */
#ifndef LTD_TRAINER_CALIBRATE_PRIV_H
#define LTD_TRAINER_CALIBRATE_PRIV_H

#include "base/rng.h"
#include "trainer/calibrate/calibrate.h"

enum {
    LTD_CALIBRATE_POINTS = 2 * LTD_COST_MAX_POINTS,
    /* Plain cycles of a burst, whose tokens all wait for the head when it ends. */
    LTD_CALIBRATE_PLAIN = 25
};

/* Milliseconds, or multiples of a plain step beside. */
typedef struct ltd_calibrate_samples {
    double *v;
    int32_t n;
} ltd_calibrate_samples;

/* What a point is for: plain steps; one draft forward, and three, whose difference are expansions;
 * a size. */
typedef enum ltd_calibrate_kind {
    LTD_CALIBRATE_STEP,
    LTD_CALIBRATE_FIRST,
    LTD_CALIBRATE_THREE,
    LTD_CALIBRATE_VERIFY
} ltd_calibrate_kind;

typedef struct ltd_calibrate_point {
    ltd_calibrate_kind kind;
    int32_t forwards, size, context;
    ltd_calibrate_samples verify, draft; /* bursts, by plain steps beside them; of steps: ms */
    double min_verify, min_draft;        /* ms of the fastest cycle */
} ltd_calibrate_point;

struct ltd_calibration {
    const ltd_setup *s;
    ltd_cycle *cycle;
    ltd_calibrate_point points[LTD_CALIBRATE_POINTS];
    int32_t n_points;
    int32_t order[LTD_CALIBRATE_POINTS];
    ltd_calibrate_samples rest;    /* commit, tree [ms] */
    ltd_calibrate_samples waiting; /* a resync after LTD_CALIBRATE_PLAIN plain cycles [ms] */
    int32_t *filler;               /* [context] */
    int32_t begun;                 /* context at which the text now played was begun, 0 = none */
    double *samples;               /* of all points */
    ltd_rng rng;
    int32_t rounds, played;
};

/* Mean of v[n] without what is slower than four times the median; v gets sorted.  Times add up, so
 * on a machine that goes between two speeds the median predicts neither. */
double ltd_calibrate_mean(double *v, int32_t n);
/* Ascending. */
void ltd_calibrate_sort(double *v, int32_t n);

/* Fill decide_ms: the dearer of the two policies, on the tree that the cycle's last turn left. */
int ltd_calibrate_decision(const ltd_setup *s, ltd_cycle *cycle, ltd_cost *cost, ltd_err *err);

#endif
