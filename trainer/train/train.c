/* The loop:  collect -> update depth, update size -> metrics -> validate? -> save? -> again. */
#include "trainer/train/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/policy.h"
#include "base/file.h"
#include "base/mem.h"
#include "trainer/bench/evaluate.h"
#include "trainer/ppo/schedule.h"
#include "trainer/train/train_priv.h"

double ltd_trainer_seconds(const ltd_trainer *t)
{
    return t->seconds + (double)(ltd_clock_now(&t->setup->clock) - t->started_ns) * 1e-9;
}

/* --- one iteration --- */

static ltd_ppo_options ppo_options(const ltd_trainer *t)
{
    const ltd_config *c = &t->setup->config;
    ltd_schedule lr = {c->train.lr_schedule, c->train.lr, c->train.lr_end, c->train.lr_warmup};
    ltd_ppo_options o = LTD_PPO_DEFAULTS;
    o.lr = ltd_schedule_at(&lr, ltd_train_share(t));
    o.clip_coef = c->train.clip_coef;
    o.clip_vloss = c->train.clip_vloss;
    o.ent_coef =
        c->train.ent_coef + (c->train.ent_coef_end - c->train.ent_coef) * ltd_train_share(t);
    o.vf_coef = c->train.vf_coef;
    o.max_grad_norm = c->train.max_grad_norm;
    o.target_kl = c->train.target_kl;
    o.n_epochs = c->train.n_epochs;
    o.batch_size = c->train.batch_size;
    o.norm_adv = c->train.norm_adv;
    o.group = t->options->group;
    return o;
}

static void choose_envs(ltd_trainer *t)
{
    t->joint.env = ltd_train_envs(t, &t->joint.n_envs);
    if (!ltd_train_on_records(t)) ltd_train_close_records(t);
}

static void tick(void *ctx, const ltd_joint_stats *stats)
{
    const ltd_trainer *t = ctx;
    if (!t->options->tick) return;
    t->options->tick(t->options->ctx, ltd_train_done(t) + ltd_train_rollout_done(t, stats));
}

static void set_update(ltd_metrics *m, const char *which, const ltd_ppo_stats *s)
{
    if (!s->n) return;
    const struct {
        const char *key;
        double value;
    } rows[] = {{"policy_loss", s->policy_loss},
                {"value_loss", s->value_loss},
                {"entropy", s->entropy},
                {"approx_kl", s->approx_kl},
                {"clip_fraction", s->clip_fraction},
                {"explained_variance", s->explained_variance},
                {"grad_norm", s->grad_norm}};
    char key[64];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(key, sizeof key, "train/%s/%s", which, rows[i].key);
        ltd_metrics_set(m, key, rows[i].value);
    }
}

/* Under Stable-Baselines3's names: its steps are decisions. */
static void set_steps(ltd_trainer *t, const ltd_joint_stats *s, double seconds)
{
    ltd_metrics *m = t->metrics;
    ltd_metrics_set(m, "rollout/ep_len_mean", (double)s->decisions / (double)s->cycles);
    ltd_metrics_set(m, "time/fps", (double)s->decisions / seconds);
    ltd_metrics_set(m, "time/iterations", (double)t->updates);
    ltd_metrics_set(m, "time/total_timesteps", (double)t->decisions);
}

