#include "trainer/ablations.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/fixed.h"
#include "base/file.h"
#include "base/mem.h"
#include "trainer/bench.h"
#include "trainer/policy_file.h"
#include "trainer/preset.h"
#include "trainer/train.h"

/* --- what is compared --- */

/* A run of training: what differs from the configuration, "" = nothing. */
typedef struct variant {
    const char *name;
    bool size_alone; /* the first stage only */
    const char *set; /* a key and its value */
} variant;

enum { WHOLE, LENGTH, TIME, AVERAGE, NO_DEPTH, NO_CONTEXT, SHALLOW, DEEP, N_VARIANTS, NONE = -1 };

static const variant variants[N_VARIANTS] = {
    [WHOLE] = {"whole", false, ""},
    [LENGTH] = {"length", true, "env.reward=length"},
    [TIME] = {"time", true, "env.reward=time"},
    [AVERAGE] = {"average", true, "env.reward=average"},
    [NO_DEPTH] = {"no-depth", true, "env.size_obs=paper/size/1268-no-depth"},
    [NO_CONTEXT] = {"no-context", true, "env.size_obs=paper/size/1268-no-context"},
    [SHALLOW] = {"shallow", true, NULL}, /* nets: see change_net() */
    [DEEP] = {"deep", true, NULL},
};

typedef enum actors { SIZE = 1, DEPTH = 2, BOTH = 3 } actors;

/* A row plays actors of a run as a stage left them; run NONE: a fixed setting. */
typedef struct spec {
    const char *part, *name, *against;
    int run, stage;
    actors actors;
    int32_t published;
    const char *model, *row;
} spec;

enum { STATIC_TUNED = 1, EAGLE = 0 }; /* stages of run NONE */

static const char llama[] = "llama-3.1-8b", vicuna[] = "vicuna-13b";

static const spec specs[] = {
    {"reward of the size policy", "length", "ratio", LENGTH, 1, SIZE, 2, vicuna, "reward-length"},
    {"reward of the size policy", "time", "ratio", TIME, 1, SIZE, 2, vicuna, "reward-time"},
    {"reward of the size policy", "ratio", "ratio", WHOLE, 1, SIZE, 2, vicuna, "reward-throughput"},
    {"reward of the size policy", "average", "ratio", AVERAGE, 1, SIZE, 0, "", ""},
    {"policies", "eagle3", "eagle3", NONE, EAGLE, 0, 4, vicuna, "eagle3"},
    {"policies", "static-tuned", "eagle3", NONE, STATIC_TUNED, 0, 1, vicuna, "gridsearch"},
    {"policies", "size only", "eagle3", WHOLE, 1, SIZE, 4, vicuna, "no-depth"},
    {"policies", "depth only", "eagle3", WHOLE, 2, DEPTH, 4, vicuna, "no-size"},
    {"policies", "both, not iterated", "eagle3", WHOLE, 2, BOTH, 4, vicuna, "no-iteration"},
    {"policies", "both, iterated", "eagle3", WHOLE, 5, BOTH, 4, vicuna, "ltd"},
    {"observation of the size policy", "scores, context", "all", NO_DEPTH, 1, SIZE, 6, vicuna,
     "scores-length"},
    {"observation of the size policy", "scores, depth", "all", NO_CONTEXT, 1, SIZE, 6, vicuna,
     "scores-depth"},
    {"observation of the size policy", "all", "all", WHOLE, 1, SIZE, 6, vicuna,
     "scores-depth-length"},
    {"iterations", "0: both alone", "0: both alone", WHOLE, 2, BOTH, 7, llama, "iteration-0"},
    {"iterations", "1: size", "0: both alone", WHOLE, 3, BOTH, 7, llama, "iteration-1"},
    {"iterations", "2: depth", "0: both alone", WHOLE, 4, BOTH, 7, llama, "iteration-2"},
    {"iterations", "3: size", "0: both alone", WHOLE, 5, BOTH, 7, llama, "iteration-3"},
    {"layers of the size policy", "one less", "as configured", SHALLOW, 1, SIZE, 10, llama, "1024"},
    {"layers of the size policy", "as configured", "as configured", WHOLE, 1, SIZE, 10, llama,
     "1024-256"},
    {"layers of the size policy", "one more", "as configured", DEEP, 1, SIZE, 10, llama,
     "1024-512-256"},
};
enum { N_SPECS = sizeof specs / sizeof *specs };

