/* What all processes must know of each other's rollouts to shuffle, normalise and judge as one
 * process with all of the environments would: a few numbers a step.  Observations stay where they
 * are. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/ppo/ppo_priv.h"

/* Places of the arrays in one piece of memory. */
static int allocate(ltd_ppo_whole *w, ltd_err *err)
{
    size_t envs = (size_t)w->r.opt.n_envs, n = envs * (size_t)w->r.opt.capacity;
    float *at = w->owned = ltd_mem_zeros(envs + 3 * n, sizeof(float));
    if (!at) return ltd_fail(err, LTD_ENOMEM, "ppo: no memory for the rollouts of all processes");
    w->r.advantage = at;
    w->r.value = at + n;
    w->r.returns = at + 2 * n;
    w->r.fill = (int32_t *)(at + 3 * n);
    return LTD_OK;
}

int ltd_ppo_whole_init(ltd_ppo_whole *ret, const ltd_rollout *mine, ltd_group *group, ltd_err *err)
{
    int64_t size = ltd_group_size(group), n = (int64_t)mine->opt.n_envs * mine->opt.capacity;
    *ret = (ltd_ppo_whole){.r = *mine, .first = ltd_group_rank(group) * n};
    ret->end = ret->first + n;
    if (size == 1) return LTD_OK;
    if (size * n > INT32_MAX)
        return ltd_fail(err, LTD_EINVAL, "ppo: %d processes with %lld steps each are too many",
                        (int)size, (long long)n);
    ret->r.opt.n_envs *= (int32_t)size;
    size_t bytes = (size_t)n * sizeof(float);
    int rc = allocate(ret, err);
    if (rc == LTD_OK)
        rc = ltd_group_gather(group, mine->fill, (size_t)mine->opt.n_envs * sizeof *mine->fill,
                              ret->r.fill, err);
    if (rc == LTD_OK) rc = ltd_group_gather(group, mine->advantage, bytes, ret->r.advantage, err);
    if (rc == LTD_OK) rc = ltd_group_gather(group, mine->value, bytes, ret->r.value, err);
    if (rc == LTD_OK) rc = ltd_group_gather(group, mine->returns, bytes, ret->r.returns, err);
    if (rc < 0) ltd_ppo_whole_fini(ret);
    return rc;
}

void ltd_ppo_whole_fini(ltd_ppo_whole *whole)
{
    free(whole->owned);
    whole->owned = NULL;
}

/* Flattened indices of the rollout's n steps; owned, NULL with *err filled. */
int32_t *ltd_ppo_indices(const ltd_rollout *r, int64_t n, ltd_err *err)
{
    int32_t *index = ltd_mem_zeros((size_t)n, sizeof *index);
    if (index)
        ltd_rollout_indices(r, index);
    else
        ltd_fail(err, LTD_ENOMEM, "ppo: no memory for the order of %lld", (long long)n);
    return index;
}
