#include "trainer/calibrate/drift.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "trainer/calibrate/calibrate.h"

enum { ROUNDS = 2, MOST_SIZE = 8 };

ltd_drift ltd_drift_compare(const ltd_cost *now, const ltd_cost *used)
{
    ltd_drift d = {0, 0, 0};
    int32_t context = now->verify[0].context;
    double one = ltd_cost_verify(now, 1, context), said = ltd_cost_verify(used, 1, context);
    if (!(one > 0 && said > 0)) return d;
    d.speed = one / said;
    for (int32_t i = 0; i < now->n_verify; i++) {
        const ltd_cost_point *p = &now->verify[i];
        if (p->context != context || p->rows < 2) continue;
        double off = (double)p->ms / one / (ltd_cost_verify(used, p->rows, context) / said) - 1;
        if (d.rows && fabs(off) <= fabs(d.shape)) continue;
        d.shape = off;
        d.rows = p->rows;
    }
    return d;
}

bool ltd_drift_large(const ltd_drift *d)
{
    const double speed = 1.15, shape = 0.1;
    if (!(d->speed > 0)) return false;
    return d->speed > speed || d->speed < 1 / speed || fabs(d->shape) > shape;
}

char *ltd_drift_text(const ltd_drift *d, char *ret, size_t size)
{
    int n = snprintf(ret, size, "this machine runs at %.2fx of the times its calibration says",
                     d->speed);
    if (d->rows && n > 0 && (size_t)n < size)
        snprintf(ret + n, size - (size_t)n, "; %d rows %+.1f %% beside one", d->rows,
                 100 * d->shape);
    return ret;
}

int ltd_drift_measure(const ltd_setup *s, ltd_drift *ret, ltd_err *err)
{
    ltd_setup small = *s;
    ltd_ints *sizes = &small.config.env.sizes, *contexts = &small.config.calibration.contexts;
    int32_t most = sizes->v[sizes->n - 1];
    *sizes = (ltd_ints){.n = 1, .v = {most < MOST_SIZE ? most : MOST_SIZE}};
    *contexts = (ltd_ints){.n = 1, .v = {s->cost->verify[0].context}};
    ltd_calibration *c;
    ltd_cost *now = NULL;
    int rc = ltd_calibration_open(&c, &small, ROUNDS, err);
    for (int32_t i = 0; rc == LTD_OK && i < ROUNDS; i++) rc = ltd_calibration_round(c, err);
    if (rc == LTD_OK) rc = ltd_calibration_table(c, &now, err);
    if (rc == LTD_OK) *ret = ltd_drift_compare(now, s->cost);
    free(now);
    ltd_calibration_close(c);
    return rc;
}
