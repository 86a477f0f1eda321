/* Runs of training that ablations compare: what differs, where they are kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "trainer/checkpoint/policy_file.h"
#include "trainer/suites/ablations_priv.h"
#include "trainer/train/train.h"

/* A run of training: what differs from the configuration, "" = nothing. */
typedef struct variant {
    const char *name;
    bool size_alone; /* the first stage only */
    const char *set; /* a key and its value */
} variant;

static const variant variants[LTD_RUN_COUNT] = {
    [LTD_RUN_WHOLE] = {"whole", false, ""},
    [LTD_RUN_LENGTH] = {"length", true, "env.reward=length"},
    [LTD_RUN_TIME] = {"time", true, "env.reward=time"},
    [LTD_RUN_AVERAGE] = {"average", true, "env.reward=average"},
    [LTD_RUN_NO_DEPTH] = {"no-depth", true, "env.size_obs=paper/size/1268-no-depth"},
    [LTD_RUN_NO_CONTEXT] = {"no-context", true, "env.size_obs=paper/size/1268-no-context"},
    [LTD_RUN_SHALLOW] = {"shallow", true, NULL}, /* nets: see change_net() */
    [LTD_RUN_DEEP] = {"deep", true, NULL},
};

static const char *const stages[] = {"size-alone", "depth-alone", "size", "depth", "size"};
enum { N_STAGES = 5 };
/* A layer less is the one before the last; one more is half of the first. */
static void change_net(ltd_ints *hidden, int v)
{
    if (v == LTD_RUN_SHALLOW && hidden->n > 1) hidden->n--;
    if (v != LTD_RUN_DEEP || hidden->n < 1 || hidden->n >= LTD_CONFIG_INTS) return;
    for (int32_t i = hidden->n++; i > 1; i--) hidden->v[i] = hidden->v[i - 1];
    hidden->v[1] = hidden->v[0] / 2 > 0 ? hidden->v[0] / 2 : 1;
}

