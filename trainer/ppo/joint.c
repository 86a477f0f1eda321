#include "trainer/ppo/joint.h"

#include <math.h>
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
    free(j->paid);
    j->obs = NULL;
    j->mask = NULL;
    j->paid = NULL;
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
    case LTD_ROLE_LEARNS: return ltd_learner_act(l, e, step, &j->explore[e]);
    case LTD_ROLE_GREEDY: return ltd_learner_act_greedy(l, step);
    case LTD_ROLE_UNTAUGHT: break;
    }
    return depth ? ltd_agent_depth_action(j->env[e], step, j->drawn)
                 : ltd_agent_size_action(j->env[e], step, j->fixed_size);
}

/* The reward goes to both; it is remembered where, to be scaled. */
static int pay(ltd_joint *j, int32_t e, int32_t round, const ltd_step *step, ltd_err *err)
{
    void *p = j->paid;
    bool slow = step->info.slow;
    ltd_joint_paid paid = {.env = e, .round = round, .reward = step->reward};
    paid.depth = ltd_learner_reward(j->depth, e, step->reward, slow);
    paid.size = ltd_learner_reward(j->size, e, step->reward, slow);
    if (slow || !j->norm_reward) return LTD_OK;
    if (!ltd_mem_reserve(&p, &j->paid_room, j->n_paid + 1, sizeof paid))
        return ltd_fail(err, LTD_ENOMEM, "rollout: no memory for %zu cycles", j->n_paid + 1);
    j->paid = p;
    j->paid[j->n_paid++] = paid;
    return LTD_OK;
}

/* One cycle, from reset to reward. */
static int play(ltd_joint *j, int32_t e, int32_t round, ltd_err *err)
{
    ltd_env *env = j->env[e];
    ltd_step step = {.obs = j->obs, .mask = j->mask};
    ltd_reset new_prompt = {.new_prompt = true, .prompt = -1};
    int rc = ltd_env_reset(env, round == 0 ? &new_prompt : NULL, &step, err);
    if (j->depth_role == LTD_ROLE_UNTAUGHT) j->drawn = ltd_agent_draw_forwards(env, &j->explore[e]);
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
    count(&j->stats, &step);
    return pay(j, e, round, &step, err);
}

/* --- when all have played --- */

/* The rewards of all processes, [environments, rounds]; NaN: none there.  *rounds: of the
 * environment that played most.  *ret owned. */
static int gather_rewards(ltd_joint *j, float **ret, int64_t *rounds, ltd_err *err)
{
    int32_t size = ltd_group_size(j->group);
    int64_t mine = 0, *all = ltd_mem_zeros((size_t)size, sizeof *all);
    *rounds = 0;
    *ret = NULL;
    for (size_t i = 0; i < j->n_paid; i++)
        if (j->paid[i].round >= mine) mine = j->paid[i].round + 1;
    int rc = all ? ltd_group_gather(j->group, &mine, sizeof mine, all, err)
                 : ltd_fail(err, LTD_ENOMEM, "rollout: no memory");
    for (int32_t r = 0; rc == LTD_OK && r < size; r++)
        if (all[r] > *rounds) *rounds = all[r];
    free(all);
    size_t n = (size_t)j->n_envs * (size_t)*rounds;
    float *own = ltd_mem_zeros(n, sizeof *own),
          *every = ltd_mem_zeros(n, (size_t)size * sizeof *own);
    if (rc == LTD_OK && !(own && every)) rc = ltd_fail(err, LTD_ENOMEM, "rollout: no memory");
    for (size_t i = 0; rc == LTD_OK && i < n; i++) own[i] = NAN;
    for (size_t i = 0; rc == LTD_OK && i < j->n_paid; i++)
        own[j->paid[i].env * *rounds + j->paid[i].round] = j->paid[i].reward;
    if (rc == LTD_OK) rc = ltd_group_gather(j->group, own, n * sizeof *own, every, err);
    free(own);
    if (rc < 0) free(every);
    if (rc == LTD_OK) *ret = every;
    return rc;
}

/* As one process would have met them: round after round, environment after environment. */
static int scale_rewards(ltd_joint *j, ltd_err *err)
{
    float *reward;
    int64_t rounds, envs = (int64_t)j->n_envs * ltd_group_size(j->group);
    int64_t first = (int64_t)j->n_envs * ltd_group_rank(j->group);
    int rc = gather_rewards(j, &reward, &rounds, err);
    if (rc < 0) return rc;
    for (int64_t k = 0; k < rounds; k++)
        for (int64_t e = 0; e < envs; e++) {
            float *r = &reward[e * rounds + k];
            if (!isnan(*r)) *r = ltd_reward_norm_next(&j->norm, *r);
        }
    for (size_t i = 0; i < j->n_paid; i++) {
        const ltd_joint_paid *p = &j->paid[i];
        float scaled = reward[(first + p->env) * rounds + p->round];
        if (p->depth >= 0) ltd_rollout_pay(j->depth->rollout, p->depth, scaled);
        if (p->size >= 0) ltd_rollout_pay(j->size->rollout, p->size, scaled);
    }
    free(reward);
    return LTD_OK;
}