static void set_rollout(ltd_metrics *m, const ltd_joint_stats *s, ltd_train_progress *p)
{
    double n = s->cycles ? (double)s->cycles : 1, good = n - (double)s->slow;
    p->reward = good > 0 ? s->reward / good : 0;
    p->accept_len = (double)s->accept_len / n;
    p->forwards = (double)s->forwards / n;
    p->size = (double)s->size / n;
    p->tok_s = s->ns > 0 ? s->good_len / (s->ns * 1e-9) : 0;
    p->speedup = s->ns > 0 ? s->good_len * s->ar_ns / good / s->ns : 0;
    double window = 0;
    for (int i = 0; i < LTD_PHASE_COUNT; i++) window += s->phase_ns[i];
    char key[64];
    for (int i = 0; i < LTD_PHASE_COUNT; i++) {
        p->phase[i] = window > 0 ? s->phase_ns[i] / window : 0;
        snprintf(key, sizeof key, "phase/%s", ltd_phase_name((ltd_phase)i));
        ltd_metrics_set(m, key, p->phase[i]);
    }
    ltd_metrics_set(m, "rollout/ep_rew_mean", p->reward);
    ltd_metrics_set(m, "rollout/accept_len", p->accept_len);
    ltd_metrics_set(m, "rollout/forwards", p->forwards);
    ltd_metrics_set(m, "rollout/size", p->size);
    ltd_metrics_set(m, "rollout/tok_s", p->tok_s);
    ltd_metrics_set(m, "rollout/speedup", p->speedup);
    ltd_metrics_set(m, "rollout/slow_cycles", (double)s->slow);
}

/* The group may end while one validates. */
static bool goes_on(void *ctx, double share, const char *what)
{
    const ltd_trainer *t = ctx;
    (void)share;
    (void)what;
    return ltd_group_poll(t->options->group, NULL) == LTD_OK;
}

/* The policies as they are now, greedy, on held-out prompts.  *better: the best so far. */
static int validate(ltd_trainer *t, bool *better, ltd_err *err)
{
    const ltd_config *c = &t->setup->config;
    ltd_policy policy = {.depth_contract = c->env.depth_obs,
                         .size_contract = c->env.size_obs,
                         .depth = ltd_train_has_learned(t, true) ? t->depth->actor : NULL,
                         .size = ltd_train_has_learned(t, false) ? t->size->actor : NULL,
                         .fixed_forwards = c->policy.fixed_forwards,
                         .fixed_size = c->policy.fixed_size,
                         .n_sizes = c->env.sizes.n};
    memcpy(policy.sizes, c->env.sizes.v, (size_t)c->env.sizes.n * sizeof policy.sizes[0]);
    ltd_agent *agent;
    ltd_evaluation e;
    ltd_action_map map = {0};
    ltd_witness witness = ltd_action_map_witness(&map);
    int rc = ltd_agent_policy_new(&agent, "ltd", &policy, NULL, err);
    if (rc < 0) return rc;
    ltd_env *env = ltd_train_on_records(t) ? t->records.valid_env : t->valid_env;
    ltd_watch watch = {goes_on, t};
    rc = ltd_evaluate(env, agent, c->train.eval_prompts, NULL, &watch, &witness, &e, err);
    ltd_agent_free(agent);
    if (rc == LTD_OK) rc = ltd_train_save_actions(t, &map, err);
    if (rc < 0) return rc;
    t->valid_run = e.run;
    t->last_valid = t->cycles;
    t->last_valid_value = e.predicted;
    ltd_metrics_set(t->metrics, "valid/speedup", e.predicted);
    ltd_metrics_set(t->metrics, "valid/tok_s", e.tok_s);
    ltd_metrics_set(t->metrics, "valid/accept_len", e.accept_len);
    *better = isnan(t->best_valid) || e.predicted > t->best_valid;
    if (*better) t->best_valid = e.predicted;
    return LTD_OK;
}

static int save_best(ltd_trainer *t, ltd_err *err)
{
    char path[LTD_CONFIG_TEXT + 16];
    snprintf(path, sizeof path, "%s/best.h5", t->checkpoints);
    return ltd_trainer_save(t, path, err);
}

/* Policies as a stage left them. */
static int save_stage(ltd_trainer *t, ltd_err *err)
{
    char path[LTD_CONFIG_TEXT + 32];
    snprintf(path, sizeof path, "%s/stage_%d.h5", t->checkpoints, t->stage);
    return ltd_trainer_save(t, path, err);
}

static int save_step(ltd_trainer *t, ltd_train_result *ret, ltd_err *err)
{
    if (!ltd_train_is_first(t)) return LTD_OK;
    int rc = ltd_checkpoint_step_path(ret->checkpoint, sizeof ret->checkpoint, t->checkpoints,
                                      (uint64_t)t->cycles, err);
    if (rc == LTD_OK) rc = ltd_trainer_save(t, ret->checkpoint, err);
    if (rc == LTD_OK)
        rc = ltd_checkpoint_prune(t->checkpoints, t->setup->config.train.keep_last, err);
    t->last_save = t->cycles;
    return rc;
}

