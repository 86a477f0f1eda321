#include "trainer/ppo/learner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/categorical.h"
#include "base/mem.h"

int ltd_learner_new(ltd_learner **ret, const char *name, const ltd_actor_critic_options *nets,
                    ltd_rollout_kind kind, int32_t n_envs, int32_t capacity, double adam_eps,
                    ltd_rng *rng, ltd_err *err)
{
    *ret = NULL;
    if (nets->n_actions > LTD_MAX_SIZES)
        return ltd_fail(err, LTD_EINVAL, "%s policy: %d actions, expected at most %d", name,
                        nets->n_actions, LTD_MAX_SIZES);
    ltd_learner *l = ltd_mem_zeros(1, sizeof *l);
    if (!l) return ltd_fail(err, LTD_ENOMEM, "%s policy: no memory", name);
    l->name = name;
    ltd_adam_options adam = LTD_ADAM_DEFAULTS;
    adam.eps = adam_eps;
    ltd_rollout_options rollout = {kind, n_envs, capacity, nets->obs_dim, nets->n_actions};
    int rc = ltd_actor_critic_new(&l->ac, nets, rng, err);
    if (rc == LTD_OK) rc = ltd_adam_new(&l->adam, ltd_actor_critic_size(l->ac), &adam, err);
    if (rc == LTD_OK) rc = ltd_rollout_new(&l->rollout, &rollout, err);
    if (rc == LTD_OK) rc = ltd_actor_critic_sync(l->ac, &l->actor, &l->critic, err);
    if (rc < 0) {
        ltd_learner_free(l);
        return ltd_err_prefix(err, rc, "%s policy", name);
    }
    *ret = l;
    return LTD_OK;
}

void ltd_learner_free(ltd_learner *l)
{
    if (!l) return;
    ltd_actor_critic_free(l->ac);
    ltd_adam_free(l->adam);
    ltd_rollout_free(l->rollout);
    ltd_mlp_free(l->actor);
    ltd_mlp_free(l->critic);
    free(l);
}

void ltd_learner_begin(ltd_learner *l)
{
    ltd_rollout_clear(l->rollout);
    l->decided = false;
}

int32_t ltd_learner_act(ltd_learner *l, int32_t env, const ltd_step *step, ltd_rng *rng)
{
    ltd_slot slot;
    if (!ltd_rollout_slot(l->rollout, env, &slot)) return -1;
    float logprob;
    ltd_mlp_forward(l->actor, step->obs, l->logits);
    int32_t action = ltd_categorical_sample(l->logits, step->mask, step->n_actions, rng, &logprob);
    if (action < 0) return -1;
    memcpy(slot.obs, step->obs, (size_t)step->n_obs * sizeof *slot.obs);
    memcpy(slot.mask, step->mask, (size_t)step->n_actions);
    /* The value is filled in by the update: the critic has no business in the timed window. */
    ltd_rollout_push(l->rollout, env, action, logprob, 0);
    l->decided = true;
    return action;
}

int32_t ltd_learner_act_greedy(ltd_learner *l, const ltd_step *step)
{
    ltd_mlp_forward(l->actor, step->obs, l->logits);
    return ltd_categorical_argmax(l->logits, step->mask, step->n_actions);
}

int64_t ltd_learner_reward(ltd_learner *l, int32_t env, float reward, bool drop)
{
    ltd_rollout *r = l->rollout;
    if (!l->decided) return -1;
    l->decided = false;
    ltd_rollout_end(r, env, reward);
    if (!drop) return (int64_t)env * r->opt.capacity + r->fill[env] - 1;
    ltd_rollout_drop_last(r, env);
    return -1;
}

/* Processes on unlike machines may round a power unlike: all go on from what rank 0 has. */
static int share(ltd_learner *l, ltd_group *g, ltd_err *err)
{
    size_t bytes = (size_t)l->adam->n * sizeof(float);
    int rc = ltd_group_share(g, ltd_actor_critic_data(l->ac), bytes, err);
    if (rc == LTD_OK) rc = ltd_group_share(g, l->adam->m, bytes, err);
    return rc == LTD_OK ? ltd_group_share(g, l->adam->v, bytes, err) : rc;
}