static const char *const stages[] = {"size-alone", "depth-alone", "size", "depth", "size"};
enum { N_STAGES = 5 };

/* --- state --- */

typedef struct study {
    const ltd_setup *s;
    const ltd_ablations_options *o;
    ltd_replay replay;
    ltd_tuned tuned;
    ltd_ablations *a;
    int32_t n, tasks, size[LTD_BENCH_TASKS]; /* prompts, in tasks */
    ltd_rate *rate;                          /* [N_SPECS + 1, n] sums of seeds; the last is ar's */
    double done, all;                        /* runs */
    int64_t length;                          /* of the run under way */
    const char *name;                        /* its variant */
} study;

static ltd_rate *rates(const study *y, int32_t row)
{
    return y->rate + (size_t)row * (size_t)y->n;
}

static int tell(const study *y, double share, const char *what, ltd_err *err)
{
    if (y->o->stop && *y->o->stop) return ltd_fail(err, LTD_ECANCELED, "ablations: stopped");
    return ltd_watch_tell(&y->o->watch, share, what, err);
}

/* --- training --- */

/* A layer less is the one before the last; one more is half of the first. */
static void change_net(ltd_ints *hidden, int v)
{
    if (v == SHALLOW && hidden->n > 1) hidden->n--;
    if (v != DEEP || hidden->n < 1 || hidden->n >= LTD_CONFIG_INTS) return;
    for (int32_t i = hidden->n++; i > 1; i--) hidden->v[i] = hidden->v[i - 1];
    hidden->v[1] = hidden->v[0] / 2 > 0 ? hidden->v[0] / 2 : 1;
}

static int configure(const study *y, int v, int32_t seed, ltd_config *ret, ltd_err *err)
{
    *ret = y->s->config;
    ret->run.seed += (uint64_t)seed;
    ret->env.clock = LTD_CLOCK_TABLE;
    ret->train.mode = LTD_TRAIN_STAGES;
    ret->train.stages_on = LTD_TRAIN_RECORDS;
    ret->train.stages.n = variants[v].size_alone ? 1 : N_STAGES;
    for (int32_t i = 0; i < ret->train.stages.n; i++)
        snprintf(ret->train.stages.v[i], LTD_CONFIG_TEXT, "%s", stages[i]);
    if (ret->train.stage_decisions.n != N_STAGES)
        return ltd_fail(err, LTD_EINVAL, "train.stage_decisions: %d numbers, ablations need %d",
                        ret->train.stage_decisions.n, N_STAGES);
    ret->train.stage_decisions.n = ret->train.stages.n;
    change_net(&ret->policy.size_hidden, v);
    int rc =
        variants[v].set && variants[v].set[0] ? ltd_config_set(ret, variants[v].set, err) : LTD_OK;
    return rc == LTD_OK ? ltd_config_check(ret, err) : rc;
}