static int configure(const ltd_study *y, int v, int32_t seed, ltd_config *ret, ltd_err *err)
{
    *ret = y->s->config;
    ret->run.seed += (uint64_t)seed;
    ret->env.clock = LTD_CLOCK_TABLE;
    ret->train.time_limit_s = 0;
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

/* What training does not read is as it comes. */
static void forget_the_rest(ltd_config *c, const ltd_config *plain)
{
    uint64_t seed = c->run.seed;
    c->bench = plain->bench;
    c->prompts.bench = plain->prompts.bench;
    c->run = plain->run;
    c->run.seed = seed;
    c->tune = plain->tune;
    c->distill = plain->distill;
    c->generate = plain->generate;
    c->calibration = plain->calibration;
    c->trace = plain->trace;
    c->model.threads = plain->model.threads;
}

static void put_table(const ltd_cost *t, ltd_str *out)
{
    ltd_str_printf(out, "%s %s %s %.9g %.9g %.9g %.9g", t->machine, t->model_hash, t->head_hash,
                   (double)t->t_ar_ms, (double)t->commit_ms, (double)t->decide_ms,
                   (double)t->waiting_ms);
    for (int32_t i = 0; i < t->n_verify; i++)
        ltd_str_printf(out, " %d %d %.9g", t->verify[i].rows, t->verify[i].context,
                       (double)t->verify[i].ms);
    for (int32_t i = 0; i < t->n_draft; i++)
        ltd_str_printf(out, " %d %d %.9g", t->draft[i].rows, t->draft[i].context,
                       (double)t->draft[i].ms);
}

/* Named by all that a run depends on. */
static int folder(const ltd_study *y, const ltd_config *c, int v, char ret[PATH_MAX], ltd_err *err)
{
    ltd_config *what = ltd_mem_zeros(2, sizeof *what);
    ltd_str text = LTD_STR_INIT;
    char hex[65];
    if (!what) return ltd_fail(err, LTD_ENOMEM, "ablations: no memory");
    ltd_config_init(&what[1]);
    what[0] = *c;
    forget_the_rest(&what[0], &what[1]);
    ltd_config_to_yaml(&what[0], &text);
    free(what);
    put_table(y->s->cost, &text);
    ltd_str_printf(&text, " %s", y->data);
    ltd_file_sha256(hex, ltd_str_text(&text), text.len);
    bool failed = text.failed;
    ltd_str_fini(&text);
    if (failed) return ltd_fail(err, LTD_ENOMEM, "ablations: no memory");
    int n = snprintf(ret, PATH_MAX, "%s/ablations/%s-%llu-%.12s", c->run.dir, variants[v].name,
                     (unsigned long long)c->run.seed, hex);
    if (n < PATH_MAX - 64) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", c->run.dir);
}

/* Prompts that are recorded are what training has. */
int ltd_study_digest(ltd_study *y, ltd_err *err)
{
    const ltd_config *c = &y->s->config;
    const ltd_strings *files[2] = {&c->prompts.train, &c->prompts.valid};
    ltd_str text = LTD_STR_INIT;
    int rc = LTD_OK;
    for (int k = 0; rc == LTD_OK && k < 2; k++) {
        ltd_prompts *prompts;
        rc = ltd_setup_prompts(y->s, files[k], c->prompts.limit, &prompts, err);
        for (size_t i = 0; rc == LTD_OK && i < ltd_prompts_count(prompts); i++) {
            const ltd_prompt *p = ltd_prompts_at(prompts, i);
            if (ltd_trace_find(&y->replay.trace, p->ids, p->n) < 0) continue;
            for (int32_t j = 0; j < p->n; j++) ltd_str_printf(&text, " %d", p->ids[j]);
            ltd_str_puts(&text, k ? "v" : "t");
        }
        if (rc == LTD_OK) ltd_prompts_free(prompts);
    }
    ltd_file_sha256(y->data, ltd_str_text(&text), text.len);
    if (rc == LTD_OK && text.failed) rc = ltd_fail(err, LTD_ENOMEM, "ablations: no memory");
    ltd_str_fini(&text);
    return rc;
}

static void begin(void *ctx, int64_t done, int64_t length)
{
    (void)done;
    ((ltd_study *)ctx)->length = length;
}

static void tick(void *ctx, int64_t done)
{
    const ltd_study *y = ctx;
    double share = y->length > 0 ? (double)done / (double)y->length : 0;
    /* A rollout can't be refused; o->stop ends it. */
    if (y->o->watch.tell)
        y->o->watch.tell(y->o->watch.ctx, y->share * (y->done + share) / y->all, y->name);
}

/* The checkpoint that a stage left, trained now if it isn't there. */
int ltd_study_train(ltd_study *y, int v, int32_t seed, char dir[PATH_MAX], ltd_err *err)
{
    ltd_setup *s = y->scratch;
    char last[PATH_MAX + 64], newest[PATH_MAX];
    ltd_train_result r;
    *s = *y->s;
    int rc = configure(y, v, seed, &s->config, err);
    if (rc == LTD_OK) rc = folder(y, &s->config, v, dir, err);
    if (rc < 0) return rc;
    y->name = variants[v].name;
    snprintf(last, sizeof last, "%s/checkpoints/stage_%d.h5", dir, s->config.train.stages.n);
    if (access(last, R_OK) == 0) return LTD_OK;
    bool goes_on = ltd_checkpoint_newest(dir, newest, sizeof newest, NULL) == LTD_OK;
    ltd_train_options o = {.dir = dir,
                           .resume = goes_on ? newest : NULL,
                           .stop = y->o->stop,
                           .begin = begin,
                           .tick = tick,
                           .ctx = y};
    rc = ltd_file_mkdirs(dir, err);
    if (rc == LTD_OK) rc = ltd_train(s, &o, &r, err);
    if (rc == LTD_OK && r.stopped)
        rc = ltd_fail(err, LTD_ECANCELED, "ablations: stopped; the same command goes on");
    return rc < 0 ? ltd_err_prefix(err, rc, "ablation %s, seed %d", variants[v].name, seed)
                  : LTD_OK;
}

int ltd_study_actors(const ltd_ablation_spec *p, const char *dir, ltd_policy **ret, ltd_err *err)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/checkpoints/stage_%d.h5", dir, p->stage);
    int rc = ltd_policy_load(ret, path, err);
    if (rc < 0) return rc;
    if (!(p->actors & LTD_ACTOR_SIZE)) {
        ltd_mlp_free((*ret)->size);
        (*ret)->size = NULL;
    }
    if (!(p->actors & LTD_ACTOR_DEPTH)) {
        ltd_mlp_free((*ret)->depth);
        (*ret)->depth = NULL;
    }
    return LTD_OK;
}

const char *ltd_study_run_name(int run)
{
    return variants[run].name;
}
