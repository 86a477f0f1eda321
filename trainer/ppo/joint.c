#include "trainer/ppo/joint.h"

#include <stdlib.h>

#include "agents/fixed.h"
#include "base/mem.h"

int ltd_joint_init(ltd_joint *ret, ltd_learner *depth, ltd_learner *size, ltd_rng *explore,
                   ltd_err *err)
{
    *ret =
        (ltd_joint){.depth = depth, .size = size, .norm = LTD_REWARD_NORM_INIT, .explore = explore};
    int32_t a = depth->rollout->opt.obs_dim, b = size->rollout->opt.obs_dim;
    ret->obs = ltd_mem_zeros((size_t)(a > b ? a : b), sizeof *ret->obs);
    ret->mask = ltd_mem_zeros(LTD_MAX_SIZES, sizeof *ret->mask);
    if (ret->obs && ret->mask) return LTD_OK;
    ltd_joint_fini(ret);
    return ltd_fail(err, LTD_ENOMEM, "rollout: no memory");
}

void ltd_joint_fini(ltd_joint *j)
{
    free(j->obs);
    free(j->mask);
    j->obs = NULL;
    j->mask = NULL;
}

static bool has_room(const ltd_joint *j, int32_t e)
{
    int32_t episode = ltd_env_get_options(j->env[e])->max_forwards + 1;
    const ltd_rollout *d = j->depth->rollout, *s = j->size->rollout;
    return d->fill[e] + episode <= d->opt.capacity && s->fill[e] + 1 <= s->opt.capacity;
}

static void count_value(uint32_t *hist, int32_t n, int32_t value)
{
    hist[value < n ? value : n - 1]++;
}

static void count(ltd_joint_stats *s, const ltd_step *step)
{
    const ltd_info *i = &step->info;
    s->cycles++;
    s->accept_len += i->accept_len;
    s->tokens += i->tokens;
    s->forwards += i->forwards;
    s->size += i->size;
    s->slow += i->slow;
    count_value(s->accept_hist, LTD_RUN_ACCEPT, i->accept_len);
    count_value(s->forwards_hist, LTD_RUN_FORWARDS, i->forwards);
    count_value(s->size_hist, LTD_RUN_SIZES, i->size);
    for (int p = 0; p < LTD_PHASE_COUNT; p++) s->phase_ns[p] += (double)i->phase_ns[p];
    if (i->slow) return;
    s->reward += (double)step->reward;
    s->ns += (double)i->cycle_ns;
    s->ar_ns += (double)i->ar_ns;
    s->good_len += (double)i->accept_len;
}

static int32_t decide(ltd_joint *j, int32_t e, const ltd_step *step)
{
    bool depth = step->turn == LTD_TURN_DEPTH;
    ltd_learner *l = depth ? j->depth : j->size;
    switch (depth ? j->depth_role : j->size_role) {
    case LTD_ROLE_LEARNS: return ltd_learner_act(l, e, step, j->explore);
    case LTD_ROLE_GREEDY: return ltd_learner_act_greedy(l, step);
    case LTD_ROLE_UNTAUGHT: break;
    }
    return depth ? ltd_agent_depth_action(j->env[e], step, j->drawn)
                 : ltd_agent_size_action(j->env[e], step, j->fixed_size);
}

/* One cycle, from reset to reward. */
static int play(ltd_joint *j, int32_t e, bool fresh, ltd_err *err)
{
    ltd_env *env = j->env[e];
    ltd_step step = {.obs = j->obs, .mask = j->mask};
    ltd_reset new_prompt = {.new_prompt = true, .prompt = -1};
    int rc = ltd_env_reset(env, fresh ? &new_prompt : NULL, &step, err);
    if (j->depth_role == LTD_ROLE_UNTAUGHT) j->drawn = ltd_agent_draw_forwards(env, j->explore);
    while (rc == LTD_OK && !step.terminated) {
        const char *who = step.turn == LTD_TURN_DEPTH ? j->depth->name : j->size->name;
        int32_t action = decide(j, e, &step);
        j->stats.decisions++;
        if (action < 0)
            return ltd_fail(err, LTD_EINVAL,
                            "%s policy: gives no action (its weights are not finite numbers)", who);
        rc = ltd_env_step(env, action, &step, err);
    }
    if (rc < 0) return rc;
    float reward = step.reward;
    if (j->norm_reward && !step.info.slow) reward = ltd_reward_norm_next(&j->norm, reward);
    ltd_learner_reward(j->depth, e, reward, step.info.slow);
    ltd_learner_reward(j->size, e, reward, step.info.slow);
    count(&j->stats, &step);
    return LTD_OK;
}

int ltd_joint_collect(ltd_joint *j, int64_t most, const volatile int *stop,
                      void (*tick)(void *ctx, const ltd_joint_stats *stats), void *ctx,
                      ltd_err *err)
{
    j->stats = (ltd_joint_stats){0};
    ltd_learner_begin(j->depth);
    ltd_learner_begin(j->size);
    bool fresh = true;
    for (int32_t e = 0; j->stats.cycles < most && !(stop && *stop); e++) {
        if (e == j->n_envs) {
            e = 0;
            fresh = false;
        }
        if (!has_room(j, e)) return LTD_OK;
        int rc = play(j, e, fresh, err);
        if (rc < 0) return rc;
        if (tick) tick(ctx, &j->stats);
    }
    return LTD_OK;
}
