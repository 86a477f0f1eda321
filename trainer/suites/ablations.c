#include "trainer/suites/ablations.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/fixed.h"
#include "base/mem.h"
#include "trainer/suites/ablations_priv.h"

/* --- what is compared --- */

static const char llama[] = "llama-3.1-8b", vicuna[] = "vicuna-13b";

const ltd_ablation_spec ltd_ablation_specs[LTD_SPECS] = {
    {"reward of the size policy", "length", "ratio", LTD_RUN_LENGTH, 1, LTD_ACTOR_SIZE, 2, vicuna,
     "reward-length"},
    {"reward of the size policy", "time", "ratio", LTD_RUN_TIME, 1, LTD_ACTOR_SIZE, 2, vicuna,
     "reward-time"},
    {"reward of the size policy", "ratio", "ratio", LTD_RUN_WHOLE, 1, LTD_ACTOR_SIZE, 2, vicuna,
     "reward-throughput"},
    {"reward of the size policy", "average", "ratio", LTD_RUN_AVERAGE, 1, LTD_ACTOR_SIZE, 0, "",
     ""},
    {"policies", "eagle3", "eagle3", LTD_RUN_NONE, LTD_FIXED_EAGLE, 0, 4, vicuna, "eagle3"},
    {"policies", "static-tuned", "eagle3", LTD_RUN_NONE, LTD_FIXED_TUNED, 0, 0, "", ""},
    {"policies", "size only", "eagle3", LTD_RUN_WHOLE, 1, LTD_ACTOR_SIZE, 4, vicuna, "no-depth"},
    {"policies", "depth only", "eagle3", LTD_RUN_WHOLE, 2, LTD_ACTOR_DEPTH, 4, vicuna, "no-size"},
    {"policies", "both, not iterated", "eagle3", LTD_RUN_WHOLE, 2, LTD_ACTORS, 4, vicuna,
     "no-iteration"},
    {"policies", "both, iterated", "eagle3", LTD_RUN_WHOLE, 5, LTD_ACTORS, 4, vicuna, "ltd"},
    {"observation of the size policy", "scores, context", "all", LTD_RUN_NO_DEPTH, 1,
     LTD_ACTOR_SIZE, 6, vicuna, "scores-length"},
    {"observation of the size policy", "scores, depth", "all", LTD_RUN_NO_CONTEXT, 1,
     LTD_ACTOR_SIZE, 6, vicuna, "scores-depth"},
    {"observation of the size policy", "all", "all", LTD_RUN_WHOLE, 1, LTD_ACTOR_SIZE, 6, vicuna,
     "scores-depth-length"},
    {"iterations", "0: both alone", "0: both alone", LTD_RUN_WHOLE, 2, LTD_ACTORS, 7, llama,
     "iteration-0"},
    {"iterations", "1: size", "0: both alone", LTD_RUN_WHOLE, 3, LTD_ACTORS, 7, llama,
     "iteration-1"},
    {"iterations", "2: depth", "0: both alone", LTD_RUN_WHOLE, 4, LTD_ACTORS, 7, llama,
     "iteration-2"},
    {"iterations", "3: size", "0: both alone", LTD_RUN_WHOLE, 5, LTD_ACTORS, 7, llama,
     "iteration-3"},
    {"layers of the size policy, alone", "one less", "as configured", LTD_RUN_SHALLOW, 1,
     LTD_ACTOR_SIZE, 10, llama, "1024"},
    {"layers of the size policy, alone", "as configured", "as configured", LTD_RUN_WHOLE, 1,
     LTD_ACTOR_SIZE, 10, llama, "1024-256"},
    {"layers of the size policy, alone", "one more", "as configured", LTD_RUN_DEEP, 1,
     LTD_ACTOR_SIZE, 10, llama, "1024-512-256"},
};

static ltd_rate *rates(const ltd_study *y, int32_t row)
{
    return y->rate + (size_t)row * (size_t)y->n;
}

static int tell(const ltd_study *y, double share, const char *what, ltd_err *err)
{
    if (y->o->stop && *y->o->stop) return ltd_fail(err, LTD_ECANCELED, "ablations: stopped");
    return ltd_watch_tell(&y->o->watch, share, what, err);
}

/* --- playing --- */

