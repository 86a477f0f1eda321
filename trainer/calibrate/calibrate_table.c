/* From the bursts of a calibration to the table of costs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/cost_file.h"
#include "trainer/calibrate/calibrate_priv.h"

/* Of samples that are multiples of `unit` ms. */
static ltd_cost_point point_of(const ltd_calibrate_samples *s, double unit, double fastest,
                               int32_t rows, int32_t context)
{
    float mean = (float)(ltd_calibrate_mean(s->v, s->n) * unit);
    return (ltd_cost_point){rows, context, mean, fastest < (double)mean ? (float)fastest : mean};
}

/* Half of what three forwards take longer than one, and what they make the verification after them
 * take longer: the head pushes the target's weights out of the caches. */
static ltd_cost_point expansion(const ltd_calibrate_point *three, ltd_cost_point first, double unit,
                                double evicts, int32_t k)
{
    ltd_cost_point p = point_of(&three->draft, unit, three->min_draft, k, three->context);
    p.ms = (p.ms - first.ms) / 2 + (float)evicts;
    p.ms_min = (p.ms_min - first.ms_min) / 2;
    if (!(p.ms > 0)) p.ms = first.ms; /* noise is larger */
    if (!(p.ms_min > 0)) p.ms_min = p.ms;
    return p;
}

/* As after one forward: what more of them add is theirs. */
static ltd_cost_point verification(const ltd_calibrate_point *v, double unit, double evicts)
{
    ltd_cost_point p = point_of(&v->verify, unit, v->min_verify, v->size + 1, v->context);
    float more = v->forwards > 1 ? (float)((v->forwards - 1) * evicts) : 0;
    if (more < p.ms) p.ms -= more;
    if (p.ms_min > p.ms) p.ms_min = p.ms;
    return p;
}

static double mean_of(const ltd_calibrate_samples *s)
{
    return ltd_calibrate_mean(s->v, s->n);
}

/* A context's points are together: plain, one forward, three, verifications. */
static void fill_points(const ltd_calibration *c, ltd_cost *cost)
{
    int32_t k = ltd_cycle_get_options(c->cycle)->top_k;
    ltd_cost_point first = {0};
    double evicts = 0, unit = 0;
    for (int32_t i = 0; i < c->n_points; i++) {
        const ltd_calibrate_point *p = &c->points[i];
        switch (p->kind) {
        case LTD_CALIBRATE_STEP:
            evicts = 0;
            unit = mean_of(&p->verify);
            cost->verify[cost->n_verify++] = point_of(&p->verify, 1, p->min_verify, 1, p->context);
            break;
        case LTD_CALIBRATE_FIRST:
            first = point_of(&p->draft, unit, p->min_draft, 1, p->context);
            cost->draft[cost->n_draft++] = first;
            break;
        case LTD_CALIBRATE_THREE:
            evicts = unit * (mean_of(&p->verify) - mean_of(&p[-1].verify)) / 2;
            if (evicts < 0) evicts = 0;
            cost->draft[cost->n_draft++] = expansion(p, first, unit, evicts, k);
            break;
        case LTD_CALIBRATE_VERIFY:
            cost->verify[cost->n_verify++] = verification(p, unit, evicts);
            break;
        }
    }
}

/* T_ar at the middle context; what a cycle costs besides; a pair that waits. */
static void fill_rest(const ltd_calibration *c, ltd_cost *cost)
{
    cost->t_ar_ms = (float)ltd_cost_verify(cost, 1, cost->middle_context);
    cost->commit_ms = (float)mean_of(&c->rest);
    if (!c->waiting.n) return;
    double more = mean_of(&c->waiting) - ltd_cost_draft(cost, 1, cost->middle_context);
    cost->waiting_ms = more > 0 ? (float)(more / LTD_CALIBRATE_PLAIN) : 0;
}

static void describe(const ltd_setup *s, ltd_cost *cost)
{
    snprintf(cost->machine, sizeof cost->machine, "%s", s->machine);
    snprintf(cost->cpu, sizeof cost->cpu, "%.*s", (int)strcspn(s->machine, ","), s->machine);
    snprintf(cost->isa, sizeof cost->isa, "%s", ltd_llama_kernels(s->model)->name);
    cost->threads = ltd_pool_threads(ltd_llama_pool(s->model));
    snprintf(cost->model_hash, sizeof cost->model_hash, "%s", ltd_llama_hash(s->model));
    if (!s->head) return;
    snprintf(cost->head_hash, sizeof cost->head_hash, "%s", ltd_eagle3_hash(s->head));
    cost->top_k = s->config.env.top_k;
}

int ltd_calibration_table(ltd_calibration *c, ltd_cost **ret, ltd_err *err)
{
    *ret = NULL;
    ltd_cost *cost = ltd_mem_zeros(1, sizeof *cost);
    if (!cost) return ltd_fail(err, LTD_ENOMEM, "calibrate: no memory");
    describe(c->s, cost);
    fill_points(c, cost);
    cost->t_ar_ms = 1; /* until its point is in order */
    int rc = ltd_cost_finish(cost, err);
    if (rc == LTD_OK) {
        fill_rest(c, cost);
        rc = ltd_calibrate_decision(c->s, c->cycle, cost, err);
    }
    if (rc < 0)
        free(cost);
    else
        *ret = cost;
    return rc;
}
