/* The records of a run's prompts, compiled: what the first stages learn on. */
#include <stdlib.h>

#include "base/mem.h"
#include "trainer/record_run.h"
#include "trainer/train_priv.h"

bool ltd_train_on_records(const ltd_trainer *t)
{
    return t->cycles < t->setup->config.train.record_cycles;
}

ltd_env **ltd_train_envs(ltd_trainer *t, int32_t *n)
{
    bool records = ltd_train_on_records(t);
    *n = records ? t->records.n_envs : 1;
    return records ? t->records.env : &t->env;
}

/* Can records serve this configuration?  Else what is in the way. */
static const char *in_the_way(const ltd_setup *s)
{
    const ltd_config *c = &s->config;
    if (c->env.depth_obs != LTD_CONTRACT_LTD_DEPTH || c->env.size_obs != LTD_CONTRACT_LTD_SIZE)
        return "the observations are not ltd's";
    if (c->env.temperature > 0) return "records are greedy, env.temperature is not 0";
    return NULL;
}

int ltd_train_compile(ltd_trainer *t, const ltd_prompts *prompts, ltd_positions **ret, ltd_err *err)
{
    const ltd_setup *s = t->setup;
    ltd_positions_options o = {.cycle = ltd_setup_record_cycle(s, &t->records.trace),
                               .cost = s->cost,
                               .prompts = prompts,
                               .sizes = s->config.env.sizes.v,
                               .n_sizes = s->config.env.sizes.n,
                               .max_forwards = s->head ? s->config.env.max_forwards : 0,
                               .max_new = s->config.env.max_new,
                               .rate = (float)s->config.env.rate};
    ltd_positions_free(*ret);
    return ltd_positions_new(ret, &o, err);
}

/* PPO over records was asked for: without them that is an error. */
static int do_without(ltd_trainer *t, const char *why, ltd_err *err)
{
    int32_t cycles = t->setup->config.train.record_cycles;
    if (cycles > 0)
        return ltd_fail(err, LTD_EINVAL, "train.record_cycles is %d, but %s", cycles, why);
    ltd_log(t->setup->log, LTD_LOG_INFO, "nothing is learned from records: %s", why);
    return LTD_OK;
}

int ltd_train_open_records(ltd_trainer *t, ltd_err *err)
{
    ltd_train_records *r = &t->records;
    ltd_err missing = LTD_ERR_INIT;
    const char *why = in_the_way(t->setup);
    if (why) return do_without(t, why, err);
    if (ltd_record_load(t->setup, &r->trace, &missing) < 0) return do_without(t, missing.msg, err);
    return ltd_train_compile(t, t->prompts, &r->train, err);
}

int ltd_train_open_record_envs(ltd_trainer *t, ltd_err *err)
{
    ltd_train_records *r = &t->records;
    int32_t n = t->setup->config.train.record_envs;
    r->env = ltd_mem_zeros((size_t)n, sizeof(ltd_env *));
    if (!r->env) return ltd_fail(err, LTD_ENOMEM, "train: no memory");
    ltd_env_options o = ltd_setup_env_options(t->setup, NULL, NULL);
    int rc = r->valid ? LTD_OK : ltd_train_compile(t, t->valid_prompts, &r->valid, err);
    o.positions = r->valid;
    if (rc == LTD_OK) rc = ltd_env_open(&r->valid_env, &o, err);
    o.positions = r->train;
    for (; rc == LTD_OK && r->n_envs < n; r->n_envs++, o.seed++)
        rc = ltd_env_open(&r->env[r->n_envs], &o, err);
    return rc;
}

void ltd_train_close_records(ltd_trainer *t)
{
    ltd_train_records *r = &t->records;
    for (int32_t i = 0; i < r->n_envs; i++) ltd_env_close(r->env[i]);
    free(r->env);
    ltd_env_close(r->valid_env);
    ltd_positions_free(r->train);
    ltd_positions_free(r->valid);
    ltd_trace_fini(&r->trace);
    *r = (ltd_train_records){0};
}