/* Add a row of a bench over the records to the sums of ours. */
static int add(ltd_study *y, int32_t row, const ltd_bench *b, const char *policy, double *speedup,
               ltd_err *err)
{
    const ltd_bench_row *r = ltd_bench_find(&b->all, policy);
    if (!r) return ltd_fail(err, LTD_EINVAL, "ablations: row %s can't be played here", policy);
    int32_t ar = (int32_t)(ltd_bench_find(&b->all, "ar") - b->all.rows);
    const ltd_bench_cell *cells = b->cells + (size_t)(r - b->all.rows) * (size_t)y->n;
    ltd_rate *one = ltd_mem_zeros(2 * (size_t)y->n, sizeof *one), *plain = one + y->n;
    if (!one) return ltd_fail(err, LTD_ENOMEM, "ablations: no memory");
    ltd_ratio group[LTD_BENCH_TASKS], all, mean;
    ltd_bench_rates(cells, y->n, b->reps, one);
    ltd_bench_rates(b->cells + (size_t)ar * (size_t)y->n, y->n, b->reps, plain);
    int rc = ltd_stats_groups(one, plain, y->size, y->tasks, 0, b->seed, group, &all, &mean, err);
    for (int32_t i = 0; i < y->n; i++) {
        rates(y, row)[i].tokens += one[i].tokens;
        rates(y, row)[i].seconds += one[i].seconds;
    }
    free(one);
    *speedup = mean.value;
    ltd_ablation_row *to = &y->a->row[row];
    to->accept_len += r->accept_len;
    to->forwards += r->forwards_mean;
    to->size += r->size_mean;
    return rc;
}

static int play(const ltd_study *y, const ltd_policy *policy, const char *policies, ltd_bench **ret,
                ltd_err *err)
{
    ltd_setup *s = y->scratch;
    ltd_bench_options o = {.replay = &y->replay, .tuned = &y->tuned, .policy = policy};
    char key[64];
    snprintf(key, sizeof key, "bench.policies=%s", policies);
    *s = *y->s;
    int rc = ltd_config_set(&s->config, key, err);
    return rc == LTD_OK ? ltd_bench_run(s, &o, ret, err) : rc;
}

static int play_actors(ltd_study *y, int32_t row, const char *dir, ltd_err *err)
{
    ltd_policy *policy;
    ltd_bench *b = NULL;
    int rc = ltd_study_actors(&ltd_ablation_specs[row], dir, &policy, err);
    if (rc < 0) return rc;
    rc = play(y, policy, "ar,ltd", &b, err);
    ltd_ablation_row *to = &y->a->row[row];
    if (rc == LTD_OK) rc = add(y, row, b, "ltd", &to->seed[to->seeds], err);
    if (rc == LTD_OK) to->seeds++;
    ltd_bench_free(b);
    ltd_policy_free(policy);
    return rc;
}

/* Plain decoding and the fixed settings: also how many prompts there are. */
static int play_fixed(ltd_study *y, ltd_err *err)
{
    ltd_bench *b;
    int rc = play(y, NULL, "ar,eagle3,static-tuned", &b, err);
    if (rc < 0) return rc;
    y->n = y->a->prompts = b->all.prompts;
    y->tasks = y->a->tasks = b->n_tasks;
    for (int32_t i = 0; i < b->n_tasks; i++) y->size[i] = b->tasks[i].prompts;
    y->rate = ltd_mem_zeros((LTD_SPECS + 1) * (size_t)y->n, sizeof *y->rate);
    if (!y->rate) rc = ltd_fail(err, LTD_ENOMEM, "ablations: no memory");
    double one;
    if (rc == LTD_OK) rc = add(y, LTD_SPECS, b, "ar", &one, err);
    for (int32_t i = 0; rc == LTD_OK && i < LTD_SPECS; i++) {
        if (ltd_ablation_specs[i].run != LTD_RUN_NONE) continue;
        const char *name =
            ltd_ablation_specs[i].stage == LTD_FIXED_EAGLE ? "eagle3" : "static-tuned";
        rc = add(y, i, b, name, &y->a->row[i].seed[0], err);
        y->a->row[i].seeds = 1;
    }
    ltd_bench_free(b);
    return rc;
}

/* --- figures --- */

static int fold(ltd_study *y, ltd_err *err)
{
    const ltd_config *c = &y->s->config;
    ltd_ratio group[LTD_BENCH_TASKS], all;
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < LTD_SPECS; i++) {
        ltd_ablation_row *r = &y->a->row[i];
        r->accept_len /= r->seeds;
        r->forwards /= r->seeds;
        r->size /= r->seeds;
        rc = ltd_stats_groups(rates(y, i), rates(y, LTD_SPECS), y->size, y->tasks,
                              c->bench.bootstrap, c->run.seed, group, &all, &r->speedup, err);
        int32_t against = (int32_t)(ltd_ablations_find(y->a, r->part, r->against) - y->a->row);
        if (rc == LTD_OK && against != i)
            rc = ltd_stats_groups(rates(y, i), rates(y, against), y->size, y->tasks,
                                  c->bench.bootstrap, c->run.seed, group, &all, &r->vs, err);
    }
    return rc;
}

/* --- the whole --- */

