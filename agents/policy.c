#include "agents/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/categorical.h"
#include "agents/fixed.h"
#include "base/mem.h"
#include "env/cycle.h"

typedef struct policy_agent {
    ltd_agent base;
    const ltd_policy *policy;
    ltd_rng *rng;
    float logits[LTD_MAX_SIZES];
    float *scratch; /* of the larger net: the policy is shared */
} policy_agent;

void ltd_policy_free(ltd_policy *policy)
{
    if (!policy) return;
    ltd_mlp_free(policy->depth);
    ltd_mlp_free(policy->size);
    ltd_mlp_free(policy->depth_critic);
    ltd_mlp_free(policy->size_critic);
    free(policy->survival);
    free(policy->table);
    free(policy);
}

void ltd_policy_env_options(const ltd_policy *policy, ltd_env_options *options)
{
    options->depth_contract = policy->depth_contract;
    options->size_contract = policy->size_contract;
    options->n_sizes = policy->n_sizes;
    memcpy(options->sizes, policy->sizes, sizeof options->sizes);
    options->min_forwards = policy->min_forwards;
    options->depth_every = policy->depth_every;
    options->rate = (float)policy->rate;
    int32_t most = ltd_cycle_get_options(options->cycle)->max_forwards;
    options->max_forwards = policy->max_forwards < most ? policy->max_forwards : most;
}

int32_t ltd_policy_most_forwards(const ltd_policy *p)
{
    bool fewer = !p->depth && p->fixed_forwards < p->max_forwards;
    int32_t n = fewer ? p->fixed_forwards : p->max_forwards;
    return n < p->min_forwards ? p->min_forwards : n;
}

int32_t ltd_policy_most_nodes(const ltd_policy *p)
{
    int32_t i = p->n_sizes - 1;
    while (!p->size && i > 0 && p->sizes[i] > p->fixed_size) i--;
    return p->sizes[i];
}

/* An actor that isn't there fits everywhere. */
static int check_actor(const ltd_mlp *net, const char *what, ltd_contract trained,
                       ltd_contract here, int32_t in, int32_t out, ltd_err *err)
{
    if (!net) return LTD_OK;
    if (trained != here)
        return ltd_fail(err, LTD_EINVAL, "policy: %s net trained on %s, the environment gives %s",
                        what, ltd_contract_name(trained), ltd_contract_name(here));
    int32_t has_in = ltd_mlp_dim(net, 0), has_out = ltd_mlp_dim(net, ltd_mlp_layers(net));
    if (has_in == in && has_out == out) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "policy: %s net is %d -> %d, the environment needs %d -> %d",
                    what, has_in, has_out, in, out);
}

int ltd_policy_check(const ltd_policy *policy, const ltd_env *env, ltd_err *err)
{
    const ltd_env_options *o = ltd_env_get_options(env);
    if (policy->n_sizes != o->n_sizes ||
        memcmp(policy->sizes, o->sizes, (size_t)o->n_sizes * sizeof o->sizes[0]) != 0)
        return ltd_fail(err, LTD_EINVAL,
                        "policy: its table of %d sizes is not the environment's %d",
                        policy->n_sizes, o->n_sizes);
    int rc = check_actor(policy->depth, "depth", policy->depth_contract, o->depth_contract,
                         ltd_env_obs_dim(env, LTD_TURN_DEPTH), 2, err);
    if (rc < 0) return rc;
    return check_actor(policy->size, "size", policy->size_contract, o->size_contract,
                       ltd_env_obs_dim(env, LTD_TURN_SIZE), o->n_sizes, err);
}

static int32_t decide_fixed(const ltd_policy *p, const ltd_env *env, const ltd_step *step,
                            float *logprob)
{
    if (logprob) *logprob = 0;
    return step->turn == LTD_TURN_DEPTH ? ltd_agent_depth_action(env, step, p->fixed_forwards)
                                        : ltd_agent_size_action(env, step, p->fixed_size);
}

static int32_t decide(ltd_agent *agent, const ltd_env *env, const ltd_step *step, float *logprob)
{
    policy_agent *a = (policy_agent *)agent;
    ltd_mlp *net = step->turn == LTD_TURN_DEPTH ? a->policy->depth : a->policy->size;
    if (!net) return decide_fixed(a->policy, env, step, logprob);
    ltd_mlp_forward_with(net, step->obs, a->logits, a->scratch);
    if (a->rng)
        return ltd_categorical_sample(a->logits, step->mask, step->n_actions, a->rng, logprob);
    int32_t action = ltd_categorical_argmax(a->logits, step->mask, step->n_actions);
    if (logprob) *logprob = ltd_categorical_logprob(a->logits, step->mask, step->n_actions, action);
    return action;
}

/* Logits have a fixed place. */
static int check_outputs(const ltd_mlp *net, const char *name, ltd_err *err)
{
    int32_t n = net ? ltd_mlp_dim(net, ltd_mlp_layers(net)) : 0;
    if (n <= LTD_MAX_SIZES) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "agent %s: a net gives %d outputs, expected at most %d", name,
                    n, LTD_MAX_SIZES);
}

static void describe(const ltd_policy *p, char *ret, size_t size)
{
    char depth[48], nodes[48];
    snprintf(depth, sizeof depth, "%d forwards", ltd_policy_most_forwards(p));
    snprintf(nodes, sizeof nodes, "%d nodes", ltd_policy_most_nodes(p));
    snprintf(ret, size, "%s, %s", p->depth ? ltd_contract_name(p->depth_contract) : depth,
             p->size ? ltd_contract_name(p->size_contract) : nodes);
}

static void policy_agent_free(ltd_agent *agent)
{
    free(((policy_agent *)agent)->scratch);
    free(agent);
}

int ltd_agent_policy_new(ltd_agent **ret, const char *name, const ltd_policy *policy, ltd_rng *rng,
                         ltd_err *err)
{
    *ret = NULL;
    if (!policy->depth && !policy->size)
        return ltd_fail(err, LTD_EINVAL, "agent %s: its policy has neither a depth nor a size net",
                        name);
    int rc = check_outputs(policy->depth, name, err);
    if (rc == LTD_OK) rc = check_outputs(policy->size, name, err);
    if (rc < 0) return rc;
    size_t depth = policy->depth ? ltd_mlp_scratch(policy->depth) : 0;
    size_t size = policy->size ? ltd_mlp_scratch(policy->size) : 0;
    policy_agent *a = ltd_mem_zeros(1, sizeof *a);
    if (a) a->scratch = ltd_mem_aligned(depth > size ? depth : size, sizeof *a->scratch);
    if (!a || !a->scratch) {
        free(a);
        return ltd_fail(err, LTD_ENOMEM, "agent %s: no memory", name);
    }
    snprintf(a->base.name, sizeof a->base.name, "%s", name);
    describe(policy, a->base.detail, sizeof a->base.detail);
    a->base.decide = decide;
    a->base.free = policy_agent_free;
    a->policy = policy;
    a->rng = rng;
    *ret = &a->base;
    return LTD_OK;
}