static int iterate(ltd_trainer *t, ltd_train_progress *p, ltd_err *err)
{
    const ltd_config *c = &t->setup->config;
    ltd_ppo_stats depth = {0}, size = {0};
    uint64_t t0 = ltd_clock_now(&t->setup->clock);
    choose_envs(t);
    ltd_train_choose(t);
    if (t->options->teach) {
        char what[64];
        t->options->teach(t->options->ctx, ltd_train_what(t, what, sizeof what));
    }
    int rc =
        ltd_joint_collect(&t->joint, ltd_train_longest_rollout(t), t->options->stop, tick, t, err);
    if (rc == LTD_OK) rc = ltd_train_tell_time(t, err);
    if (rc < 0) return rc;
    const ltd_joint_stats *s = &t->joint.stats;
    if (s->cycles == 0) return LTD_OK; /* stopped between two rollouts: nothing happened */
    ltd_train_count(t, s);
    ltd_ppo_options ppo = ppo_options(t);
    if (t->depth_updates)
        rc = ltd_learner_update(t->depth, &ppo, c->train.gamma_depth, c->train.gae_lambda,
                                &t->minibatch, &depth, err);
    if (rc == LTD_OK && t->joint.size_role == LTD_ROLE_LEARNS)
        rc = ltd_learner_update(t->size, &ppo, c->train.gamma_size, c->train.gae_lambda,
                                &t->minibatch, &size, err);
    if (rc == LTD_OK) rc = ltd_train_gather_envs(t, err);
    if (rc == LTD_OK) rc = ltd_train_tell_time(t, err);
    if (rc < 0) return rc;
    t->updates++;
    ltd_train_next_stage(t);
    set_rollout(t->metrics, s, p);
    set_update(t->metrics, "depth", &depth);
    set_update(t->metrics, "size", &size);
    p->kl = depth.n ? depth.approx_kl : size.approx_kl;
    p->entropy = depth.n ? depth.entropy : size.entropy;
    p->explained_variance = depth.n ? depth.explained_variance : size.explained_variance;
    double seconds = (double)(ltd_clock_now(&t->setup->clock) - t0) * 1e-9 + 1e-9;
    p->cycles_s = (double)s->cycles / seconds;
    set_steps(t, s, seconds);
    p->decisions_s = (double)s->decisions / seconds;
    ltd_metrics_set(t->metrics, "train/learning_rate", ppo.lr);
    return LTD_OK;
}

static int report(ltd_trainer *t, ltd_train_progress *p, ltd_err *err)
{
    p->done = ltd_train_done(t);
    p->length = ltd_train_length(&t->setup->config);
    p->seconds = ltd_trainer_seconds(t);
    p->valid = t->last_valid_value;
    p->best = t->best_valid;
    ltd_metrics_set(t->metrics, "time/cycles_s", p->cycles_s);
    ltd_metrics_set(t->metrics, "time/seconds", p->seconds);
    int rc = ltd_metrics_write(t->metrics, t->cycles, err);
    if (rc == LTD_OK)
        rc = ltd_histograms_write(t->histograms, t->cycles, &t->joint.stats,
                                  t->last_valid == t->cycles ? &t->valid_run : NULL, err);
    if (rc == LTD_OK && t->options->tell) t->options->tell(t->options->ctx, p);
    return rc;
}

static bool due(int64_t now, int64_t last, int32_t every)
{
    return every > 0 && now - last >= every;
}

/* What follows an iteration.  A killed run goes on from the newest checkpoint, whichever: so the
 * row of metrics comes first, and the file that ends a run last. */
