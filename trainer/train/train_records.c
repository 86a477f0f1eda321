/* The records of a run's prompts, compiled: what the first stages learn on. */
#include <stdlib.h>

#include "base/mem.h"
#include "trainer/records/record_run.h"
#include "trainer/records/replay.h"
#include "trainer/train/train_priv.h"

ltd_env **ltd_train_envs(ltd_trainer *t, int32_t *n)
{
    bool records = ltd_train_on_records(t);
    *n = records ? t->records.n_envs : 1;
    return records ? t->records.env : &t->env;
}

/* Can records serve this configuration?  Else what is in the way. */
static const char *in_the_way(const ltd_config *c)
{
    if (c->env.temperature > 0) return "records are greedy, env.temperature is not 0";
    if (!ltd_train_uses_records(c) && !ltd_setup_can_compile(c))
        return "the observations are not ltd's";
    return NULL;
}

int ltd_train_compile(ltd_trainer *t, const ltd_prompts *prompts, ltd_positions **ret, ltd_err *err)
{
    ltd_positions_options o = ltd_setup_positions_options(t->setup, &t->records.trace, prompts);
    ltd_positions_free(*ret);
    return ltd_positions_new(ret, &o, err);
}

/* PPO over records was asked for: without them that is an error. */
static int do_without(ltd_trainer *t, const char *why, ltd_err *err)
{
    const ltd_config *c = &t->setup->config;
    if (ltd_train_uses_records(c) && c->train.mode == LTD_TRAIN_STAGES)
        return ltd_fail(err, LTD_EINVAL, "train.stages_on is records, but %s", why);
    if (ltd_train_uses_records(c))
        return ltd_fail(err, LTD_EINVAL, "train.record_cycles is %d, but %s",
                        c->train.record_cycles, why);
    ltd_log(t->setup->log, LTD_LOG_INFO, "nothing is learned from records: %s", why);
    return LTD_OK;
}

int ltd_train_open_records(ltd_trainer *t, ltd_err *err)
{
    ltd_train_records *r = &t->records;
    ltd_err missing = LTD_ERR_INIT;
    const ltd_config *c = &t->setup->config;
    const char *why = in_the_way(c);
    if (why) return do_without(t, why, err);
    if (ltd_record_load(t->setup, &r->trace, &missing) < 0) return do_without(t, missing.msg, err);
    return ltd_setup_can_compile(c) ? ltd_train_compile(t, t->prompts, &r->train, err) : LTD_OK;
}

/* --- environments --- */

/* Those of the prompts that are recorded. */
static int keep_recorded(const ltd_trainer *t, const ltd_prompts *from, ltd_prompts **ret,
                         ltd_err *err)
{
    ltd_replay over = {.setup = t->setup, .trace = t->records.trace};
    int32_t left_out;
    int rc = ltd_replay_prompts(&over, from, ret, &left_out, err);
    if (rc == LTD_OK && left_out)
        ltd_log(t->setup->log, LTD_LOG_INFO, "%d of %zu prompts are not recorded and left out",
                left_out, ltd_prompts_count(from));
    return rc;
}

/* A cycle over the records for environment `e`; the last one is that of validation. */
static int open_over_cycle(ltd_trainer *t, int32_t e, ltd_env **ret, ltd_err *err)
{
    ltd_train_records *r = &t->records;
    ltd_cycle_options co = ltd_setup_record_cycle(t->setup, &r->trace);
    int32_t n = t->setup->config.train.record_envs;
    bool valid = e == n;
    int rc = ltd_cycle_new(&r->cycle[e], &co, err);
    if (rc < 0) return rc;
    ltd_env_options o =
        ltd_setup_record_env_options(t->setup, r->cycle[e], valid ? r->valid_prompts : r->prompts);
    o.seed += (uint64_t)(ltd_train_first_env(t, n) + e);
    return ltd_env_open(ret, &o, err);
}

static int open_over_cycles(ltd_trainer *t, int32_t n, ltd_err *err)
{
    ltd_train_records *r = &t->records;
    r->cycle = ltd_mem_zeros((size_t)n + 1, sizeof(ltd_cycle *));
    if (!r->cycle) return ltd_fail(err, LTD_ENOMEM, "train: no memory");
    int rc = keep_recorded(t, t->prompts, &r->prompts, err);
    if (rc == LTD_OK) rc = keep_recorded(t, t->valid_prompts, &r->valid_prompts, err);
    if (rc == LTD_OK) rc = open_over_cycle(t, n, &r->valid_env, err);
    for (; rc == LTD_OK && r->n_envs < n; r->n_envs++)
        rc = open_over_cycle(t, r->n_envs, &r->env[r->n_envs], err);
    return rc;
}

static int open_over_positions(ltd_trainer *t, int32_t n, ltd_err *err)
{
    ltd_train_records *r = &t->records;
    ltd_env_options o = ltd_setup_env_options(t->setup, NULL, NULL);
    int rc = r->valid ? LTD_OK : ltd_train_compile(t, t->valid_prompts, &r->valid, err);
    o.positions = r->valid;
    if (rc == LTD_OK) rc = ltd_env_open(&r->valid_env, &o, err);
    o.positions = r->train;
    o.seed += (uint64_t)ltd_train_first_env(t, n);
    for (; rc == LTD_OK && r->n_envs < n; r->n_envs++, o.seed++)
        rc = ltd_env_open(&r->env[r->n_envs], &o, err);
    return rc;
}

int ltd_train_open_record_envs(ltd_trainer *t, ltd_err *err)
{
    ltd_train_records *r = &t->records;
    int32_t n = t->setup->config.train.record_envs;
    r->env = ltd_mem_zeros((size_t)n, sizeof(ltd_env *));
    if (!r->env) return ltd_fail(err, LTD_ENOMEM, "train: no memory");
    return r->train ? open_over_positions(t, n, err) : open_over_cycles(t, n, err);
}

void ltd_train_close_records(ltd_trainer *t)
{
    ltd_train_records *r = &t->records;
    for (int32_t i = 0; i < r->n_envs; i++) ltd_env_close(r->env[i]);
    free(r->env);
    ltd_env_close(r->valid_env);
    for (int32_t e = 0; r->cycle && e <= t->setup->config.train.record_envs; e++)
        ltd_cycle_free(r->cycle[e]);
    free(r->cycle);
    ltd_prompts_free(r->prompts);
    ltd_prompts_free(r->valid_prompts);
    ltd_positions_free(r->train);
    ltd_positions_free(r->valid);
    ltd_trace_fini(&r->trace);
    *r = (ltd_train_records){0};
}