/* Named by all that a run depends on; what only the bench reads is not among it. */
static int folder(const study *y, const ltd_config *c, int v, char ret[PATH_MAX], ltd_err *err)
{
    ltd_config *plain = ltd_mem_zeros(1, sizeof *plain);
    ltd_str text = LTD_STR_INIT;
    char hex[65];
    if (!plain) return ltd_fail(err, LTD_ENOMEM, "ablations: no memory");
    ltd_config_init(plain);
    ltd_config what = *c;
    what.bench = plain->bench;
    what.prompts.bench = plain->prompts.bench;
    what.run = plain->run;
    what.run.seed = c->run.seed;
    free(plain);
    ltd_config_to_yaml(&what, &text);
    const ltd_cost *t = y->s->cost;
    ltd_str_printf(&text, "%s %s %s %.9g %.9g %.9g %.9g", t->machine, t->model_hash, t->head_hash,
                   (double)t->t_ar_ms, (double)t->commit_ms, (double)t->decide_ms,
                   (double)t->waiting_ms);
    for (int32_t i = 0; i < t->n_verify; i++)
        ltd_str_printf(&text, " %d %d %.9g", t->verify[i].rows, t->verify[i].context,
                       (double)t->verify[i].ms);
    for (int32_t i = 0; i < t->n_draft; i++)
        ltd_str_printf(&text, " %d %d %.9g", t->draft[i].rows, t->draft[i].context,
                       (double)t->draft[i].ms);
    ltd_file_sha256(hex, ltd_str_text(&text), text.len);
    bool failed = text.failed;
    ltd_str_fini(&text);
    if (failed) return ltd_fail(err, LTD_ENOMEM, "ablations: no memory");
    int n = snprintf(ret, PATH_MAX, "%s/ablations/%s-%llu-%.12s", c->run.dir, variants[v].name,
                     (unsigned long long)c->run.seed, hex);
    if (n < PATH_MAX - 64) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", c->run.dir);
}

static void begin(void *ctx, int64_t done, int64_t length)
{
    (void)done;
    ((study *)ctx)->length = length;
}

static void tick(void *ctx, int64_t done)
{
    const study *y = ctx;
    double share = y->length > 0 ? (double)done / (double)y->length : 0;
    /* A rollout can't be refused; o->stop ends it. */
    if (y->o->watch.tell)
        y->o->watch.tell(y->o->watch.ctx, 0.95 * (y->done + share) / y->all, y->name);
}

/* The checkpoint that a stage left, trained now if it isn't there. */
static int train(study *y, int v, int32_t seed, char dir[PATH_MAX], ltd_err *err)
{
    ltd_setup s = *y->s;
    char last[PATH_MAX + 64], newest[PATH_MAX];
    ltd_train_result r;
    int rc = configure(y, v, seed, &s.config, err);
    if (rc == LTD_OK) rc = folder(y, &s.config, v, dir, err);
    if (rc < 0) return rc;
    y->name = variants[v].name;
    snprintf(last, sizeof last, "%s/checkpoints/stage_%d.h5", dir, s.config.train.stages.n);
    if (access(last, R_OK) == 0) return LTD_OK;
    bool goes_on = ltd_checkpoint_newest(dir, newest, sizeof newest, NULL) == LTD_OK;
    ltd_train_options o = {.dir = dir,
                           .resume = goes_on ? newest : NULL,
                           .stop = y->o->stop,
                           .begin = begin,
                           .tick = tick,
                           .ctx = y};
    rc = ltd_file_mkdirs(dir, err);
    if (rc == LTD_OK) rc = ltd_train(&s, &o, &r, err);
    if (rc == LTD_OK && r.stopped)
        rc = ltd_fail(err, LTD_ECANCELED, "ablations: stopped; the same command goes on");
    return rc < 0 ? ltd_err_prefix(err, rc, "ablation %s, seed %d", variants[v].name, seed)
                  : LTD_OK;
}

/* --- playing --- */

/* Add a row of a bench over the records to the sums of ours. */
static int add(study *y, int32_t row, const ltd_bench *b, const char *policy, double *speedup,
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

static int play(const study *y, const ltd_policy *policy, const char *policies, ltd_bench **ret,
                ltd_err *err)
{
    ltd_setup s = *y->s;
    ltd_bench_options o = {.replay = &y->replay, .tuned = &y->tuned, .policy = policy};
    char key[64];
    snprintf(key, sizeof key, "bench.policies=%s", policies);
    int rc = ltd_config_set(&s.config, key, err);
    return rc == LTD_OK ? ltd_bench_run(&s, &o, ret, err) : rc;
}

/* The policy of a stage without the actors that the row does not play. */
static int load_actors(const spec *p, const char *dir, ltd_policy **ret, ltd_err *err)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/checkpoints/stage_%d.h5", dir, p->stage);
    int rc = ltd_policy_load(ret, path, err);
    if (rc < 0) return rc;
    if (!(p->actors & SIZE)) {
        ltd_mlp_free((*ret)->size);
        (*ret)->size = NULL;
    }
    if (!(p->actors & DEPTH)) {
        ltd_mlp_free((*ret)->depth);
        (*ret)->depth = NULL;
    }
    return LTD_OK;
}

