#include "trainer/train/transfer_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/rules/rules.h"
#include "base/mem.h"
#include "env/cost_file.h"
#include "trainer/records/replay.h"
#include "trainer/train/train_priv.h"
#include "trainer/tune/rule_tune.h"

/* A machine, and what is made for it. */
typedef struct place {
    char name[64];
    ltd_cost *cost;
    ltd_setup setup; /* a borrowed copy, with its cost and, once trained, its rate */
    ltd_trainer trainer;
    ltd_setting setting; /* static-tuned */
    ltd_visits visits;   /* its policy's play on it */
} place;

typedef struct course {
    const ltd_setup *s;
    const ltd_transfer_options *o;
    ltd_train_options train;
    ltd_prompts *prompts[3]; /* training, validation, bench: those that are recorded */
    ltd_replay replay;
    place *home; /* [n] */
    int32_t n, now;
    ltd_setup *elsewhere; /* one machine's costs, another's rate */
    ltd_transfer *t;
    double *decided_ms; /* [n] sums of the prompt that is played */
    double tokens;
} course;

/* --- tables --- */

static void name_of(const char *path, char *ret, size_t size)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    if (n > 5 && strcmp(name + n - 5, ".json") == 0) n -= 5;
    snprintf(ret, size, "%.*s", (int)(n < size ? n : size - 1), name);
}

static int open_homes(course *c, ltd_err *err)
{
    if (c->n < 2 || c->n > LTD_TRANSFER_MACHINES)
        return ltd_fail(err, LTD_EINVAL, "transfer: %d tables, expected 2 to %d", c->n,
                        LTD_TRANSFER_MACHINES);
    c->home = ltd_mem_zeros((size_t)c->n, sizeof *c->home);
    c->elsewhere = ltd_mem_zeros(1, sizeof *c->elsewhere);
    c->decided_ms = ltd_mem_zeros((size_t)c->n, sizeof *c->decided_ms);
    if (!c->home || !c->elsewhere || !c->decided_ms)
        return ltd_fail(err, LTD_ENOMEM, "transfer: no memory");
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < c->n; i++) {
        place *h = &c->home[i];
        name_of(c->o->table[i], h->name, sizeof h->name);
        rc = ltd_cost_load(&h->cost, c->o->table[i], err);
        if (rc == LTD_OK) rc = ltd_setup_check_table(c->s, h->cost, c->o->table[i], err);
        h->setup = *c->s;
        h->setup.cost = h->cost;
        h->trainer = (ltd_trainer){.setup = &h->setup, .options = &c->train};
    }
    return rc;
}

/* --- prompts --- */

/* Those that are recorded and have a cycle to play. */
static int open_prompts(course *c, int which, const ltd_strings *paths, int32_t limit, ltd_err *err)
{
    ltd_prompts *all;
    int rc = ltd_setup_prompts(c->s, paths, limit, &all, err);
    if (rc < 0) return rc;
    size_t n = ltd_prompts_count(all), kept = 0;
    ltd_prompt *list = ltd_mem_zeros(n, sizeof *list);
    for (size_t i = 0; list && i < n; i++) {
        const ltd_prompt *p = ltd_prompts_at(all, i);
        int32_t text = ltd_trace_find(&c->replay.trace, p->ids, p->n);
        if (text >= 0 && c->replay.trace.text[text].positions > 0) list[kept++] = *p;
    }
    if (!list)
        rc = ltd_fail(err, LTD_ENOMEM, "transfer: no memory");
    else if (kept == 0)
        rc = ltd_fail(err, LTD_EINVAL,
                      "transfer: none of %zu prompts is recorded: run `ltd record`", n);
    else
        rc = ltd_prompts_copy(&c->prompts[which], list, kept, err);
    free(list);
    ltd_prompts_free(all);
    return rc;
}

