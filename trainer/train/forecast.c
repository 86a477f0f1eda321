/* Nets as a run would open them, put to work for a moment; sizes by what each part allocates. */
#include "trainer/train/forecast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/train/train_priv.h"

enum { DECISIONS = 200, EPOCHS = 4 };

/* --- nets --- */

static int64_t parameters(const ltd_mlp *net)
{
    int64_t n = 0;
    for (int32_t i = 0; i < ltd_mlp_layers(net); i++)
        n += (int64_t)ltd_mlp_dim(net, i + 1) * (ltd_mlp_dim(net, i) + 1);
    return n;
}

/* A state as it might be: some numbers, every action legal. */
static void make_up(ltd_step *step, ltd_rng *rng)
{
    for (int32_t i = 0; i < step->n_obs; i++) step->obs[i] = (float)ltd_rng_f64(rng);
    memset(step->mask, 1, (size_t)step->n_actions);
}

static double ms_since(const ltd_clock *clock, uint64_t t0)
{
    return (double)(ltd_clock_now(clock) - t0) * 1e-6;
}

/* One minibatch, EPOCHS times over; the first update warms up. */
static int time_steps(ltd_learner *l, ltd_step *step, const ltd_setup *s, ltd_rng *rng, double *ret,
                      ltd_err *err)
{
    const ltd_config *c = &s->config;
    ltd_ppo_options ppo = LTD_PPO_DEFAULTS;
    ltd_ppo_stats stats;
    ppo.batch_size = c->train.batch_size;
    ppo.n_epochs = EPOCHS;
    int rc = LTD_OK;
    for (int round = 0; rc == LTD_OK && round < 2; round++) {
        ltd_learner_begin(l);
        for (int32_t i = 0; i < c->train.batch_size; i++) {
            make_up(step, rng);
            ltd_learner_act(l, 0, step, rng);
            ltd_learner_reward(l, 0, (float)ltd_rng_f64(rng), false);
        }
        uint64_t t0 = ltd_clock_now(&s->clock);
        rc = ltd_learner_update(l, &ppo, 1, c->train.gae_lambda, rng, &stats, err);
        *ret = ms_since(&s->clock, t0) / EPOCHS;
    }
    return rc;
}

static int measure(ltd_forecast_net *net, ltd_learner *l, const ltd_setup *s, ltd_err *err)
{
    ltd_rng rng;
    ltd_step step = {.n_obs = ltd_mlp_dim(l->actor, 0), .n_actions = net->outputs};
    step.obs = ltd_mem_zeros((size_t)step.n_obs, sizeof *step.obs);
    step.mask = ltd_mem_zeros(LTD_MAX_SIZES, 1);
    ltd_rng_seed(&rng, s->config.run.seed, LTD_STREAM_EXPLORE);
    int rc = LTD_OK;
    if (!step.obs || !step.mask) rc = ltd_fail(err, LTD_ENOMEM, "dry run: no memory");
    if (rc == LTD_OK) {
        make_up(&step, &rng);
        ltd_learner_act_greedy(l, &step);
        uint64_t t0 = ltd_clock_now(&s->clock);
        for (int i = 0; i < DECISIONS; i++) ltd_learner_act_greedy(l, &step);
        net->decision_ms = ms_since(&s->clock, t0) / DECISIONS;
        rc = time_steps(l, &step, s, &rng, &net->minibatch_ms, err);
    }
    free(step.obs);
    free(step.mask);
    return rc;
}

static size_t rollout_bytes(const ltd_rollout_options *o)
{
    size_t step = (size_t)o->obs_dim * sizeof(float) + (size_t)o->n_actions + 1 + sizeof(int32_t) +
                  6 * sizeof(float);
    return (size_t)o->n_envs * (size_t)o->capacity * step;
}

static int look_at(ltd_forecast *f, int which, ltd_learner *l, const ltd_ints *hidden, ltd_err *err)
{
    const ltd_config *c = &f->setup->config;
    ltd_forecast_net *net = &f->net[which];
    *net = (ltd_forecast_net){.inputs = ltd_mlp_dim(l->actor, 0),
                              .outputs = ltd_mlp_dim(l->actor, ltd_mlp_layers(l->actor)),
                              .hidden = hidden,
                              .critic_hidden = &c->policy.critic_hidden,
                              .actor = parameters(l->actor),
                              .critic = parameters(l->critic)};
    size_t all = (size_t)(net->actor + net->critic) * sizeof(float);
    f->nets += 3 * all; /* parameters, gradients, plain-C twins */
    f->optimizer += 2 * all;
    f->rollouts += rollout_bytes(&l->rollout->opt);
    f->checkpoint += 3 * all;
    return measure(net, l, f->setup, err);
}

static int open_nets(ltd_forecast *f, ltd_setup *s, ltd_err *err)
{
    ltd_trainer t = {.setup = s};
    int rc = ltd_train_open_learners(&t, err);
    if (rc == LTD_OK)
        rc = look_at(f, LTD_FORECAST_DEPTH, t.depth, &s->config.policy.depth_hidden, err);
    if (rc == LTD_OK)
        rc = look_at(f, LTD_FORECAST_SIZE, t.size, &s->config.policy.size_hidden, err);
    ltd_learner_free(t.depth);
    ltd_learner_free(t.size);
    return rc;
}

/* --- memory --- */

static void add_text(ltd_forecast *f)
{
    const ltd_setup *s = f->setup;
    const ltd_llm_config *m = ltd_llama_config(s->model);
    size_t context = (size_t)s->config.model.context;
    size_t element = s->config.model.kv == LTD_KV_F16 ? 2 : 4;
    f->model = ltd_llama_bytes(s->model);
    f->kv =
        2 * (size_t)m->n_layers * (size_t)m->n_kv_heads * (size_t)m->head_dim * context * element;
    if (!s->head) return;
    const ltd_eagle3_config *h = ltd_eagle3_get_config(s->head);
    f->head = ltd_eagle3_bytes(s->head);
    f->kv += 2 * (size_t)h->kv_heads * (size_t)h->head_dim * context * sizeof(float);
    f->features = 3 * (size_t)m->hidden * context * sizeof(float);
}

/* --- all of it --- */

int ltd_forecast_make(ltd_forecast *ret, ltd_setup *setup, const char *dir, ltd_err *err)
{
    ltd_forecast f = {.setup = setup};
    snprintf(f.dir, sizeof f.dir, "%s", dir);
    int rc = ltd_setup_cost_path(setup, f.calibration, sizeof f.calibration, err);
    if (rc == LTD_OK) rc = open_nets(&f, setup, err);
    if (rc < 0) return rc;
    add_text(&f);
    f.pace = ltd_forecast_pace_of(&setup->config, setup->cost, setup->head != NULL);
    f.n_stages = ltd_forecast_stages(&setup->config, &f.pace, f.stage);
    *ret = f;
    return LTD_OK;
}

double ltd_forecast_cycles_s(const ltd_forecast *f, const ltd_forecast_stage *s)
{
    if (!s->live || s->cycles == 0) return 0; /* over records: next to nothing */
    return f->setup->cost ? (double)s->cycles * f->pace.ms * 1e-3 : NAN;
}

double ltd_forecast_updates_s(const ltd_forecast *f, const ltd_forecast_stage *s)
{
    double ms = 0;
    for (int p = 0; p < LTD_FORECAST_POLICIES; p++)
        ms += (double)s->gradient_steps[p] * f->net[p].minibatch_ms;
    return ms * 1e-3;
}
