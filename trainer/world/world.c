/* Opening order: policy -> its space into the configuration -> model, head -> cost table -> prompts
 * -> records -> compiled. */
#include "trainer/world/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/fixed.h"
#include "base/mem.h"
#include "env/cycle.h"
#include "env/trace.h"
#include "trainer/checkpoint/policy_file.h"
#include "trainer/records/record_run.h"
#include "trainer/records/replay.h"

struct ltd_world {
    ltd_setup setup;
    ltd_policy *policy; /* NULL: none */
    ltd_prompts *prompts;
    bool records;
    ltd_trace trace;
    ltd_positions *positions; /* NULL: cycles */
};

/* --- opening --- */

/* Play in the space that the policy was trained in. */
static void take_space(ltd_config *c, const ltd_policy *p)
{
    c->env.top_k = p->top_k;
    c->env.min_forwards = p->min_forwards;
    c->env.max_forwards = p->max_forwards;
    c->env.depth_every = p->depth_every;
    c->env.lookup = p->lookup;
    c->env.rate = p->rate;
    c->env.sizes.n = p->n_sizes;
    memcpy(c->env.sizes.v, p->sizes, (size_t)p->n_sizes * sizeof p->sizes[0]);
    if (p->depth) c->env.depth_obs = p->depth_contract;
    if (p->size) c->env.size_obs = p->size_contract;
}

/* Scores mean to everybody what they mean to the policy. */
static int take_survival(ltd_setup *s, const ltd_policy *p, ltd_err *err)
{
    free(s->survival);
    s->survival = NULL;
    if (!p->survival) return LTD_OK;
    s->survival = malloc(sizeof *s->survival);
    if (!s->survival) return ltd_fail(err, LTD_ENOMEM, "world: no memory");
    *s->survival = *p->survival;
    return LTD_OK;
}

static int open_setup(ltd_world *w, const ltd_world_options *o, ltd_err *err)
{
    int rc = o->policy ? ltd_policy_load(&w->policy, o->policy, err) : LTD_OK;
    ltd_config *c = rc == LTD_OK ? malloc(sizeof *c) : NULL;
    if (rc < 0) return rc;
    if (!c) return ltd_fail(err, LTD_ENOMEM, "world: no memory");
    *c = *o->config;
    if (w->policy) take_space(c, w->policy);
    rc = ltd_config_check(c, err);
    if (rc == LTD_OK) rc = ltd_setup_open(&w->setup, c, o->log, err);
    free(c);
    if (rc < 0 || !w->policy) return rc;
    if (strcmp(w->policy->model_hash, ltd_llama_hash(w->setup.model)) != 0)
        return ltd_fail(err, LTD_EINVAL, "policy %s: trained with another model than %s", o->policy,
                        ltd_llama_path(w->setup.model));
    const char *head = w->setup.head ? ltd_eagle3_hash(w->setup.head) : "";
    if (strcmp(w->policy->head_hash, head) != 0)
        return ltd_fail(err, LTD_EINVAL,
                        "policy %s: trained with another draft head (sha256 %.12s, here %.12s)",
                        o->policy, w->policy->head_hash, head);
    return take_survival(&w->setup, w->policy, err);
}

static int open_cost(ltd_world *w, ltd_err *err)
{
    const ltd_config *c = &w->setup.config;
    bool needed =
        w->records || c->env.clock == LTD_CLOCK_TABLE || c->env.reward == LTD_REWARD_AVERAGE;
    return needed ? ltd_setup_cost(&w->setup, err) : ltd_setup_cost_if_any(&w->setup, err);
}

static int open_prompts(ltd_world *w, const ltd_world_options *o, ltd_err *err)
{
    const ltd_setup *s = &w->setup;
    const ltd_config *c = &s->config;
    if (o->text)
        return ltd_prompts_from_text(&w->prompts, o->text, s->chat, ltd_llama_tokenizer(s->model),
                                     err);
    const ltd_strings *files = o->split == LTD_WORLD_VALID   ? &c->prompts.valid
                               : o->split == LTD_WORLD_BENCH ? &c->prompts.bench
                                                             : &c->prompts.train;
    return ltd_setup_prompts(s, files, c->prompts.limit, &w->prompts, err);
}