static int open_records(course *c, ltd_err *err)
{
    const ltd_config *config = &c->s->config;
    int rc = ltd_replay_open(&c->replay, &c->home[0].setup, err);
    if (rc == LTD_OK) rc = open_prompts(c, 0, &config->prompts.train, config->prompts.limit, err);
    if (rc == LTD_OK) rc = open_prompts(c, 1, &config->prompts.valid, config->prompts.limit, err);
    if (rc == LTD_OK)
        rc = open_prompts(c, 2, &config->prompts.bench, config->bench.prompts_per_task, err);
    return rc;
}

/* --- training --- */

static void plan(void *ctx, const ltd_planner_progress *p)
{
    course *c = ctx;
    const place *h = &c->home[c->now];
    double share = 0.9 * (c->now + (double)p->pass / p->passes) / c->n;
    /* A pass can't be refused; o->stop ends it. */
    if (c->o->watch.tell) c->o->watch.tell(c->o->watch.ctx, share, h->name);
}

static ltd_replay replay_of(const course *c, int32_t i)
{
    ltd_replay r = c->replay;
    r.setup = &c->home[i].setup;
    return r;
}

static int train(course *c, int32_t i, ltd_err *err)
{
    place *h = &c->home[i];
    ltd_trainer *t = &h->trainer;
    ltd_planner_result r;
    ltd_tuned tuned;
    ltd_replay replay = replay_of(c, i);
    c->now = i;
    t->prompts = c->prompts[0];
    t->valid_prompts = c->prompts[1];
    t->records.trace = c->replay.trace;
    int rc = ltd_train_open_learners(t, err);
    if (rc == LTD_OK) rc = ltd_train_compile(t, t->prompts, &t->records.train, err);
    if (rc == LTD_OK) rc = ltd_train_plan_nets(t, &r, err);
    if (rc == LTD_OK) rc = ltd_replay_tune(&replay, c->prompts[0], &tuned, err);
    ltd_positions_free(t->records.train);
    ltd_positions_free(t->records.valid);
    t->records.train = t->records.valid = NULL;
    if (rc < 0) return rc;
    h->setting = tuned.best;
    c->t->machine[i].rate = h->setup.config.env.rate;
    c->t->machine[i].valid = r.valid;
    snprintf(c->t->machine[i].cpu, sizeof c->t->machine[i].cpu, "%s", h->cost->cpu);
    ltd_log(c->s->log, LTD_LOG_INFO, "trained for %s: x%.3f on held-out prompts, rate %.3f",
            h->name, r.valid, h->setup.config.env.rate);
    return LTD_OK;
}

/* --- playing: the policies --- */

/* The bench prompts under the table of one machine, at the rate of another's policy. */
static int compile(course *c, int32_t costs, int32_t rate, ltd_positions **ret, ltd_err *err)
{
    *ret = NULL;
    *c->elsewhere = c->home[costs].setup;
    c->elsewhere->config.env.rate = c->home[rate].setup.config.env.rate;
    c->elsewhere->config.env.max_new = c->s->config.bench.max_new;
    ltd_trainer *t = &c->home[rate].trainer;
    t->setup = c->elsewhere;
    int rc = ltd_train_compile(t, c->prompts[2], ret, err);
    t->setup = &c->home[rate].setup;
    return rc;
}

static int play_on(course *c, int32_t from, int32_t on, int32_t here, int32_t home, ltd_err *err)
{
    const ltd_trainer *t = &c->home[from].trainer;
    ltd_visits *own = &c->home[from].visits, told = {0};
    ltd_positions *p;
    double share = 0.9 + 0.1 * (from * c->n + on) / (c->n * c->n);
    int rc = ltd_watch_tell(&c->o->watch, share, c->home[on].name, err);
    if (rc == LTD_OK) rc = compile(c, on, from, &p, err);
    if (rc < 0) return rc;
    rc = ltd_planner_play(p, t->depth->actor, t->size->actor, from == on ? own : &told, err);
    if (rc == LTD_OK)
        rc = ltd_transfer_rates(p, from == on ? own : &told, ltd_transfer_at(c->t, here, on), err);
    if (rc == LTD_OK) rc = ltd_transfer_rates(p, own, ltd_transfer_at(c->t, home, on), err);
    if (from == on) ltd_transfer_plain(p, c->t->plain + (size_t)on * (size_t)c->t->prompts);
    ltd_visits_fini(&told);
    ltd_positions_free(p);
    return rc;
}

