/* Steps in a row, steps that are looked into, and the roof over one row. */
#include "tests/bench/step.h"

/* Equal steps until they are steady. */
static int settle(rig *r, int32_t rows, int32_t context, ltd_err *err)
{
    double t0 = measure_now(), ms;
    int rc;
    do {
        rc = rig_step(r, rows, context, 1, &ms, err);
    } while (rc == LTD_OK && measure_now() - t0 < STEP_SETTLE_MS);
    return rc;
}

int step_run(rig *r, step_point *p, ltd_err *err)
{
    double ms[2], steady[STEP_STEADY];
    int rc = rig_step(r, p->rows, p->context, 2, ms, err);
    if (rc == LTD_OK) rc = settle(r, p->rows, p->context, err);
    if (rc == LTD_OK) rc = rig_step(r, p->rows, p->context, STEP_STEADY, steady, err);
    if (rc < 0) return rc;
    measure_add(&p->first, ms[0]);
    measure_add(&p->warm, ms[1]);
    for (int i = 0; i < STEP_STEADY; i++) measure_add(&p->steady, steady[i]);
    return LTD_OK;
}

static int watch_one(rig *r, int32_t rows, int32_t context, phases *ret, ltd_err *err)
{
    double ms;
    phases_watch();
    int rc = rig_step(r, rows, context, 1, &ms, err);
    phases_stop(ret);
    return rc;
}

static double total(const phases *p)
{
    double sum = 0;
    for (int i = 0; i < PHASE_COUNT; i++) sum += p->ms[i];
    return sum;
}

int step_watch(rig *r, step_shares *p, ltd_err *err)
{
    int rc = settle(r, p->rows, p->context, err);
    for (int i = 0; rc == LTD_OK && i < STEP_STEADY; i++) {
        phases spent;
        rc = watch_one(r, p->rows, p->context, &spent, err);
        if (rc < 0) break;
        measure_add(&p->total, total(&spent));
        for (int j = 0; j < PHASE_COUNT; j++) measure_add(&p->ms[j], spent.ms[j]);
    }
    return rc;
}

int step_bytes(rig *r, size_t *ret, ltd_err *err)
{
    double ms;
    phases_count();
    int rc = rig_step(r, 1, 0, 1, &ms, err);
    *ret = phases_counted();
    return rc;
}

/* --- the roof --- */

/* Watched and plain steps in turn: both see the same machine. */
static int add_steps(rig *r, int32_t context, step_roof *roof, ltd_err *err)
{
    int rc = settle(r, 1, context, err);
    for (int i = 0; rc == LTD_OK && i < 2 * STEP_STEADY; i++) {
        phases spent;
        double ms;
        rc = watch_one(r, 1, context, &spent, err);
        if (rc == LTD_OK) rc = rig_step(r, 1, context, 1, &ms, err);
        if (rc < 0) break;
        measure_add(&roof->linear,
                    spent.ms[PHASE_LINEAR] + spent.ms[PHASE_QUANTIZE] + spent.ms[PHASE_HEAD]);
        measure_add(&roof->step, ms);
    }
    return rc;
}

int step_roof_run(rig *r, int32_t context, int32_t rounds, step_roof *roof, ltd_err *err)
{
    read_rate *rate;
    int rc = read_rate_new(&rate, ltd_llama_pool(r->model), roof->bytes, err);
    if (rc < 0) return rc;
    for (int32_t i = 0; rc == LTD_OK && i < rounds; i++) {
        read_rate_run(rate, 3);
        rc = add_steps(r, context, roof, err);
    }
    roof->reading = read_rate_best(rate);
    read_rate_free(rate);
    return rc;
}

double step_roof_linear_share(step_roof *roof)
{
    return roof->reading.ms / measure_of(&roof->linear).median;
}

double step_roof_step_share(step_roof *roof)
{
    return roof->reading.ms / measure_of(&roof->step).median;
}

void step_roof_free(step_roof *roof)
{
    measure_free(&roof->linear);
    measure_free(&roof->step);
}