static int record(ltd_trainer *t, ltd_train_progress *p, ltd_train_result *ret, int32_t stage,
                  bool over, ltd_err *err)
{
    const ltd_config *c = &t->setup->config;
    bool better = false;
    int rc = LTD_OK;
    if (!ltd_train_is_first(t)) return LTD_OK;
    if (over || due(t->cycles, t->last_valid, c->train.eval_every)) rc = validate(t, &better, err);
    if (rc == LTD_OK) rc = ltd_train_keep_rollouts(t, err);
    if (rc == LTD_OK) rc = report(t, p, err);
    if (rc == LTD_OK && better) rc = save_best(t, err);
    if (rc == LTD_OK && t->stage > stage) rc = save_stage(t, err);
    if (rc == LTD_OK && (over || due(t->cycles, t->last_save, c->train.checkpoint_every)))
        rc = save_step(t, ret, err);
    return rc;
}

static int loop(ltd_trainer *t, ltd_train_result *ret, ltd_err *err)
{
    const ltd_config *c = &t->setup->config;
    ltd_train_progress p = {.valid = NAN, .best = NAN};
    int rc = LTD_OK;
    bool over = ltd_train_over(t);
    if (t->options->begin)
        t->options->begin(t->options->ctx, ltd_train_done(t), ltd_train_length(c));
    /* Killed between best.h5 and the last step: that one is still owed. */
    if (over) rc = save_step(t, ret, err);
    while (rc == LTD_OK && !over && !ret->stopped) {
        int64_t before = t->cycles;
        int32_t stage = t->stage;
        rc = iterate(t, &p, err);
        bool late = c->train.time_limit_s > 0 && t->now_seconds >= c->train.time_limit_s;
        /* A group ends by an error, wherever it is. */
        bool told = !t->options->group && t->options->stop && *t->options->stop;
        ret->stopped = told || late;
        over = ltd_train_over(t);
        if (rc == LTD_OK && t->cycles > before)
            rc = record(t, &p, ret, stage, over || (late && !told), err);
        if (rc == LTD_OK) rc = ltd_train_set_mark(t, err);
    }
    if (rc < 0) return rc;
    bool saved = ret->checkpoint[0] && t->last_save == t->cycles;
    if (ret->stopped && !over && !saved) rc = save_step(t, ret, err);
    ret->cycles = t->cycles;
    ret->seconds = ltd_trainer_seconds(t);
    ret->best_valid = t->best_valid;
    return rc;
}

/* Whatever ended it in a group: rank 0 saves what the last whole iteration left. */
static int save_mark(ltd_trainer *t, ltd_train_result *ret, ltd_err *err)
{
    if (!ltd_train_go_back(t)) return LTD_OK;
    ret->cycles = t->cycles;
    ret->seconds = ltd_trainer_seconds(t);
    ret->best_valid = t->best_valid;
    bool saved = ret->checkpoint[0] && t->last_save == t->cycles;
    return saved ? LTD_OK : save_step(t, ret, err);
}

/* What needs records: planning in a new run, which is rank 0's, then PPO until it is through with
 * them. */
static int learn_from_records(ltd_trainer *t, ltd_err *err)
{
    const ltd_config *c = &t->setup->config;
    bool plans = !t->options->resume && c->train.plan_passes > 0, first = ltd_train_is_first(t);
    bool plays = ltd_train_on_records(t);
    if (!plans && !plays) return LTD_OK;
    int rc = first ? ltd_train_open_records(t, err) : LTD_OK;
    if (rc == LTD_OK && first && plans) rc = ltd_train_plan(t, err);
    if (rc == LTD_OK && plans) rc = ltd_train_share_plan(t, err);
    /* By now the observations' rate is known. */
    if (rc == LTD_OK && !first && plays) rc = ltd_train_open_records(t, err);
    if (rc < 0) return rc;
    if (plays) return ltd_train_open_record_envs(t, err);
    ltd_train_close_records(t);
    return LTD_OK;
}

