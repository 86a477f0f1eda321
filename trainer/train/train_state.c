/* What a checkpoint of a run holds; docs/formats.md lists it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "trainer/checkpoint/policy_file.h"
#include "trainer/checkpoint/table_file.h"
#include "trainer/train/train_priv.h"

/* "env/prompt_rng"; of further environments "env/3/prompt_rng". */
static const char *env_name(char ret[LTD_CHECKPOINT_MAX_NAME], int32_t e, const char *what)
{
    if (e == 0)
        snprintf(ret, LTD_CHECKPOINT_MAX_NAME, "env/%s", what);
    else
        snprintf(ret, LTD_CHECKPOINT_MAX_NAME, "env/%d/%s", e, what);
    return ret;
}

static void put_env(const ltd_train_env *saved, int32_t e, ltd_checkpoint_writer *w)
{
    char name[LTD_CHECKPOINT_MAX_NAME];
    const ltd_env_state_save *s = &saved->state;
    int64_t order[sizeof s->order / sizeof s->order[0]], next = s->next;
    int64_t kind = (int64_t)s->reward.kind;
    for (int32_t i = 0; i < s->n_prompts; i++) order[i] = s->order[i];
    const double reward[4] = {s->reward.scale, s->reward.keep, s->reward.sum_l, s->reward.sum_t};
    ltd_checkpoint_put_i64(w, env_name(name, e, "prompt_order"), order, (size_t)s->n_prompts);
    ltd_checkpoint_put_i64(w, env_name(name, e, "prompt_next"), &next, 1);
    ltd_checkpoint_put_u64(w, env_name(name, e, "prompt_rng"), s->rng.s, 4);
    ltd_checkpoint_put_i64(w, env_name(name, e, "reward_kind"), &kind, 1);
    ltd_checkpoint_put_f64(w, env_name(name, e, "reward"), reward, 4);
    ltd_checkpoint_put_u64(w, env_name(name, e, "explore_rng"), saved->explore.s, 4);
}