/* On its own machine first: what it does there is what the others' clocks are asked about. */
static int play_policies(course *c, const int32_t *here, const int32_t *home, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < c->n; i++) {
        rc = play_on(c, i, i, here[i], home[i], err);
        for (int32_t j = 0; rc == LTD_OK && j < c->n; j++)
            if (j != i) rc = play_on(c, i, j, here[i], home[i], err);
    }
    return rc;
}

/* --- playing: goodput, whose tree only a cycle has --- */

static void add_cycle(void *ctx, const ltd_env *env, const ltd_info *info)
{
    course *c = ctx;
    ltd_cost_work work = ltd_env_work(env, info);
    for (int32_t j = 0; j < c->n; j++) c->decided_ms[j] += ltd_cost_cycle(c->home[j].cost, &work);
    c->tokens += info->tokens;
}

static int play_prompts(course *c, ltd_player *player, int32_t row, ltd_err *err)
{
    int rc = LTD_OK;
    player->witness = (ltd_witness){.ended = add_cycle, .ctx = c};
    for (int32_t p = 0; rc == LTD_OK && p < c->t->prompts; p++) {
        ltd_run run;
        memset(c->decided_ms, 0, (size_t)c->n * sizeof *c->decided_ms);
        c->tokens = 0;
        rc = ltd_run_prompt(player, p, &run, NULL, err);
        for (int32_t j = 0; j < c->n; j++)
            ltd_transfer_at(c->t, row, j)[p] = (ltd_rate){c->tokens, 1e-3 * c->decided_ms[j]};
    }
    return rc;
}

static int play_goodput(course *c, int32_t i, int32_t row, ltd_transfer_row *told, ltd_err *err)
{
    const ltd_rule *rule = ltd_rule_find("goodput");
    float param[LTD_RULE_PARAMS];
    ltd_cycle *cycle = NULL;
    ltd_env *env = NULL;
    ltd_agent *agent = NULL;
    ltd_player player = {0};
    ltd_cycle_options options = ltd_replay_cycle_options(&c->replay);
    ltd_rule_defaults(rule, param);
    int rc = ltd_cycle_new(&cycle, &options, err);
    if (rc == LTD_OK) {
        ltd_env_options o = ltd_setup_env_options(&c->home[i].setup, cycle, c->prompts[2]);
        ltd_rule_env_options(&c->home[i].setup, &o);
        o.clock_table = true;
        rc = ltd_env_open(&env, &o, err);
    }
    if (rc == LTD_OK) rc = ltd_agent_rule_new(&agent, rule, param, err);
    if (rc == LTD_OK) rc = ltd_player_init(&player, env, agent, err);
    if (rc == LTD_OK) rc = play_prompts(c, &player, row, err);
    if (rc == LTD_OK) snprintf(told->detail, sizeof told->detail, "%.80s", agent->detail);
    ltd_player_fini(&player);
    ltd_agent_free(agent);
    ltd_env_close(env);
    ltd_cycle_free(cycle);
    return rc;
}

/* One row that decides by the costs it finds: what each machine's own decisions come to there. */
static int add_goodput(course *c, ltd_err *err)
{
    static const char name[] = "goodput-free";
    int32_t here, row;
    int rc = ltd_transfer_add(c->t, name, -1, LTD_COSTS_HERE, &here, err);
    for (int32_t i = 0; rc == LTD_OK && i < c->n; i++) {
        rc = ltd_transfer_add(c->t, name, i, LTD_COSTS_HOME, &row, err);
        if (rc == LTD_OK) rc = play_goodput(c, i, row, &c->t->row[here], err);
        if (rc < 0) break;
        memcpy(ltd_transfer_at(c->t, here, i), ltd_transfer_at(c->t, row, i),
               (size_t)c->t->prompts * sizeof(ltd_rate));
    }
    return rc;
}

