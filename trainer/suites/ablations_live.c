/* Ablations on the clock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/fixed.h"
#include "base/mem.h"
#include "trainer/bench/preset.h"
#include "trainer/suites/ablations_priv.h"

/* What is played live, and under which name; the size policy alone is the reward's row `ratio`. */
static bool goes_live(const ltd_ablation_spec *p)
{
    bool reward = strcmp(p->part, ltd_ablation_specs[0].part) == 0;
    bool policies = strcmp(p->part, "policies") == 0 && strcmp(p->name, "size only") != 0;
    return reward || policies;
}

static int live_preset(ltd_study *y, int32_t row, ltd_preset *ret, ltd_policy **policy,
                       ltd_err *err)
{
    const ltd_ablation_spec *p = &ltd_ablation_specs[row];
    char dir[PATH_MAX];
    *ret = (ltd_preset){.kind = LTD_PRESET_FIXED, .plain_head = true};
    snprintf(ret->name, sizeof ret->name, "%s", p->name);
    if (p->run == LTD_RUN_NONE) {
        ret->setting =
            p->stage == LTD_FIXED_EAGLE
                ? (ltd_setting){LTD_EAGLE_FORWARDS, LTD_EAGLE_SIZE, false, LTD_EAGLE_TOP_K}
                : y->tuned.best;
        return LTD_OK;
    }
    int rc = ltd_study_train(y, p->run, 0, dir, err);
    if (rc == LTD_OK) rc = ltd_study_actors(p, dir, policy, err);
    ret->kind = LTD_PRESET_POLICY;
    ret->policy = *policy;
    return rc;
}

static int fold_live(ltd_study *y, const ltd_bench *b, ltd_err *err)
{
    const ltd_config *c = &y->s->config;
    ltd_ratio group[LTD_BENCH_TASKS], all;
    int32_t n = b->all.prompts, size[LTD_BENCH_TASKS];
    ltd_rate *rate = ltd_mem_zeros((size_t)b->all.n_rows * (size_t)n, sizeof *rate);
    if (!rate) return ltd_fail(err, LTD_ENOMEM, "ablations: no memory");
    for (int32_t i = 0; i < b->n_tasks; i++) size[i] = b->tasks[i].prompts;
    for (int32_t r = 0; r < b->all.n_rows; r++)
        ltd_bench_rates(b->cells + (size_t)r * (size_t)n, n, b->reps, rate + (size_t)r * (size_t)n);
    const ltd_bench_row *ar = ltd_bench_find(&b->all, "ar");
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < LTD_SPECS; i++) {
        ltd_ablation_row *to = &y->a->row[i];
        const ltd_bench_row *row =
            goes_live(&ltd_ablation_specs[i]) ? ltd_bench_find(&b->all, to->name) : NULL;
        const ltd_bench_row *against = ltd_bench_find(&b->all, to->against);
        if (!row) continue;
        const ltd_rate *of = rate + (size_t)(row - b->all.rows) * (size_t)n;
        to->decide = row->phase[LTD_PHASE_DECIDE];
        y->a->other_text += row->identical < row->of;
        rc = ltd_stats_groups(of, rate + (size_t)(ar - b->all.rows) * (size_t)n, size, b->n_tasks,
                              c->bench.bootstrap, c->run.seed, group, &all, &to->live, err);
        if (rc == LTD_OK && against && against != row)
            rc = ltd_stats_groups(of, rate + (size_t)(against - b->all.rows) * (size_t)n, size,
                                  b->n_tasks, c->bench.bootstrap, c->run.seed, group, &all,
                                  &to->live_vs, err);
    }
    free(rate);
    return rc;
}

/* The last tenth of the bar. */
static bool tell_live(void *ctx, double share, const char *what)
{
    const ltd_study *y = ctx;
    return !y->o->watch.tell || y->o->watch.tell(y->o->watch.ctx, 0.9 + 0.1 * share, what);
}

int ltd_study_live(ltd_study *y, ltd_err *err)
{
    ltd_preset rows[LTD_SPECS + 1] = {{.name = "ar"}};
    ltd_policy *policy[LTD_SPECS + 1] = {NULL};
    ltd_bench *b = NULL;
    ltd_bench_options o = {.presets = rows, .n_presets = 1, .watch = {tell_live, y}};
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < LTD_SPECS; i++) {
        if (!goes_live(&ltd_ablation_specs[i])) continue;
        rc = live_preset(y, i, &rows[o.n_presets], &policy[o.n_presets], err);
        o.n_presets++;
    }
    if (rc == LTD_OK) rc = ltd_bench_run(y->s, &o, &b, err);
    if (rc == LTD_OK) rc = fold_live(y, b, err);
    ltd_bench_free(b);
    for (int32_t i = 0; i <= LTD_SPECS; i++) ltd_policy_free(policy[i]);
    return rc;
}
