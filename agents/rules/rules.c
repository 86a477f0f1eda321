/* The table, and the agent that takes a rule through a cycle. */
#include "agents/rules/rules.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/fixed.h"
#include "agents/rules/rule_priv.h"
#include "base/mem.h"

static const ltd_rule *const rules[] = {
    &ltd_rule_lookup,   &ltd_rule_two_threshold, &ltd_rule_switch, &ltd_rule_goodput,
    &ltd_rule_ddd,      &ltd_rule_svip,          &ltd_rule_conf,   &ltd_rule_adaedl,
    &ltd_rule_opt_tree, &ltd_rule_ema,           &ltd_rule_hf,     &ltd_rule_gammatune,
    &ltd_rule_bandit,   &ltd_rule_eps,           &ltd_rule_tapout, &ltd_rule_specdecpp,
    &ltd_rule_disco,    &ltd_rule_c2t,           &ltd_rule_resps,
};

int32_t ltd_rule_count(void)
{
    return (int32_t)(sizeof rules / sizeof rules[0]);
}

const ltd_rule *ltd_rule_at(int32_t i)
{
    return i >= 0 && i < ltd_rule_count() ? rules[i] : NULL;
}

const ltd_rule *ltd_rule_find(const char *name)
{
    for (int32_t i = 0; i < ltd_rule_count(); i++)
        if (strcmp(rules[i]->name, name) == 0) return rules[i];
    return NULL;
}

void ltd_rule_defaults(const ltd_rule *rule, float *param)
{
    for (int32_t i = 0; i < rule->n_params; i++) param[i] = rule->param[i].value[0];
}

char *ltd_rule_text(const ltd_rule *rule, const float *param, char *ret, size_t size)
{
    size_t at = 0;
    ret[0] = 0;
    for (int32_t i = 0; i < rule->n_params && at < size; i++) {
        int n = snprintf(ret + at, size - at, "%s%s %g", i ? ", " : "", rule->param[i].name,
                         (double)param[i]);
        if (n > 0) at += (size_t)n;
    }
    return ret;
}

/* --- a cycle --- */

static void begin_cycle(rule_agent *a, const ltd_env *env)
{
    const ltd_rule_ops *ops = a->rule->ops;
    const ltd_obs_state *s = ltd_env_state(env);
    const ltd_info *last = a->begun ? ltd_env_last(env) : NULL;
    a->begun = true;
    if (ops->begin) ops->begin(a, env, last);
    a->chain = -1;
    if (s->chain == 0) return;
    if (ops->chain)
        a->chain = ops->chain(a, env);
    else if (a->param[RULE_G] > 0 && s->match >= rule_int(a, RULE_G))
        a->chain = rule_int(a, RULE_M);
}

/* A cycle's first depth turn is the only one with the forwards that nobody is asked for. */
static int32_t decide_depth(rule_agent *a, const ltd_env *env, const ltd_step *step)
{
    if (rule_forwards(env) == ltd_env_get_options(env)->min_forwards) begin_cycle(a, env);
    int32_t want = LTD_DEPTH_STOP;
    if (a->chain < 0 && step->mask[LTD_DEPTH_CONTINUE] && a->rule->ops->go(a, env))
        want = LTD_DEPTH_CONTINUE;
    return step->mask[want] ? want : !want;
}

static int32_t decide_size(rule_agent *a, const ltd_env *env, const ltd_step *step)
{
    int32_t size = a->chain;
    if (size < 0) size = a->rule->ops->size ? a->rule->ops->size(a, env) : rule_int(a, RULE_V);
    return ltd_agent_size_action(env, step, size);
}

static int32_t decide(ltd_agent *agent, const ltd_env *env, const ltd_step *step, float *logprob)
{
    rule_agent *a = (rule_agent *)agent;
    if (logprob) *logprob = 0;
    return step->turn == LTD_TURN_DEPTH ? decide_depth(a, env, step) : decide_size(a, env, step);
}

static void free_agent(ltd_agent *agent)
{
    rule_agent *a = (rule_agent *)agent;
    if (a->rule->ops->close) a->rule->ops->close(a);
    free(a);
}

int ltd_agent_rule_new(ltd_agent **ret, const ltd_rule *rule, const float *param, ltd_err *err)
{
    return ltd_agent_trained_new(ret, rule, param, NULL, err);
}

int ltd_agent_trained_new(ltd_agent **ret, const ltd_rule *rule, const float *param, ltd_mlp *net,
                          ltd_err *err)
{
    *ret = NULL;
    for (int32_t i = 0; i < rule->n_params; i++)
        if (!isfinite(param[i]))
            return ltd_fail(err, LTD_EINVAL, "rule %s: %s is %g, expected a number", rule->name,
                            rule->param[i].name, (double)param[i]);
    if (!ltd_rule_net_fits(rule, net))
        return ltd_fail(err, LTD_EINVAL, "rule %s: %s", rule->name,
                        !net               ? "it needs a trained net"
                        : rule->net.inputs ? "its net has another shape"
                                           : "it has no net");
    rule_agent *a = ltd_mem_zeros(1, rule->ops->bytes ? rule->ops->bytes : sizeof *a);
    if (!a) return ltd_fail(err, LTD_ENOMEM, "rule %s: no memory", rule->name);
    a->rule = rule;
    a->net = net;
    a->chain = -1;
    memcpy(a->param, param, (size_t)rule->n_params * sizeof *param);
    snprintf(a->agent.name, sizeof a->agent.name, "%s", rule->name);
    ltd_rule_text(rule, param, a->agent.detail, sizeof a->agent.detail);
    a->agent.decide = decide;
    a->agent.free = free_agent;
    a->agent.blind = true;
    int rc = rule->ops->open ? rule->ops->open(a, err) : LTD_OK;
    if (rc < 0) {
        free_agent(&a->agent);
        return rc;
    }
    *ret = &a->agent;
    return LTD_OK;
}
