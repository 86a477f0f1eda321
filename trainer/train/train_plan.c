/* The first stage of a run: learning over the records of the training prompts, before any live
 * cycle.  It begins at what the observations expect (prior.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "trainer/train/behaviour.h"
#include "trainer/train/planner.h"
#include "trainer/train/prior.h"
#include "trainer/train/table_fit.h"
#include "trainer/train/train_priv.h"

/* Can these nets be planned with?  Else what is in the way. */
static const char *in_the_way(const ltd_config *c)
{
    if (c->policy.activation != LTD_ACT_RELU) return "policy.activation is not relu";
    if (c->env.min_forwards > 0) return "env.min_forwards is not 0";
    if (c->env.depth_every > 1) return "env.depth_every is not 1";
    return NULL;
}

typedef struct stage {
    ltd_trainer *t;
    ltd_train_records *records;
    float mean[LTD_OBS_LTD_DIM], spread[LTD_OBS_LTD_DIM];
} stage;

/* Mean and spread of the observations, of some of them; a spread is at least a twentieth. */
static void measure(stage *g)
{
    double sum[LTD_OBS_LTD_DIM] = {0}, square[LTD_OBS_LTD_DIM] = {0};
    const ltd_positions *p = g->records->train;
    int64_t total = ltd_positions_total(p);
    int32_t views = ltd_positions_get_options(p)->max_forwards + 1;
    for (int64_t i = 0; i < total; i++) {
        const float *obs = ltd_positions_at(p, i, (int32_t)(i % views)).obs;
        for (int k = 0; k < LTD_OBS_LTD_DIM; k++) {
            sum[k] += (double)obs[k];
            square[k] += (double)obs[k] * (double)obs[k];
        }
    }
    for (int k = 0; k < LTD_OBS_LTD_DIM; k++) {
        double mean = sum[k] / (double)total,
               spread = sqrt(fmax(square[k] / (double)total - mean * mean, 0));
        g->mean[k] = (float)mean;
        g->spread[k] = (float)(spread > 0.05 ? spread : 0.05);
    }
}

static int set_prior(stage *g, ltd_err *err)
{
    ltd_trainer *t = g->t;
    const ltd_config *c = &t->setup->config;
    measure(g);
    int rc = ltd_prior_set_worth(t->depth->ac, t->size->ac, (float)c->train.plan_prior,
                                 (float)c->train.plan_margin, g->mean, g->spread, err);
    if (rc == LTD_OK) rc = ltd_actor_critic_sync(t->depth->ac, &t->depth->actor, NULL, err);
    if (rc == LTD_OK) rc = ltd_actor_critic_sync(t->size->ac, &t->size->actor, NULL, err);
    return rc;
}

/* The rate at which the prior plays when it is told that rate: a few rounds come close. */
static int find_rate(stage *g, ltd_err *err)
{
    enum { ROUNDS = 3 };
    ltd_trainer *t = g->t;
    ltd_visits visits = {0};
    int rc = set_prior(g, err);
    for (int i = 0; rc == LTD_OK && i < ROUNDS; i++) {
        rc = ltd_planner_play(g->records->train, t->depth->actor, t->size->actor, &visits, err);
        if (rc == LTD_OK) t->setup->config.env.rate = (double)(float)(visits.tokens / visits.time);
        if (rc == LTD_OK) rc = ltd_train_compile(t, t->prompts, &g->records->train, err);
    }
    ltd_visits_fini(&visits);
    return rc == LTD_OK ? ltd_train_compile(t, t->valid_prompts, &g->records->valid, err) : rc;
}

static void tell(void *ctx, const ltd_planner_progress *p)
{
    ltd_trainer *t = ctx;
    ltd_train_note_pass(t, p);
    if (t->options->plan) t->options->plan(t->options->ctx, p);
}

static void log_table(const ltd_logger *log, const ltd_behaviour *b)
{
    ltd_str text = LTD_STR_INIT;
    ltd_behaviour_table(b, &text);
    for (const char *at = ltd_str_text(&text); *at;) {
        int n = (int)strcspn(at, "\n");
        ltd_log(log, LTD_LOG_INFO, "%.*s", n, at);
        at += n + (at[n] == '\n');
    }
    ltd_str_fini(&text);
}

/* What it does on the held-out texts; a constant policy is named as the setting it is. */
static int tell_behaviour(stage *g, ltd_err *err)
{
    const ltd_trainer *t = g->t;
    ltd_visits visits = {0};
    ltd_str text = LTD_STR_INIT;
    int rc = ltd_planner_play(g->records->valid, t->depth->actor, t->size->actor, &visits, err);
    if (rc == LTD_OK) {
        ltd_behaviour b = ltd_behaviour_of(g->records->valid, &visits);
        ltd_behaviour_text(&b, &text);
        ltd_behaviour_measure(&b, g->records->valid, &visits, t->depth->actor, t->size->actor);
        ltd_log(t->setup->log, LTD_LOG_INFO,
                "it chooses %s; entropy of a decision: depth %.3f, size %.3f nats",
                ltd_str_text(&text), b.depth_entropy, b.size_entropy);
        log_table(t->setup->log, &b);
        if (ltd_behaviour_is_constant(&b))
            ltd_log(t->setup->log, LTD_LOG_WARN,
                    "the policy hardly ever chooses anything but %d forwards and %d nodes: a fixed "
                    "setting does the same",
                    b.most_forwards, b.most_size);
    }
    ltd_str_fini(&text);
    ltd_visits_fini(&visits);
    return rc;
}

