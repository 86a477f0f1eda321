/* One block of memory a field, [n_envs, capacity, ...].  An environment's steps are contiguous, so
 * that GAE runs over a plain vector and environments may be filled unevenly. */
#include "trainer/ppo/rollout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/ppo/gae.h"

static int check(const ltd_rollout_options *o, ltd_err *err)
{
    if ((unsigned)o->kind >= LTD_ROLLOUT_COUNT)
        return ltd_fail(err, LTD_EINVAL, "rollout: no kind has number %d", (int)o->kind);
    if (o->n_envs < 1 || o->capacity < 1 || o->obs_dim < 1 || o->n_actions < 1)
        return ltd_fail(err, LTD_EINVAL,
                        "rollout: found %d environments, %d steps, %d floats, %d actions, expected "
                        "1 or more of each",
                        o->n_envs, o->capacity, o->obs_dim, o->n_actions);
    /* Flattened indices are int32. */
    if ((int64_t)o->n_envs * o->capacity > INT32_MAX)
        return ltd_fail(err, LTD_EINVAL, "rollout: %d environments of %d steps are too many",
                        o->n_envs, o->capacity);
    return LTD_OK;
}

int ltd_rollout_new(ltd_rollout **ret, const ltd_rollout_options *options, ltd_err *err)
{
    *ret = NULL;
    int rc = check(options, err);
    if (rc < 0) return rc;
    ltd_rollout *r = ltd_mem_zeros(1, sizeof *r);
    if (!r) return ltd_fail(err, LTD_ENOMEM, "rollout: out of memory");
    r->opt = *options;
    size_t envs = (size_t)options->n_envs, n = envs * (size_t)options->capacity;
    r->fill = ltd_mem_zeros(envs, sizeof *r->fill);
    r->begin = ltd_mem_zeros(envs, sizeof *r->begin);
    r->open = ltd_mem_zeros(envs, 1);
    r->obs = ltd_mem_aligned(n, (size_t)options->obs_dim * sizeof *r->obs);
    r->mask = ltd_mem_zeros(n, (size_t)options->n_actions);
    r->action = ltd_mem_zeros(n, sizeof *r->action);
    r->logprob = ltd_mem_zeros(n, sizeof *r->logprob);
    r->reward = ltd_mem_zeros(n, sizeof *r->reward);
    r->bootstrap = ltd_mem_zeros(n, sizeof *r->bootstrap);
    r->episode_start = ltd_mem_zeros(n, 1);
    r->value = ltd_mem_zeros(n, sizeof *r->value);
    r->advantage = ltd_mem_zeros(n, sizeof *r->advantage);
    r->returns = ltd_mem_zeros(n, sizeof *r->returns);
    if (!r->fill || !r->begin || !r->open || !r->obs || !r->mask || !r->action || !r->logprob ||
        !r->reward || !r->bootstrap || !r->episode_start || !r->value || !r->advantage ||
        !r->returns) {
        ltd_rollout_free(r);
        return ltd_fail(err, LTD_ENOMEM, "rollout: no memory for %d x %d steps of %d floats",
                        options->n_envs, options->capacity, options->obs_dim);
    }
    *ret = r;
    return LTD_OK;
}

void ltd_rollout_free(ltd_rollout *r)
{
    if (!r) return;
    free(r->fill);
    free(r->begin);
    free(r->open);
    free(r->obs);
    free(r->mask);
    free(r->action);
    free(r->logprob);
    free(r->reward);
    free(r->bootstrap);
    free(r->episode_start);
    free(r->value);
    free(r->advantage);
    free(r->returns);
    free(r);
}

void ltd_rollout_reset(ltd_rollout *r)
{
    memset(r->fill, 0, (size_t)r->opt.n_envs * sizeof *r->fill);
    memset(r->begin, 0, (size_t)r->opt.n_envs * sizeof *r->begin);
}

void ltd_rollout_clear(ltd_rollout *r)
{
    ltd_rollout_reset(r);
    memset(r->open, 0, (size_t)r->opt.n_envs);
}

/* Flattened index of step t of environment env. */
static int64_t flat(const ltd_rollout *r, int32_t env, int32_t t)
{
    return (int64_t)env * r->opt.capacity + t;
}

bool ltd_rollout_slot(ltd_rollout *r, int32_t env, ltd_slot *ret)
{
    if (r->fill[env] >= r->opt.capacity) return false;
    int64_t i = flat(r, env, r->fill[env]);
    ret->obs = r->obs + i * r->opt.obs_dim;
    ret->mask = r->mask + i * r->opt.n_actions;
    memset(ret->mask, 1, (size_t)r->opt.n_actions);
    return true;
}