/* What was learned from records is the first to be the best: row 0 of the metrics. */
static int keep_planned(ltd_trainer *t, ltd_err *err)
{
    bool better;
    int rc = t->table ? ltd_train_save_table(t, err) : LTD_OK;
    if (rc == LTD_OK) rc = validate(t, &better, err);
    if (rc == LTD_OK) rc = ltd_metrics_write(t->metrics, t->cycles, err);
    if (rc == LTD_OK) rc = ltd_histograms_write(t->histograms, t->cycles, NULL, &t->valid_run, err);
    return rc == LTD_OK ? save_best(t, err) : rc;
}

/* Where rank 0 writes. */
static int open_folder(ltd_trainer *t, ltd_err *err)
{
    if (!ltd_train_is_first(t)) return ltd_metrics_new(&t->metrics, err);
    int rc = ltd_file_mkdirs(t->checkpoints, err);
    if (rc == LTD_OK) rc = ltd_train_open_files(t, err);
    return rc == LTD_OK && t->planned && !t->options->resume ? keep_planned(t, err) : rc;
}

static void close_trainer(ltd_trainer *t)
{
    ltd_train_mark_free(t->mark);
    ltd_joint_fini(&t->joint);
    ltd_train_close_records(t);
    ltd_learner_free(t->depth);
    ltd_learner_free(t->size);
    ltd_env_close(t->env);
    ltd_env_close(t->valid_env);
    ltd_cycle_free(t->cycle);
    ltd_prompts_free(t->prompts);
    ltd_prompts_free(t->valid_prompts);
    ltd_metrics_close(t->metrics);
    ltd_observations_fini(&t->met);
    ltd_histograms_close(t->histograms);
    free(t->table);
    free(t->explore);
    free(t->saved);
}

int ltd_train(ltd_setup *setup, const ltd_train_options *options, ltd_train_result *ret,
              ltd_err *err)
{
    ltd_trainer t = {
        .setup = setup, .options = options, .best_valid = NAN, .last_valid_value = NAN};
    *ret = (ltd_train_result){.best_valid = NAN};
    if (!setup->cost) return ltd_fail(err, LTD_EINVAL, "train: needs a calibration");
    if (snprintf(t.checkpoints, sizeof t.checkpoints, "%s/checkpoints", options->dir) >=
        (int)sizeof t.checkpoints - 32)
        return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", options->dir);
    t.started_ns = ltd_clock_now(&setup->clock);
    int rc = options->resume ? ltd_train_check_resume(setup, options->resume, err) : LTD_OK;
    if (rc == LTD_OK) rc = ltd_train_open_prompts(&t, err);
    if (rc == LTD_OK) rc = ltd_train_agree(&t, err);
    if (rc == LTD_OK) rc = ltd_train_open_streams(&t, err);
    if (rc == LTD_OK) rc = ltd_train_open_learners(&t, err);
    if (rc == LTD_OK)
        rc = ltd_observations_init(&t.met, ltd_contract_dim(setup->config.env.depth_obs),
                                   ltd_contract_dim(setup->config.env.size_obs), err);
    if (rc == LTD_OK) rc = ltd_joint_init(&t.joint, t.depth, t.size, t.explore, err);
    t.joint.norm_reward = setup->config.train.norm_reward;
    t.joint.group = options->group;
    if (rc == LTD_OK && options->resume) rc = ltd_trainer_load(&t, options->resume, err);
    if (rc == LTD_OK) rc = learn_from_records(&t, err);
    if (rc == LTD_OK) rc = ltd_train_open_envs(&t, err);
    if (rc == LTD_OK && options->resume) rc = ltd_trainer_load_envs(&t, options->resume, err);
    if (rc == LTD_OK) rc = ltd_train_gather_envs(&t, err);
    if (rc == LTD_OK) rc = ltd_train_tell_time(&t, err);
    if (rc == LTD_OK) rc = open_folder(&t, err);
    if (rc == LTD_OK) rc = ltd_train_set_mark(&t, err);
    if (rc == LTD_OK) rc = loop(&t, ret, err);
    ltd_err later = LTD_ERR_INIT;
    if (rc < 0 && save_mark(&t, ret, &later) < 0) ltd_err_prefix(err, rc, "%.100s", later.msg);
    close_trainer(&t);
    return rc;
}