static int check(const ltd_setup *s, const ltd_ablations_options *o, ltd_err *err)
{
    const ltd_config *c = &s->config;
    if (o->seeds < 1 || o->seeds > LTD_ABLATION_SEEDS)
        return ltd_fail(err, LTD_EINVAL, "ablations: %d seeds, expected 1 to %d", o->seeds,
                        LTD_ABLATION_SEEDS);
    if (c->env.depth_obs == LTD_CONTRACT_PAPER_DEPTH && c->env.size_obs == LTD_CONTRACT_PAPER_SIZE)
        return LTD_OK;
    return ltd_fail(
        err, LTD_EINVAL,
        "ablations: env.depth_obs and env.size_obs are %s and %s, expected the paper's: "
        "--config configs/paper.yaml",
        ltd_contract_name(c->env.depth_obs), ltd_contract_name(c->env.size_obs));
}

static int open_study(ltd_study *y, ltd_err *err)
{
    ltd_prompts *prompts;
    int rc = ltd_replay_open(&y->replay, y->s, err);
    if (rc < 0) return rc;
    const ltd_trace *t = &y->replay.trace;
    if (t->top_k != LTD_EAGLE_TOP_K || t->max_forwards < LTD_EAGLE_FORWARDS)
        return ltd_fail(
            err, LTD_EINVAL,
            "ablations: records of a beam of %d and %d forwards, expected %d and at least "
            "%d: `ltd record --env.top_k=10 --env.max_forwards=13`",
            t->top_k, t->max_forwards, LTD_EAGLE_TOP_K, LTD_EAGLE_FORWARDS);
    rc = ltd_study_digest(y, err);
    if (rc < 0) return rc;
    rc = ltd_replay_train_prompts(&y->replay, &prompts, err);
    if (rc < 0) return rc;
    rc = ltd_replay_tune(&y->replay, prompts, &y->tuned, err);
    ltd_prompts_free(prompts);
    snprintf(y->a->machine, sizeof y->a->machine, "%s", y->s->cost->machine);
    for (y->a->n_rows = 0; y->a->n_rows < LTD_SPECS; y->a->n_rows++) {
        const ltd_ablation_spec *p = &ltd_ablation_specs[y->a->n_rows];
        y->a->row[y->a->n_rows] = (ltd_ablation_row){.part = p->part,
                                                     .name = p->name,
                                                     .against = p->against,
                                                     .vs = {NAN, {NAN, NAN}},
                                                     .live = {NAN, {NAN, NAN}},
                                                     .live_vs = {NAN, {NAN, NAN}},
                                                     .decide = NAN,
                                                     .published = p->published,
                                                     .published_model = p->model,
                                                     .published_row = p->row};
    }
    return rc;
}

int ltd_ablations_run(const ltd_setup *s, const ltd_ablations_options *options, ltd_ablations **ret,
                      ltd_err *err)
{
    ltd_study y = {.s = s,
                   .o = options,
                   .all = (double)options->seeds * LTD_RUN_COUNT,
                   .share = options->live ? 0.9 : 1};
    char dir[PATH_MAX];
    *ret = NULL;
    int rc = check(s, options, err);
    if (rc < 0) return rc;
    y.a = ltd_mem_zeros(1, sizeof *y.a);
    y.scratch = ltd_mem_zeros(1, sizeof *y.scratch);
    rc = y.a && y.scratch ? open_study(&y, err) : ltd_fail(err, LTD_ENOMEM, "ablations: no memory");
    if (rc == LTD_OK) rc = play_fixed(&y, err);
    for (int32_t seed = 0; rc == LTD_OK && seed < options->seeds; seed++) {
        for (int v = 0; rc == LTD_OK && v < LTD_RUN_COUNT; v++) {
            rc = tell(&y, y.share * y.done / y.all, ltd_study_run_name(v), err);
            if (rc == LTD_OK) rc = ltd_study_train(&y, v, seed, dir, err);
            for (int32_t i = 0; rc == LTD_OK && i < LTD_SPECS; i++)
                if (ltd_ablation_specs[i].run == v) rc = play_actors(&y, i, dir, err);
            y.done++;
        }
    }
    if (rc == LTD_OK) rc = fold(&y, err);
    if (rc == LTD_OK && options->live) rc = ltd_study_live(&y, err);
    ltd_replay_close(&y.replay);
    free(y.rate);
    free(y.scratch);
    if (rc < 0)
        free(y.a);
    else
        *ret = y.a;
    return rc;
}

void ltd_ablations_free(ltd_ablations *a)
{
    free(a);
}

const ltd_ablation_row *ltd_ablations_find(const ltd_ablations *a, const char *part,
                                           const char *name)
{
    for (int32_t i = 0; i < a->n_rows; i++)
        if (strcmp(a->row[i].part, part) == 0 && strcmp(a->row[i].name, name) == 0)
            return &a->row[i];
    return NULL;
}
