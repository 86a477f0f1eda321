/* From sums of prompts to the figures of a row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/bench/bench.h"

void ltd_bench_rates(const ltd_bench_cell *cell, int32_t n, int32_t reps, ltd_rate *ret)
{
    for (int32_t i = 0; i < n; i++)
        ret[i] =
            (ltd_rate){(double)cell[i].run.tokens / reps, (double)cell[i].run.ns * 1e-9 / reps};
}

int ltd_bench_only_ended(const ltd_bench_cell *cells, int32_t rows, int32_t prompts, int32_t ar,
                         ltd_bench_cell **ret, int32_t *kept, ltd_err *err)
{
    const ltd_bench_cell *plain = cells + (size_t)ar * (size_t)prompts;
    int32_t n = 0;
    for (int32_t i = 0; i < prompts; i++) n += plain[i].run.ended > 0;
    *kept = n;
    *ret = ltd_mem_zeros((size_t)rows * (size_t)n, sizeof **ret);
    if (!*ret) return ltd_fail(err, LTD_ENOMEM, "bench: no memory for %d prompts", n);
    ltd_bench_cell *to = *ret;
    for (int32_t r = 0; r < rows; r++)
        for (int32_t i = 0; i < prompts; i++)
            if (plain[i].run.ended) *to++ = cells[(size_t)r * (size_t)prompts + (size_t)i];
    return LTD_OK;
}

static void fold_sums(ltd_bench_row *row, const ltd_bench_cell *cell, int32_t n, int32_t reps)
{
    ltd_run sum = {0};
    ltd_accept_classes classes = {0};
    row->identical = 0;
    row->of = n;
    for (int32_t i = 0; i < n; i++) {
        ltd_run_add(&sum, &cell[i].run);
        ltd_accept_classes_add(&classes, &cell[i].classes);
        row->identical += cell[i].identical;
    }
    row->tokens = sum.tokens / reps;
    row->seconds = (double)sum.ns * 1e-9 / reps;
    row->tok_s = ltd_run_speed(&sum);
    row->accept_len = ltd_run_mean(&sum, sum.accept_len);
    row->forwards_mean = ltd_run_mean(&sum, sum.forwards);
    row->size_mean = ltd_run_mean(&sum, sum.size);
    for (int p = 0; p < LTD_PHASE_COUNT; p++)
        row->phase[p] = sum.ns ? (double)sum.phase_ns[p] / (double)sum.ns : 0;
    row->prefill_target_ms = sum.prompts ? sum.prefill_target_ms / sum.prompts : 0;
    row->prefill_head_ms = sum.prompts ? sum.prefill_head_ms / sum.prompts : 0;
    row->table_seconds = sum.table_ms > 0 ? sum.table_ms * 1e-3 / reps : NAN;
    row->regret = NAN;
    memcpy(row->accept_hist, sum.accept_hist, sizeof row->accept_hist);
    memcpy(row->depth_hist, sum.depth_hist, sizeof row->depth_hist);
    row->accept_by = ltd_accept_by_of(&classes);
}

int ltd_bench_fold(ltd_bench_task *task, const ltd_bench_cell *cells, size_t stride, int32_t reps,
                   int32_t ar, int32_t tuned, int32_t resamples, uint64_t seed, ltd_err *err)
{
    size_t n = (size_t)task->prompts;
    ltd_rate *rate = ltd_mem_zeros(3 * n, sizeof *rate), *plain = rate + n, *fixed = rate + 2 * n;
    if (!rate) return ltd_fail(err, LTD_ENOMEM, "bench: no memory for %zu prompts", n);
    if (ar >= 0) ltd_bench_rates(cells + (size_t)ar * stride, task->prompts, reps, plain);
    if (tuned >= 0) ltd_bench_rates(cells + (size_t)tuned * stride, task->prompts, reps, fixed);
    int rc = LTD_OK;
    for (int32_t r = 0; rc == LTD_OK && r < task->n_rows; r++) {
        ltd_bench_row *row = &task->rows[r];
        const ltd_bench_cell *cell = cells + (size_t)r * stride;
        const ltd_interval unknown = {NAN, NAN};
        fold_sums(row, cell, task->prompts, reps);
        ltd_bench_rates(cell, task->prompts, reps, rate);
        row->speedup = ar < 0 ? NAN : ltd_stats_ratio(rate, plain, n);
        row->speedup_mean_of_prompts =
            ar < 0 ? NAN : ltd_stats_mean_speed(rate, n) / ltd_stats_mean_speed(plain, n);
        row->vs_tuned = tuned < 0 ? NAN : ltd_stats_ratio(rate, fixed, n);
        row->speedup_ci = row->vs_tuned_ci = unknown;
        if (ar >= 0)
            rc = ltd_stats_bootstrap(rate, plain, n, resamples, seed, &row->speedup_ci, err);
        if (rc == LTD_OK && tuned >= 0)
            rc = ltd_stats_bootstrap(rate, fixed, n, resamples, seed, &row->vs_tuned_ci, err);
    }
    free(rate);
    return rc;
}