static int get_env(const ltd_checkpoint *c, int32_t e, ltd_env *env, ltd_rng *explore, ltd_err *err)
{
    char name[LTD_CHECKPOINT_MAX_NAME];
    ltd_env_state_save s = {.n_prompts =
                                (int32_t)ltd_prompts_count(ltd_env_get_options(env)->prompts)};
    int64_t order[sizeof s.order / sizeof s.order[0]], next, kind;
    double reward[4];
    size_t n = (size_t)s.n_prompts;
    int rc = ltd_checkpoint_get_i64(c, env_name(name, e, "prompt_order"), order, n, err);
    if (rc == LTD_OK)
        rc = ltd_checkpoint_get_i64(c, env_name(name, e, "prompt_next"), &next, 1, err);
    if (rc == LTD_OK)
        rc = ltd_checkpoint_get_u64(c, env_name(name, e, "prompt_rng"), s.rng.s, 4, err);
    if (rc == LTD_OK)
        rc = ltd_checkpoint_get_i64(c, env_name(name, e, "reward_kind"), &kind, 1, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_f64(c, env_name(name, e, "reward"), reward, 4, err);
    if (rc == LTD_OK)
        rc = ltd_checkpoint_get_u64(c, env_name(name, e, "explore_rng"), explore->s, 4, err);
    if (rc < 0) return rc;
    for (int32_t i = 0; i < s.n_prompts; i++) s.order[i] = (int32_t)order[i];
    if (kind < 0 || kind >= LTD_REWARD_COUNT || next < 0 || next > s.n_prompts)
        return ltd_fail(err, LTD_EFORMAT,
                        "env/reward_kind %lld, env/prompt_next %lld: out of range", (long long)kind,
                        (long long)next);
    s.next = (int32_t)next;
    s.reward = (ltd_reward){(ltd_reward_kind)kind, reward[0], reward[1], reward[2], reward[3]};
    return ltd_env_load(env, &s, err);
}

static int put_run(const ltd_trainer *t, ltd_checkpoint_writer *w, ltd_err *err)
{
    const ltd_setup *s = t->setup;
    const ltd_config *c = &s->config;
    ltd_str yaml = LTD_STR_INIT;
    ltd_config_to_yaml(c, &yaml);
    ltd_checkpoint_put_text(w, "run/config", ltd_str_text(&yaml));
    bool failed = yaml.failed;
    ltd_str_fini(&yaml);
    if (failed) return ltd_fail(err, LTD_ENOMEM, "checkpoint: no memory for the configuration");
    ltd_checkpoint_put_text(w, "run/model_sha256", ltd_llama_hash(s->model));
    ltd_checkpoint_put_text(w, "run/head_sha256", s->head ? ltd_eagle3_hash(s->head) : "");
    ltd_checkpoint_put_text(w, "run/machine", s->machine);
    int64_t sizes[LTD_MAX_SIZES];
    for (int32_t i = 0; i < c->env.sizes.n; i++) sizes[i] = c->env.sizes.v[i];
    const int64_t space[4] = {c->env.top_k, c->env.min_forwards, c->env.max_forwards,
                              c->env.lookup};
    ltd_checkpoint_put_text(w, "policy/depth_obs", ltd_contract_name(c->env.depth_obs));
    ltd_checkpoint_put_text(w, "policy/size_obs", ltd_contract_name(c->env.size_obs));
    ltd_checkpoint_put_text(w, "policy/activation", ltd_activation_name(c->policy.activation));
    ltd_checkpoint_put_i64(w, "policy/sizes", sizes, (size_t)c->env.sizes.n);
    ltd_checkpoint_put_i64(w, "policy/space", space, 4);
    const int64_t every = c->env.depth_every;
    ltd_checkpoint_put_i64(w, "policy/depth_every", &every, 1);
    ltd_checkpoint_put_f64(w, "policy/rate", &c->env.rate, 1);
    ltd_policy_put_fixed(w, c->policy.fixed_forwards, c->policy.fixed_size);
    if (s->survival) ltd_policy_put_survival(w, s->survival);
    if (t->table) ltd_table_put(t->table, w);
    return LTD_OK;
}

static void put_counters(const ltd_trainer *t, ltd_checkpoint_writer *w)
{
    uint64_t cycles = (uint64_t)t->cycles;
    const int64_t counters[3] = {t->decisions, t->updates, t->last_valid};
    const int64_t stage[2] = {t->stage, t->stage_decisions};
    ltd_checkpoint_put_u64(w, LTD_CHECKPOINT_STEP, &cycles, 1);
    ltd_checkpoint_put_i64(w, "counters/decisions_updates_valid", counters, 3);
    ltd_checkpoint_put_i64(w, "counters/stage", stage, 2);
    const double valid[2] = {t->best_valid, t->last_valid_value};
    ltd_checkpoint_put_f64(w, "counters/valid", valid, 2);
    /* Wall time is no part of a run that the cost table drives: equal runs are equal files. */
    double seconds = t->setup->config.env.clock == LTD_CLOCK_TABLE ? 0 : ltd_trainer_seconds(t);
    ltd_checkpoint_put_f64(w, "counters/seconds", &seconds, 1);
    const uint64_t planned = t->planned;
    ltd_checkpoint_put_u64(w, "counters/planned", &planned, 1);
    const double norm[3] = {t->joint.norm.count, t->joint.norm.mean, t->joint.norm.var};
    ltd_checkpoint_put_f64(w, "counters/reward_norm", norm, 3);
    ltd_checkpoint_put_u64(w, "rng/minibatch", t->minibatch.s, 4);
}

int ltd_trainer_save(ltd_trainer *t, const char *path, ltd_err *err)
{
    ltd_checkpoint_writer *w;
    int rc = ltd_checkpoint_create(&w, path, err);
    if (rc < 0) return rc;
    put_counters(t, w);
    for (int32_t e = 0; e < t->n_saved; e++) put_env(&t->saved[e], e, w);
    rc = put_run(t, w, err);
    if (rc < 0) {
        ltd_checkpoint_abort(w);
        return rc;
    }
    /* One that has not learned yet is what the seed says: it needs no place. */
    if (ltd_train_has_learned(t, true)) ltd_learner_save(t->depth, w);
    if (ltd_train_has_learned(t, false)) ltd_learner_save(t->size, w);
    ltd_observations_put(&t->met, w);
    return ltd_checkpoint_finish(w, err);
}

/* A run goes on only with what it was begun with. */
static int check_same(const ltd_setup *s, const ltd_checkpoint *c, ltd_err *err)
{
    const char *model, *head;
    int rc = ltd_checkpoint_get_text(c, "run/model_sha256", &model, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_text(c, "run/head_sha256", &head, err);
    if (rc < 0) return rc;
    if (strcmp(model, ltd_llama_hash(s->model)) != 0)
        return ltd_fail(err, LTD_EINVAL, "trained on another model (sha256 %.12s, here %.12s)",
                        model, ltd_llama_hash(s->model));
    if (strcmp(head, s->head ? ltd_eagle3_hash(s->head) : "") != 0)
        return ltd_fail(err, LTD_EINVAL,
                        "trained with another draft head (sha256 %.12s, here %.12s)", head,
                        s->head ? ltd_eagle3_hash(s->head) : "none");
    return LTD_OK;
}

int ltd_train_check_resume(const ltd_setup *setup, const char *path, ltd_err *err)
{
    ltd_checkpoint *c;
    int rc = ltd_checkpoint_open(&c, path, err);
    if (rc < 0) return rc;
    rc = check_same(setup, c, err);
    ltd_checkpoint_close(c);
    return rc < 0 ? ltd_err_prefix(err, rc, "cannot go on from %s", path) : LTD_OK;
}

static int get_counters(ltd_trainer *t, const ltd_checkpoint *c, ltd_err *err)
{
    uint64_t cycles, planned;
    int64_t counters[3], stage[2];
    double valid[2], norm[3];
    int rc = ltd_checkpoint_get_u64(c, LTD_CHECKPOINT_STEP, &cycles, 1, err);
    if (rc == LTD_OK)
        rc = ltd_checkpoint_get_i64(c, "counters/decisions_updates_valid", counters, 3, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_i64(c, "counters/stage", stage, 2, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_f64(c, "counters/valid", valid, 2, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_f64(c, "counters/seconds", &t->seconds, 1, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_u64(c, "counters/planned", &planned, 1, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_f64(c, "counters/reward_norm", norm, 3, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_u64(c, "rng/minibatch", t->minibatch.s, 4, err);
    if (rc < 0) return rc;
    if (stage[0] < 0 || stage[0] > t->setup->config.train.stages.n || stage[1] < 0)
        return ltd_fail(err, LTD_EINVAL,
                        "counters/stage: stage %lld, %lld decisions; train.stages names %d",
                        (long long)stage[0], (long long)stage[1], t->setup->config.train.stages.n);
    t->stage = (int32_t)stage[0];
    t->stage_decisions = stage[1];
    t->planned = planned != 0;
    t->joint.norm = (ltd_reward_norm){norm[0], norm[1], norm[2]};
    t->cycles = (int64_t)cycles;
    t->decisions = counters[0];
    t->updates = counters[1];
    t->last_valid = counters[2];
    t->last_save = t->cycles;
    t->best_valid = valid[0];
    t->last_valid_value = valid[1];
    return LTD_OK;
}

int ltd_trainer_load(ltd_trainer *t, const char *path, ltd_err *err)
{
    ltd_checkpoint *c;
    int rc = ltd_checkpoint_open(&c, path, err);
    if (rc < 0) return rc;
    const ltd_setup *s = t->setup;
    const char *machine;
    rc = ltd_checkpoint_get_text(c, "run/machine", &machine, err);
    if (rc == LTD_OK && strcmp(machine, s->machine) != 0)
        ltd_log(s->log, LTD_LOG_WARN,
                "this run was begun on '%s'; it goes on with the clock of '%s'", machine,
                s->machine);
    if (rc == LTD_OK) rc = get_counters(t, c, err);
    if (rc == LTD_OK && ltd_train_has_learned(t, true)) rc = ltd_learner_load(t->depth, c, err);
    if (rc == LTD_OK && ltd_train_has_learned(t, false)) rc = ltd_learner_load(t->size, c, err);
    if (rc == LTD_OK) rc = ltd_table_get(&t->table, c, err);
    if (rc == LTD_OK) rc = ltd_observations_get(&t->met, c, err);
    ltd_checkpoint_close(c);
    return rc < 0 ? ltd_err_prefix(err, rc, "cannot go on from %s", path) : LTD_OK;
}

/* Environments that the file doesn't have begin anew: there are more processes than there were. */
int ltd_trainer_load_envs(ltd_trainer *t, const char *path, ltd_err *err)
{
    ltd_checkpoint *c;
    char name[LTD_CHECKPOINT_MAX_NAME];
    int rc = ltd_checkpoint_open(&c, path, err);
    if (rc < 0) return rc;
    int32_t n;
    ltd_env **env = ltd_train_envs(t, &n);
    int32_t first = (int32_t)ltd_train_first_env(t, n);
    for (int32_t e = 0; rc == LTD_OK && e < n; e++)
        if (first + e == 0 || ltd_checkpoint_find(c, env_name(name, first + e, "prompt_order")))
            rc = get_env(c, first + e, env[e], &t->explore[e], err);
    ltd_checkpoint_close(c);
    return rc < 0 ? ltd_err_prefix(err, rc, "cannot go on from %s", path) : LTD_OK;
}