/* --- playing: static settings --- */

static void play_setting(course *c, const ltd_setting *setting, int32_t row)
{
    for (int32_t j = 0; j < c->n; j++) {
        ltd_replay r = replay_of(c, j);
        ltd_rate *rate = ltd_transfer_at(c->t, row, j);
        for (int32_t p = 0; p < c->t->prompts; p++) {
            int32_t tokens;
            double ms = ltd_replay_static_ms(&r, ltd_prompts_at(c->prompts[2], (size_t)p), setting,
                                             &tokens);
            rate[p] = (ltd_rate){tokens, 1e-3 * ms};
        }
    }
}

static int add_settings(course *c, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < c->n; i++) {
        int32_t row;
        rc = ltd_transfer_add(c->t, "static-tuned", i, LTD_COSTS_HOME, &row, err);
        if (rc < 0) break;
        play_setting(c, &c->home[i].setting, row);
        ltd_setting_text(&c->home[i].setting, c->t->row[row].detail, sizeof c->t->row[row].detail);
    }
    return rc;
}

/* --- the whole --- */

static int add_policies(course *c, ltd_err *err)
{
    int32_t row[LTD_COSTS_COUNT][LTD_TRANSFER_MACHINES];
    int rc = LTD_OK;
    for (int k = 0; k < LTD_COSTS_COUNT; k++)
        for (int32_t i = 0; rc == LTD_OK && i < c->n; i++)
            rc = ltd_transfer_add(c->t, "ltd", i, (ltd_transfer_costs)k, &row[k][i], err);
    return rc == LTD_OK ? play_policies(c, row[LTD_COSTS_HERE], row[LTD_COSTS_HOME], err) : rc;
}

static int run(course *c, ltd_err *err)
{
    const ltd_config *config = &c->s->config;
    const char *name[LTD_TRANSFER_MACHINES];
    if (config->train.plan_passes < 1)
        return ltd_fail(err, LTD_EINVAL, "transfer: train.plan_passes is 0: nothing is trained");
    int rc = open_homes(c, err);
    if (rc == LTD_OK) rc = open_records(c, err);
    if (rc < 0) return rc;
    for (int32_t i = 0; i < c->n; i++) name[i] = c->home[i].name;
    rc = ltd_transfer_new(&c->t, name, c->n, (int32_t)ltd_prompts_count(c->prompts[2]), err);
    for (int32_t i = 0; rc == LTD_OK && i < c->n; i++) rc = train(c, i, err);
    if (rc == LTD_OK) rc = add_policies(c, err);
    if (rc == LTD_OK) rc = add_goodput(c, err);
    if (rc == LTD_OK) rc = add_settings(c, err);
    return rc == LTD_OK ? ltd_transfer_fold(c->t, config->bench.bootstrap, config->run.seed, err)
                        : rc;
}

static void close_all(course *c)
{
    for (int32_t i = 0; c->home && i < c->n; i++) {
        place *h = &c->home[i];
        ltd_learner_free(h->trainer.depth);
        ltd_learner_free(h->trainer.size);
        ltd_visits_fini(&h->visits);
        free(h->cost);
    }
    ltd_replay_close(&c->replay);
    for (int k = 0; k < 3; k++) ltd_prompts_free(c->prompts[k]);
    free(c->home);
    free(c->elsewhere);
    free(c->decided_ms);
}

int ltd_transfer_run(const ltd_setup *s, const ltd_transfer_options *options, ltd_transfer **ret,
                     ltd_err *err)
{
    course c = {.s = s, .o = options, .n = options->n};
    c.train = (ltd_train_options){.stop = options->stop, .plan = plan, .ctx = &c};
    *ret = NULL;
    int rc = run(&c, err);
    close_all(&c);
    if (rc < 0)
        ltd_transfer_free(c.t);
    else
        *ret = c.t;
    return rc;
}