int64_t ltd_rollout_push(ltd_rollout *r, int32_t env, int32_t action, float logprob, float value)
{
    if (r->fill[env] >= r->opt.capacity) return -1;
    int64_t i = flat(r, env, r->fill[env]);
    if (!r->open[env]) r->begin[env] = r->fill[env];
    r->action[i] = action;
    r->logprob[i] = logprob;
    r->value[i] = value;
    r->reward[i] = 0.0f;
    r->bootstrap[i] = 0.0f;
    r->episode_start[i] = !r->open[env];
    r->open[env] = r->opt.kind == LTD_ROLLOUT_EPISODES;
    r->fill[env]++;
    return i;
}

void ltd_rollout_reward(ltd_rollout *r, int32_t env, float reward)
{
    if (r->fill[env] > 0) r->reward[flat(r, env, r->fill[env] - 1)] += reward;
}

void ltd_rollout_pay(ltd_rollout *r, int64_t index, float reward)
{
    r->reward[index] = reward;
}

void ltd_rollout_end(ltd_rollout *r, int32_t env, float reward)
{
    if (r->opt.kind == LTD_ROLLOUT_EPISODES && !r->open[env]) return;
    ltd_rollout_reward(r, env, reward);
    r->open[env] = 0;
}

void ltd_rollout_truncate(ltd_rollout *r, int32_t env, float reward, float value)
{
    if (r->opt.kind == LTD_ROLLOUT_EPISODES && !r->open[env]) return;
    ltd_rollout_end(r, env, reward);
    if (r->fill[env] > 0) r->bootstrap[flat(r, env, r->fill[env] - 1)] = value;
}

void ltd_rollout_drop(ltd_rollout *r, int32_t env)
{
    if (r->open[env]) ltd_rollout_drop_last(r, env);
}

void ltd_rollout_drop_last(ltd_rollout *r, int32_t env)
{
    r->fill[env] = r->begin[env];
    r->open[env] = 0;
}

int64_t ltd_rollout_size(const ltd_rollout *r)
{
    int64_t n = 0;
    for (int32_t e = 0; e < r->opt.n_envs; e++) n += r->fill[e];
    return n;
}

bool ltd_rollout_full(const ltd_rollout *r)
{
    return ltd_rollout_size(r) == (int64_t)r->opt.n_envs * r->opt.capacity;
}

void ltd_rollout_finish(ltd_rollout *r, double gamma, double gae_lambda, const float *last_values)
{
    for (int32_t e = 0; e < r->opt.n_envs; e++) {
        int64_t at = flat(r, e, 0);
        /* A truncated step's future is part of its reward.  The returns' place holds that sum:
         * the pass reads each before it writes there. */
        float *reward = r->returns + at;
        for (int32_t t = 0; t < r->fill[e]; t++)
            reward[t] = ltd_gae_bootstrap(r->reward[at + t], r->bootstrap[at + t], gamma);
        uint8_t done = !r->open[e];
        float last = last_values ? last_values[e] : 0.0f;
        ltd_gae(r->advantage + at, r->returns + at, reward, r->value + at, r->episode_start + at,
                &last, &done, r->fill[e], 1, gamma, gae_lambda);
    }
}

double ltd_rollout_explained_variance(const ltd_rollout *r)
{
    double n = 0, sum_r = 0, sum_d = 0, square_r = 0, square_d = 0;
    for (int32_t e = 0; e < r->opt.n_envs; e++)
        for (int32_t t = 0; t < r->fill[e]; t++) {
            int64_t i = flat(r, e, t);
            sum_r += (double)r->returns[i];
            sum_d += (double)r->returns[i] - (double)r->value[i];
            n += 1;
        }
    for (int32_t e = 0; e < r->opt.n_envs; e++)
        for (int32_t t = 0; t < r->fill[e]; t++) {
            int64_t i = flat(r, e, t);
            double a = (double)r->returns[i] - sum_r / n;
            double b = (double)r->returns[i] - (double)r->value[i] - sum_d / n;
            square_r += a * a;
            square_d += b * b;
        }
    return square_r > 0 ? 1.0 - square_d / square_r : (double)NAN;
}

void ltd_rollout_indices(const ltd_rollout *r, int32_t *index)
{
    for (int32_t e = 0; e < r->opt.n_envs; e++)
        for (int32_t t = 0; t < r->fill[e]; t++) *index++ = (int32_t)flat(r, e, t);
}