/* Would three figures and a table do? */
static int tabulate(stage *g, double nets, ltd_err *err)
{
    ltd_trainer *t = g->t;
    ltd_visits visits = {0};
    double there;
    t->table = ltd_mem_zeros(1, sizeof *t->table);
    if (!t->table) return ltd_fail(err, LTD_ENOMEM, "table: no memory");
    int rc = ltd_table_fit(t->table, g->records->train, t->depth->actor, t->size->actor,
                           t->setup->config.train.plan_window, &there, err);
    if (rc == LTD_OK) rc = ltd_table_play(g->records->valid, t->table, &visits, err);
    if (rc == LTD_OK) {
        double table = visits.tokens / visits.time;
        bool does = ltd_table_does(table, nets);
        ltd_log(t->setup->log, LTD_LOG_INFO,
                "a table of %d entries %s: x%.3f on held-out prompts, the nets x%.3f%s",
                ltd_table_entries(t->table), does ? "does as well" : "does not do as well", table,
                nets,
                does ? "; use it with --policy table"
                     : " (chosen on them: `ltd replay --policies ltd,ltd-table` asks others)");
    }
    ltd_visits_fini(&visits);
    return rc;
}

static int plan(stage *g, ltd_planner_result *ret, ltd_err *err)
{
    ltd_trainer *t = g->t;
    const ltd_config *c = &t->setup->config;
    ltd_rng rng;
    ltd_rng_seed(&rng, c->run.seed, LTD_STREAM_MINIBATCH);
    ltd_planner_options o = LTD_PLANNER_DEFAULTS;
    o.passes = c->train.plan_passes;
    o.batch_size = c->train.plan_batch_size;
    o.window = c->train.plan_window;
    o.lr = c->train.plan_lr;
    o.entropy = c->train.plan_ent_coef;
    o.max_grad_norm = c->train.max_grad_norm;
    o.rate = c->env.rate;
    o.stop = t->options->stop;
    o.tell = tell;
    o.ctx = t;
    return ltd_planner_run(t->depth, t->size, g->records->train, g->records->valid, &o, &rng, ret,
                           err);
}

int ltd_train_plan_nets(ltd_trainer *t, ltd_planner_result *ret, ltd_err *err)
{
    const char *why = in_the_way(&t->setup->config);
    if (why) return ltd_fail(err, LTD_EINVAL, "nothing can be planned over records: %s", why);
    stage g = {.t = t, .records = &t->records};
    int rc = find_rate(&g, err);
    return rc == LTD_OK ? plan(&g, ret, err) : rc;
}

/* What was learned, in words and as a table. */
static int tell_result(stage *g, const ltd_planner_result *r, ltd_err *err)
{
    ltd_trainer *t = g->t;
    ltd_log(t->setup->log, LTD_LOG_INFO,
            "over records: x%.3f on held-out prompts after %d passes, x%.3f before (rate %.3f)",
            r->valid, r->best_pass, r->before, t->setup->config.env.rate);
    int rc = tell_behaviour(g, err);
    return rc == LTD_OK ? tabulate(g, r->valid, err) : rc;
}

int ltd_train_plan(ltd_trainer *t, ltd_err *err)
{
    const ltd_config *c = &t->setup->config;
    ltd_planner_result r;
    if (c->train.plan_passes == 0 || !t->records.train) return LTD_OK;
    const char *why = in_the_way(c);
    if (why) {
        ltd_log(t->setup->log, LTD_LOG_INFO, "nothing is planned over records: %s", why);
        return LTD_OK;
    }
    stage g = {.t = t, .records = &t->records};
    int rc = ltd_train_open_plan(t, err);
    if (rc == LTD_OK) rc = ltd_train_plan_nets(t, &r, err);
    int closed = ltd_train_close_plan(t, rc == LTD_OK ? err : NULL);
    if (rc == LTD_OK) rc = closed;
    if (rc == LTD_OK) rc = tell_result(&g, &r, err);
    if (rc == LTD_OK) ltd_train_keep_positions(t);
    /* What the optimizer remembers belongs to another loss. */
    for (int i = 0; rc == LTD_OK && i < 2; i++) {
        ltd_adam *adam = (i ? t->size : t->depth)->adam;
        adam->step = 0;
        for (int64_t k = 0; k < adam->n; k++) adam->m[k] = adam->v[k] = 0;
    }
    t->planned = rc == LTD_OK;
    return rc;
}