/* The records of the prompts; those that aren't recorded are left out. */
static int open_records(ltd_world *w, ltd_err *err)
{
    int rc = ltd_record_load(&w->setup, &w->trace, err);
    if (rc < 0) return rc;
    if (ltd_setup_can_compile(&w->setup.config)) {
        ltd_positions_options o = ltd_setup_positions_options(&w->setup, &w->trace, w->prompts);
        return ltd_positions_new(&w->positions, &o, err);
    }
    ltd_replay over = {.setup = &w->setup, .trace = w->trace};
    ltd_prompts *recorded;
    int32_t left_out;
    rc = ltd_replay_prompts(&over, w->prompts, &recorded, &left_out, err);
    if (rc < 0) return rc;
    ltd_prompts_free(w->prompts);
    w->prompts = recorded;
    return LTD_OK;
}

int ltd_world_open(ltd_world **ret, const ltd_world_options *o, ltd_err *err)
{
    *ret = NULL;
    bool records = o->source == LTD_WORLD_RECORDS;
    if (records && o->text)
        return ltd_fail(err, LTD_EINVAL, "world: records are of files of prompts, not of a text");
    if (records && o->config->env.temperature > 0)
        return ltd_fail(err, LTD_EINVAL, "world: records are greedy, env.temperature is not 0");
    ltd_world *w = ltd_mem_zeros(1, sizeof *w);
    if (!w) return ltd_fail(err, LTD_ENOMEM, "world: no memory");
    w->records = records;
    int rc = open_setup(w, o, err);
    if (rc == LTD_OK) rc = open_cost(w, err);
    if (rc == LTD_OK) rc = open_prompts(w, o, err);
    if (rc == LTD_OK && records) rc = open_records(w, err);
    if (rc < 0) {
        ltd_world_close(w);
        return rc;
    }
    *ret = w;
    return LTD_OK;
}

void ltd_world_close(ltd_world *w)
{
    if (!w) return;
    ltd_positions_free(w->positions);
    ltd_trace_fini(&w->trace);
    ltd_prompts_free(w->prompts);
    ltd_policy_free(w->policy);
    ltd_setup_close(&w->setup);
    free(w);
}

const ltd_setup *ltd_world_setup(const ltd_world *w)
{
    return &w->setup;
}

/* --- environments --- */

int ltd_world_env(const ltd_world *w, uint64_t seed, ltd_env **ret, ltd_err *err)
{
    const ltd_setup *s = &w->setup;
    ltd_cycle *cycle = NULL;
    *ret = NULL;
    if (!w->positions) {
        ltd_cycle_options co =
            w->records ? ltd_setup_record_cycle(s, &w->trace) : ltd_setup_cycle_options(s);
        co.seed = seed;
        int rc = ltd_cycle_new(&cycle, &co, err);
        if (rc < 0) return rc;
    }
    ltd_env_options o = w->records && cycle ? ltd_setup_record_env_options(s, cycle, w->prompts)
                                            : ltd_setup_env_options(s, cycle, w->prompts);
    o.positions = w->positions;
    o.seed = seed;
    int rc = ltd_env_open(ret, &o, err);
    if (rc < 0) ltd_cycle_free(cycle);
    return rc;
}

void ltd_world_env_close(ltd_env *env)
{
    if (!env) return;
    ltd_cycle *cycle = ltd_env_cycle(env);
    ltd_env_close(env);
    ltd_cycle_free(cycle);
}

/* --- agents --- */

static int policy_agent(const ltd_world *w, const ltd_env *env, ltd_agent **ret, ltd_err *err)
{
    if (!w->policy) return ltd_fail(err, LTD_EINVAL, "agent policy: none was opened");
    int rc = ltd_policy_check(w->policy, env, err);
    return rc < 0 ? rc : ltd_agent_policy_new(ret, "policy", w->policy, NULL, err);
}

int ltd_world_agent(const ltd_world *w, const ltd_env *env, const char *name, uint64_t seed,
                    ltd_agent **ret, ltd_err *err)
{
    int forwards, size, used = 0;
    *ret = NULL;
    if (strcmp(name, "policy") == 0) return policy_agent(w, env, ret, err);
    if (strcmp(name, "untaught") == 0)
        return ltd_agent_untaught_new(ret, w->setup.config.policy.fixed_size, seed, err);
    if (strcmp(name, "random") == 0) return ltd_agent_random_new(ret, seed, err);
    if (strcmp(name, "ar") == 0) return ltd_agent_fixed_new(ret, name, 0, 0, err);
    if (sscanf(name, "static-%d-%d%n", &forwards, &size, &used) == 2 && !name[used])
        return ltd_agent_fixed_new(ret, name, forwards, size, err);
    return ltd_fail(err, LTD_EINVAL,
                    "no agent called '%s', expected policy, untaught, static-N-V, ar or random",
                    name);
}