/* Values of another type, one after the other. */
static double *put_counts(double *at, const uint32_t *v, int n)
{
    for (int i = 0; i < n; i++) *at++ = v[i];
    return at;
}

static const double *get_counts(const double *at, uint32_t *v, int n)
{
    for (int i = 0; i < n; i++) v[i] = (uint32_t)*at++;
    return at;
}

static int sum_hists(ltd_joint *j, ltd_err *err)
{
    ltd_joint_stats *s = &j->stats;
    double v[LTD_RUN_ACCEPT + LTD_RUN_FORWARDS + LTD_RUN_SIZES], *end = v;
    end = put_counts(end, s->accept_hist, LTD_RUN_ACCEPT);
    end = put_counts(end, s->forwards_hist, LTD_RUN_FORWARDS);
    end = put_counts(end, s->size_hist, LTD_RUN_SIZES);
    int rc = ltd_group_sum(j->group, NULL, 0, v, (size_t)(end - v), err);
    if (rc < 0) return rc;
    const double *at = get_counts(v, s->accept_hist, LTD_RUN_ACCEPT);
    at = get_counts(at, s->forwards_hist, LTD_RUN_FORWARDS);
    get_counts(at, s->size_hist, LTD_RUN_SIZES);
    return LTD_OK;
}

static int sum_stats(ltd_joint *j, ltd_err *err)
{
    ltd_joint_stats *s = &j->stats;
    int64_t *const whole[] = {&s->cycles, &s->slow,   &s->decisions,   &s->accept_len, &s->forwards,
                              &s->size,   &s->tokens, &s->depth_steps, &s->size_steps};
    double *const real[] = {&s->reward, &s->ns, &s->ar_ns, &s->good_len};
    enum { WHOLE = sizeof whole / sizeof *whole, REAL = sizeof real / sizeof *real };
    double v[WHOLE + REAL + LTD_PHASE_COUNT], *phases = v + WHOLE + REAL;
    s->depth_steps = ltd_rollout_size(j->depth->rollout);
    s->size_steps = ltd_rollout_size(j->size->rollout);
    for (int i = 0; i < WHOLE; i++) v[i] = (double)*whole[i];
    for (int i = 0; i < REAL; i++) v[WHOLE + i] = *real[i];
    for (int i = 0; i < LTD_PHASE_COUNT; i++) phases[i] = s->phase_ns[i];
    int rc = ltd_group_sum(j->group, NULL, 0, v, sizeof v / sizeof *v, err);
    for (int i = 0; i < WHOLE; i++) *whole[i] = (int64_t)v[i];
    for (int i = 0; i < REAL; i++) *real[i] = v[WHOLE + i];
    for (int i = 0; i < LTD_PHASE_COUNT; i++) s->phase_ns[i] = phases[i];
    return rc == LTD_OK ? sum_hists(j, err) : rc;
}

/* --- collecting --- */

int ltd_joint_collect(ltd_joint *j, int64_t most, const volatile int *stop,
                      void (*tick)(void *ctx, const ltd_joint_stats *stats), void *ctx,
                      ltd_err *err)
{
    int64_t envs = (int64_t)j->n_envs * ltd_group_size(j->group);
    int64_t first = (int64_t)j->n_envs * ltd_group_rank(j->group);
    j->stats = (ltd_joint_stats){0};
    j->n_paid = 0;
    ltd_learner_begin(j->depth);
    ltd_learner_begin(j->size);
    bool playing = true;
    for (int32_t round = 0; playing; round++) {
        playing = false;
        for (int32_t e = 0; e < j->n_envs && !(stop && *stop); e++) {
            if (round * envs + first + e >= most || !has_room(j, e)) continue;
            int rc = ltd_group_poll(j->group, err);
            if (rc == LTD_OK) rc = play(j, e, round, err);
            if (rc < 0) return rc;
            playing = true;
            if (tick) tick(ctx, &j->stats);
        }
    }
    int rc = j->norm_reward ? scale_rewards(j, err) : LTD_OK;
    return rc == LTD_OK ? sum_stats(j, err) : rc;
}
