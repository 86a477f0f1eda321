#include "trainer/records/predict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "trainer/calibrate/calibrate.h"

static int measure(void *ctx, ltd_err *err)
{
    return ltd_calibration_round(ctx, err);
}

/* Live, with the table measured in between. */
static int play_live(const ltd_setup *s, const ltd_bench_options *options, ltd_bench **ret,
                     ltd_cost **cost, ltd_err *err)
{
    ltd_calibration *c;
    ltd_bench_options live = *options;
    ltd_prompts *prompts;
    int rc = ltd_setup_prompts(s, &s->config.prompts.bench, s->config.bench.prompts_per_task,
                               &prompts, err);
    if (rc < 0) return rc;
    int32_t rounds = (int32_t)ltd_prompts_count(prompts) * s->config.bench.reps;
    ltd_prompts_free(prompts);
    rc = ltd_calibration_open(&c, s, rounds, err);
    if (rc < 0) return rc;
    live.replay = NULL;
    live.between = measure;
    live.between_ctx = c;
    rc = ltd_bench_run(s, &live, ret, err);
    if (rc == LTD_OK) rc = ltd_calibration_table(c, cost, err);
    ltd_calibration_close(c);
    return rc;
}

/* The same rows over the records, by that table. */
static int play_records(const ltd_setup *s, const ltd_bench_options *options, ltd_cost *cost,
                        ltd_bench **ret, ltd_err *err)
{
    ltd_setup by = *s;
    ltd_replay r = {0};
    ltd_bench_options over = *options;
    by.cost = cost;
    int rc = ltd_replay_open(&r, &by, err);
    over.replay = &r;
    if (rc == LTD_OK) rc = ltd_bench_run(&by, &over, ret, err);
    ltd_replay_close(&r);
    return rc;
}

/* *same: prompt by prompt, the record says what the engine did. */
static int compare(const ltd_bench_cell *live, const ltd_bench_cell *record, int32_t n,
                   int32_t reps, uint64_t seed, int32_t resamples, ltd_prediction_row *row,
                   ltd_err *err)
{
    ltd_rate *a = ltd_mem_zeros(2 * (size_t)n, sizeof *a), *b = a + n;
    if (!a) return ltd_fail(err, LTD_ENOMEM, "replay: no memory for %d prompts", n);
    row->same = true;
    for (int32_t i = 0; i < n; i++) {
        const ltd_run *x = &live[i].run, *y = &record[i].run;
        a[i] = (ltd_rate){(double)x->tokens / reps, (double)x->ns * 1e-9 / reps};
        b[i] = (ltd_rate){(double)y->tokens, (double)y->ns * 1e-9};
        row->same = row->same && x->tokens == y->tokens * reps && x->cycles == y->cycles * reps &&
                    x->forwards == y->forwards * reps && x->size == y->size * reps;
    }
    row->live = ltd_stats_speed(a, (size_t)n);
    row->predicted = ltd_stats_speed(b, (size_t)n);
    row->off = row->predicted / row->live - 1;
    int rc = ltd_stats_bootstrap(b, a, (size_t)n, resamples, seed, &row->off_ci, err);
    row->off_ci.lo -= 1;
    row->off_ci.hi -= 1;
    free(a);
    return rc;
}

static int compare_all(const ltd_setup *s, const ltd_bench *live, const ltd_bench *record,
                       ltd_prediction *p, ltd_err *err)
{
    int32_t n = p->prompts = live->all.prompts;
    if (record->all.prompts != n)
        return ltd_fail(err, LTD_EINVAL, "replay: %d of %d prompts are recorded: run `ltd record`",
                        record->all.prompts, n);
    int rc = LTD_OK;
    for (int32_t r = 0; rc == LTD_OK && r < live->all.n_rows; r++) {
        const ltd_bench_row *row = ltd_bench_find(&record->all, live->all.rows[r].policy);
        if (!row) continue; /* wider than the records */
        ltd_prediction_row *to = &p->rows[p->n_rows++];
        memcpy(to->policy, row->policy, sizeof to->policy);
        rc = compare(live->cells + (size_t)r * (size_t)n,
                     record->cells + (size_t)(row - record->all.rows) * (size_t)n, n, live->reps,
                     s->config.run.seed, s->config.bench.bootstrap, to, err);
    }
    return rc;
}

int ltd_predict(const ltd_setup *s, const ltd_bench_options *options, ltd_prediction **ret,
                ltd_err *err)
{
    ltd_bench *live = NULL, *record = NULL;
    ltd_cost *cost = NULL;
    *ret = NULL;
    ltd_prediction *p = ltd_mem_zeros(1, sizeof *p);
    if (!p) return ltd_fail(err, LTD_ENOMEM, "replay: no memory");
    int rc = play_live(s, options, &live, &cost, err);
    if (rc == LTD_OK) rc = play_records(s, options, cost, &record, err);
    if (rc == LTD_OK) p->cost = *cost;
    if (rc == LTD_OK) rc = compare_all(s, live, record, p, err);
    ltd_bench_free(live);
    ltd_bench_free(record);
    free(cost);
    if (rc < 0)
        free(p);
    else
        *ret = p;
    return rc;
}

void ltd_prediction_free(ltd_prediction *p)
{
    free(p);
}

/* --- showing --- */

void ltd_prediction_table(const ltd_prediction *p, ltd_str *out)
{
    double worst = 0;
    ltd_str_printf(out, "%d prompts, live and over their records by a table measured in between\n",
                   p->prompts);
    ltd_str_puts(out, "  policy                live tok/s  predicted   off [95 %]\n");
    for (int32_t i = 0; i < p->n_rows; i++) {
        const ltd_prediction_row *r = &p->rows[i];
        ltd_str_printf(out, "  %-20s  %10.1f %10.1f  %+5.1f %% [%+.1f, %+.1f]%s\n", r->policy,
                       r->live, r->predicted, 100 * r->off, 100 * r->off_ci.lo, 100 * r->off_ci.hi,
                       r->same ? "" : "  other cycles than the record's");
        if (fabs(r->off) > worst) worst = fabs(r->off);
    }
    ltd_str_printf(out, "furthest off: %.1f %%\n", 100 * worst);
}

void ltd_prediction_json(const ltd_prediction *p, ltd_str *out)
{
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_int(&w, "prompts", p->prompts);
    ltd_json_begin_array(&w, "rows");
    for (int32_t i = 0; i < p->n_rows; i++) {
        const ltd_prediction_row *r = &p->rows[i];
        ltd_json_begin_inline_object(&w, NULL);
        ltd_json_put_string(&w, "policy", r->policy);
        ltd_json_put_f64(&w, "live_tok_s", r->live);
        ltd_json_put_f64(&w, "predicted_tok_s", r->predicted);
        ltd_json_put_f64(&w, "off", r->off);
        ltd_json_put_f64(&w, "off_lo", r->off_ci.lo);
        ltd_json_put_f64(&w, "off_hi", r->off_ci.hi);
        ltd_json_put_bool(&w, "same_cycles", r->same);
        ltd_json_end_object(&w);
    }
    ltd_json_end_array(&w);
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}
