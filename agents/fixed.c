#include "agents/fixed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "env/turns.h"

typedef struct fixed_agent {
    ltd_agent agent; /* first: the two are cast into each other */
    int32_t forwards, size;
} fixed_agent;

typedef struct untaught_agent {
    ltd_agent agent; /* first */
    int32_t forwards, size;
    ltd_rng rng;
} untaught_agent;

typedef struct random_agent {
    ltd_agent agent; /* first */
    ltd_rng rng;
} random_agent;

static void free_agent(ltd_agent *agent)
{
    free(agent);
}

int32_t ltd_agent_depth_action(const ltd_env *env, const ltd_step *step, int32_t forwards)
{
    int32_t want = ltd_env_forwards(env) < forwards ? LTD_DEPTH_CONTINUE : LTD_DEPTH_STOP;
    return step->mask[want] ? want : !want;
}

int32_t ltd_agent_size_action(const ltd_env *env, const ltd_step *step, int32_t size)
{
    return ltd_turns_nearest(ltd_env_get_options(env)->sizes, step->n_actions, step->mask, size);
}

static int32_t fixed_decide(ltd_agent *agent, const ltd_env *env, const ltd_step *step,
                            float *logprob)
{
    const fixed_agent *a = (const fixed_agent *)agent;
    if (logprob) *logprob = 0;
    return step->turn == LTD_TURN_DEPTH ? ltd_agent_depth_action(env, step, a->forwards)
                                        : ltd_agent_size_action(env, step, a->size);
}

int ltd_agent_fixed_new(ltd_agent **ret, const char *name, int32_t forwards, int32_t size,
                        ltd_err *err)
{
    *ret = NULL;
    if (forwards < 0 || size < 0 || !name[0])
        return ltd_fail(err, LTD_EINVAL, "fixed agent '%s': %d forwards, %d nodes", name, forwards,
                        size);
    fixed_agent *a = ltd_mem_zeros(1, sizeof *a);
    if (!a) return ltd_fail(err, LTD_ENOMEM, "fixed agent '%s': no memory", name);
    snprintf(a->agent.name, sizeof a->agent.name, "%s", name);
    snprintf(a->agent.detail, sizeof a->agent.detail, "%d forward%s, %d node%s", forwards,
             forwards == 1 ? "" : "s", size, size == 1 ? "" : "s");
    a->agent.decide = fixed_decide;
    a->agent.free = free_agent;
    a->agent.blind = true;
    a->forwards = forwards;
    a->size = size;
    *ret = &a->agent;
    return LTD_OK;
}

int32_t ltd_agent_draw_forwards(const ltd_env *env, ltd_rng *rng)
{
    const ltd_env_options *o = ltd_env_get_options(env);
    int32_t every = o->depth_every > 0 ? o->depth_every : 1;
    int32_t steps = (o->max_forwards - o->min_forwards + every - 1) / every;
    int32_t n = o->min_forwards + every * (int32_t)ltd_rng_below(rng, (uint64_t)steps + 1);
    return n < o->max_forwards ? n : o->max_forwards;
}

static int32_t untaught_decide(ltd_agent *agent, const ltd_env *env, const ltd_step *step,
                               float *logprob)
{
    untaught_agent *a = (untaught_agent *)agent;
    if (logprob) *logprob = 0;
    if (step->turn == LTD_TURN_SIZE) return ltd_agent_size_action(env, step, a->size);
    /* The first question of a cycle. */
    if (ltd_env_forwards(env) == ltd_env_get_options(env)->min_forwards)
        a->forwards = ltd_agent_draw_forwards(env, &a->rng);
    return ltd_agent_depth_action(env, step, a->forwards);
}

int ltd_agent_untaught_new(ltd_agent **ret, int32_t size, uint64_t seed, ltd_err *err)
{
    *ret = NULL;
    if (size < 0) return ltd_fail(err, LTD_EINVAL, "untaught agent: %d nodes", size);
    untaught_agent *a = ltd_mem_zeros(1, sizeof *a);
    if (!a) return ltd_fail(err, LTD_ENOMEM, "untaught agent: no memory");
    snprintf(a->agent.name, sizeof a->agent.name, "untaught");
    snprintf(a->agent.detail, sizeof a->agent.detail, "random forwards, %d node%s", size,
             size == 1 ? "" : "s");
    a->agent.decide = untaught_decide;
    a->agent.free = free_agent;
    a->agent.blind = true;
    a->size = size;
    ltd_rng_seed(&a->rng, seed, LTD_STREAM_EXPLORE);
    *ret = &a->agent;
    return LTD_OK;
}

static int32_t random_decide(ltd_agent *agent, const ltd_env *env, const ltd_step *step,
                             float *logprob)
{
    (void)env;
    random_agent *a = (random_agent *)agent;
    int32_t legal = 0;
    for (int32_t i = 0; i < step->n_actions; i++) legal += step->mask[i] != 0;
    if (logprob) *logprob = legal > 0 ? -logf((float)legal) : 0;
    if (legal == 0) return 0;
    int32_t skip = (int32_t)ltd_rng_below(&a->rng, (uint64_t)legal), i = 0;
    for (; !step->mask[i] || skip > 0; i++) skip -= step->mask[i] != 0;
    return i;
}

int ltd_agent_random_new(ltd_agent **ret, uint64_t seed, ltd_err *err)
{
    *ret = NULL;
    random_agent *a = ltd_mem_zeros(1, sizeof *a);
    if (!a) return ltd_fail(err, LTD_ENOMEM, "random agent: no memory");
    snprintf(a->agent.name, sizeof a->agent.name, "random");
    snprintf(a->agent.detail, sizeof a->agent.detail, "uniform over legal actions");
    a->agent.decide = random_decide;
    a->agent.free = free_agent;
    a->agent.blind = true;
    ltd_rng_seed(&a->rng, seed, LTD_STREAM_EXPLORE);
    *ret = &a->agent;
    return LTD_OK;
}
