#include "trainer/bench/bench_versus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/bench/bench.h"

/* No opponent: one that knows the answer, or ltd in another form. */
static bool is_apart(const char *policy)
{
    if (strcmp(policy, "ltd-table") == 0 || strcmp(policy, "ltd-guard") == 0) return true;
    for (int o = 0; o < LTD_ORACLE_COUNT; o++)
        if (strcmp(policy, ltd_oracle_name((ltd_oracle)o)) == 0) return true;
    return false;
}

static int fold_row(const ltd_bench *b, const ltd_rate *ours, ltd_rate *theirs, int32_t row,
                    int32_t resamples, uint64_t seed, ltd_versus_row *ret, ltd_err *err)
{
    int32_t n = b->all.prompts, size[LTD_BENCH_TASKS];
    for (int32_t t = 0; t < b->n_tasks; t++) size[t] = b->tasks[t].prompts;
    memcpy(ret->policy, b->all.rows[row].policy, sizeof ret->policy);
    ltd_bench_rates(b->cells + (size_t)row * (size_t)n, n, b->reps, theirs);
    return ltd_stats_groups(ours, theirs, size, b->n_tasks, resamples, seed, ret->task, &ret->all,
                            &ret->mean, err);
}

int ltd_versus_fold(ltd_bench *bench, int32_t resamples, uint64_t seed, ltd_err *err)
{
    ltd_versus *v = &bench->versus;
    const ltd_bench_row *rows = bench->all.rows, *ltd = ltd_bench_find(&bench->all, "ltd");
    size_t n = (size_t)bench->all.prompts;
    v->n = 0;
    v->best = -1;
    if (!ltd) return LTD_OK;
    ltd_rate *ours = ltd_mem_zeros(2 * n, sizeof *ours), *theirs = ours + n;
    if (!ours) return ltd_fail(err, LTD_ENOMEM, "bench: no memory for %zu prompts", n);
    ltd_bench_rates(bench->cells + (size_t)(ltd - rows) * n, bench->all.prompts, bench->reps, ours);
    int rc = LTD_OK;
    for (int32_t r = 0; rc == LTD_OK && r < bench->all.n_rows; r++) {
        if (&rows[r] == ltd) continue;
        ltd_versus_row *to = &v->row[v->n++];
        rc = fold_row(bench, ours, theirs, r, resamples, seed, to, err);
        if (is_apart(to->policy) || !isfinite(to->all.value)) continue;
        if (v->best < 0 || to->all.value < v->row[v->best].all.value) v->best = v->n - 1;
    }
    free(ours);
    return rc;
}

const ltd_versus_row *ltd_versus_best(const ltd_versus *v)
{
    return v->best >= 0 && v->best < v->n ? &v->row[v->best] : NULL;
}

bool ltd_versus_loses(const ltd_ratio *r)
{
    return r->ci.hi < 1;
}