static int play_actors(study *y, int32_t row, const char *dir, ltd_err *err)
{
    ltd_policy *policy;
    ltd_bench *b = NULL;
    int rc = load_actors(&specs[row], dir, &policy, err);
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
static int play_fixed(study *y, ltd_err *err)
{
    ltd_bench *b;
    int rc = play(y, NULL, "ar,eagle3,static-tuned", &b, err);
    if (rc < 0) return rc;
    y->n = y->a->prompts = b->all.prompts;
    y->tasks = y->a->tasks = b->n_tasks;
    for (int32_t i = 0; i < b->n_tasks; i++) y->size[i] = b->tasks[i].prompts;
    y->rate = ltd_mem_zeros((N_SPECS + 1) * (size_t)y->n, sizeof *y->rate);
    if (!y->rate) rc = ltd_fail(err, LTD_ENOMEM, "ablations: no memory");
    double one;
    if (rc == LTD_OK) rc = add(y, N_SPECS, b, "ar", &one, err);
    for (int32_t i = 0; rc == LTD_OK && i < N_SPECS; i++) {
        if (specs[i].run != NONE) continue;
        const char *name = specs[i].stage == EAGLE ? "eagle3" : "static-tuned";
        rc = add(y, i, b, name, &y->a->row[i].seed[0], err);
        y->a->row[i].seeds = 1;
    }
    ltd_bench_free(b);
    return rc;
}

/* --- figures --- */

static int32_t row_of(const study *y, const char *part, const char *name)
{
    for (int32_t i = 0; i < y->a->n_rows; i++)
        if (strcmp(specs[i].part, part) == 0 && strcmp(specs[i].name, name) == 0) return i;
    return 0;
}

static int fold(study *y, ltd_err *err)
{
    const ltd_config *c = &y->s->config;
    ltd_ratio group[LTD_BENCH_TASKS], all;
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < N_SPECS; i++) {
        ltd_ablation_row *r = &y->a->row[i];
        r->accept_len /= r->seeds;
        r->forwards /= r->seeds;
        r->size /= r->seeds;
        rc = ltd_stats_groups(rates(y, i), rates(y, N_SPECS), y->size, y->tasks, c->bench.bootstrap,
                              c->run.seed, group, &all, &r->speedup, err);
        int32_t against = row_of(y, r->part, r->against);
        if (rc == LTD_OK && against != i)
            rc = ltd_stats_groups(rates(y, i), rates(y, against), y->size, y->tasks,
                                  c->bench.bootstrap, c->run.seed, group, &all, &r->vs, err);
    }
    return rc;
}

/* --- on the clock --- */

/* What is played live, and under which name; the size policy alone is the reward's row `ratio`. */
static bool goes_live(const spec *p)
{
    bool reward = strcmp(p->part, specs[0].part) == 0;
    bool policies = strcmp(p->part, "policies") == 0 && strcmp(p->name, "size only") != 0;
    return reward || policies;
}

static int live_preset(study *y, int32_t row, ltd_preset *ret, ltd_policy **policy, ltd_err *err)
{
    const spec *p = &specs[row];
    char dir[PATH_MAX];
    *ret = (ltd_preset){.kind = LTD_PRESET_FIXED, .plain_head = true};
    snprintf(ret->name, sizeof ret->name, "%s", p->name);
    if (p->run == NONE) {
        ret->setting = p->stage == EAGLE ? (ltd_setting){LTD_EAGLE_FORWARDS, LTD_EAGLE_SIZE, false,
                                                         LTD_EAGLE_TOP_K}
                                         : y->tuned.best;
        return LTD_OK;
    }
    int rc = train(y, p->run, 0, dir, err);
    if (rc == LTD_OK) rc = load_actors(p, dir, policy, err);
    ret->kind = LTD_PRESET_POLICY;
    ret->policy = *policy;
    return rc;
}