int ltd_learner_update(ltd_learner *l, const ltd_ppo_options *ppo, double gamma, double gae_lambda,
                       ltd_rng *rng, ltd_ppo_stats *stats, ltd_err *err)
{
    ltd_rollout *r = l->rollout;
    double steps = (double)ltd_rollout_size(r);
    *stats = (ltd_ppo_stats){0};
    int rc = ltd_group_sum(ppo->group, NULL, 0, &steps, 1, err);
    if (rc < 0 || steps == 0) return rc;
    for (int32_t e = 0; e < r->opt.n_envs; e++)
        for (int32_t t = 0; t < r->fill[e]; t++) {
            size_t i = (size_t)e * (size_t)r->opt.capacity + (size_t)t;
            ltd_mlp_forward(l->critic, r->obs + i * (size_t)r->opt.obs_dim, &r->value[i]);
        }
    ltd_rollout_finish(r, gamma, gae_lambda, NULL);
    rc = ltd_ppo_update(l->ac, l->adam, r, ppo, rng, stats, err);
    if (rc == LTD_OK) rc = share(l, ppo->group, err);
    if (rc == LTD_OK) rc = ltd_actor_critic_sync(l->ac, &l->actor, &l->critic, err);
    return rc < 0 ? ltd_err_prefix(err, rc, "%s policy", l->name) : LTD_OK;
}

static void entry_name(char ret[LTD_CHECKPOINT_MAX_NAME], const char *group, const ltd_learner *l,
                       const char *what)
{
    snprintf(ret, LTD_CHECKPOINT_MAX_NAME, "%s/%s/%s", group, l->name, what);
}

void ltd_learner_save(const ltd_learner *l, ltd_checkpoint_writer *w)
{
    char name[LTD_CHECKPOINT_MAX_NAME];
    for (int32_t i = 0; i < ltd_actor_critic_param_count(l->ac); i++) {
        const ltd_param *p = ltd_actor_critic_param(l->ac, i);
        entry_name(name, "policy", l, p->name);
        ltd_checkpoint_put_f32(w, name, p->data, p->dims, p->n_dims);
    }
    uint64_t step = (uint64_t)l->adam->step;
    entry_name(name, "adam", l, "m");
    ltd_checkpoint_put_f32(w, name, l->adam->m, &l->adam->n, 1);
    entry_name(name, "adam", l, "v");
    ltd_checkpoint_put_f32(w, name, l->adam->v, &l->adam->n, 1);
    entry_name(name, "adam", l, "step");
    ltd_checkpoint_put_u64(w, name, &step, 1);
}

int ltd_learner_load(ltd_learner *l, const ltd_checkpoint *c, ltd_err *err)
{
    char name[LTD_CHECKPOINT_MAX_NAME];
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < ltd_actor_critic_param_count(l->ac); i++) {
        const ltd_param *p = ltd_actor_critic_param(l->ac, i);
        entry_name(name, "policy", l, p->name);
        rc = ltd_checkpoint_get_f32(c, name, p->data, p->dims, p->n_dims, err);
    }
    uint64_t step = 0;
    entry_name(name, "adam", l, "m");
    if (rc == LTD_OK) rc = ltd_checkpoint_get_f32(c, name, l->adam->m, &l->adam->n, 1, err);
    entry_name(name, "adam", l, "v");
    if (rc == LTD_OK) rc = ltd_checkpoint_get_f32(c, name, l->adam->v, &l->adam->n, 1, err);
    entry_name(name, "adam", l, "step");
    if (rc == LTD_OK) rc = ltd_checkpoint_get_u64(c, name, &step, 1, err);
    if (rc < 0) return rc;
    l->adam->step = (int64_t)step;
    return ltd_actor_critic_sync(l->ac, &l->actor, &l->critic, err);
}