static int fold_live(study *y, const ltd_bench *b, ltd_err *err)
{
    const ltd_config *c = &y->s->config;
    ltd_ratio group[LTD_BENCH_TASKS], all;
    int32_t n = b->all.prompts, size[LTD_BENCH_TASKS];
    ltd_rate *rate = ltd_mem_zeros((size_t)b->all.n_rows * (size_t)n, sizeof *rate);
    if (!rate) return ltd_fail(err, LTD_ENOMEM, "ablations: no memory");
    for (int32_t i = 0; i < b->n_tasks; i++) size[i] = b->tasks[i].prompts;
    for (int32_t r = 0; r < b->all.n_rows; r++)
        ltd_bench_rates(b->cells + (size_t)r * (size_t)n, n, b->reps, rate + (size_t)r * (size_t)n);
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < N_SPECS; i++) {
        ltd_ablation_row *to = &y->a->row[i];
        const ltd_bench_row *row = goes_live(&specs[i]) ? ltd_bench_find(&b->all, to->name) : NULL;
        const ltd_bench_row *against = ltd_bench_find(&b->all, to->against);
        const ltd_bench_row *ar = ltd_bench_find(&b->all, "ar");
        if (!row) continue;
        const ltd_rate *of = rate + (size_t)(row - b->all.rows) * (size_t)n;
        to->decide = row->phase[LTD_PHASE_DECIDE];
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

static int play_live(study *y, ltd_err *err)
{
    ltd_preset rows[N_SPECS + 1] = {{.name = "ar"}};
    ltd_policy *policy[N_SPECS + 1] = {NULL};
    ltd_bench *b = NULL;
    ltd_bench_options o = {.presets = rows, .n_presets = 1, .watch = y->o->watch};
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < N_SPECS; i++) {
        if (!goes_live(&specs[i])) continue;
        rc = live_preset(y, i, &rows[o.n_presets], &policy[o.n_presets], err);
        o.n_presets++;
    }
    if (rc == LTD_OK) rc = ltd_bench_run(y->s, &o, &b, err);
    if (rc == LTD_OK) rc = fold_live(y, b, err);
    ltd_bench_free(b);
    for (int32_t i = 0; i <= N_SPECS; i++) ltd_policy_free(policy[i]);
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

static int open_study(study *y, ltd_err *err)
{
    ltd_prompts *prompts;
    int rc = ltd_replay_open(&y->replay, y->s, err);
    if (rc < 0) return rc;
    rc = ltd_replay_train_prompts(&y->replay, &prompts, err);
    if (rc < 0) return rc;
    rc = ltd_replay_tune(&y->replay, prompts, &y->tuned, err);
    ltd_prompts_free(prompts);
    snprintf(y->a->machine, sizeof y->a->machine, "%s", y->s->cost->machine);
    for (y->a->n_rows = 0; y->a->n_rows < N_SPECS; y->a->n_rows++) {
        const spec *p = &specs[y->a->n_rows];
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
    study y = {.s = s, .o = options, .all = (double)options->seeds * N_VARIANTS};
    char dir[PATH_MAX];
    *ret = NULL;
    int rc = check(s, options, err);
    if (rc < 0) return rc;
    y.a = ltd_mem_zeros(1, sizeof *y.a);
    if (!y.a) return ltd_fail(err, LTD_ENOMEM, "ablations: no memory");
    rc = open_study(&y, err);
    if (rc == LTD_OK) rc = play_fixed(&y, err);
    for (int32_t seed = 0; rc == LTD_OK && seed < options->seeds; seed++) {
        for (int v = 0; rc == LTD_OK && v < N_VARIANTS; v++) {
            rc = tell(&y, 0.95 * y.done / y.all, variants[v].name, err);
            if (rc == LTD_OK) rc = train(&y, v, seed, dir, err);
            for (int32_t i = 0; rc == LTD_OK && i < N_SPECS; i++)
                if (specs[i].run == v) rc = play_actors(&y, i, dir, err);
            y.done++;
        }
    }
    if (rc == LTD_OK) rc = fold(&y, err);
    if (rc == LTD_OK && options->live) rc = play_live(&y, err);
    ltd_replay_close(&y.replay);
    free(y.rate);
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
