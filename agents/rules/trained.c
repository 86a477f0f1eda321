#include "agents/rules/trained.h"

#include <math.h>

#include "agents/rules/rule_priv.h"

bool ltd_rule_net_fits(const ltd_rule *rule, const ltd_mlp *net)
{
    const ltd_rule_net *n = &rule->net;
    if (!n->inputs || !net) return !n->inputs && !net;
    return ltd_mlp_layers(net) == 2 && ltd_mlp_dim(net, 0) == n->inputs &&
           ltd_mlp_dim(net, 1) == n->hidden && ltd_mlp_dim(net, 2) == n->outputs;
}

int32_t ltd_rule_look(ltd_agent *agent, const ltd_env *env, float *x, int32_t *node)
{
    rule_agent *a = (rule_agent *)agent;
    if (!a->rule->ops->look || a->chain >= 0 || rule_forwards(env) == 0) return 0;
    return a->rule->ops->look(a, env, x, node);
}

void ltd_rule_set_tutor(ltd_agent *agent, const ltd_rule_tutor *tutor)
{
    ((rule_agent *)agent)->tutor = tutor;
}

/* --- for the rules --- */

void ltd_rule_top_row(const ltd_env *env, float *ret)
{
    const ltd_tree *tree = ltd_env_state(env)->tree;
    const float *logp = ltd_tree_top_logp(tree);
    for (int32_t i = 0; i < RULE_TOP; i++) ret[i] = i < ltd_tree_top_k(tree) ? expf(logp[i]) : 0;
}

float ltd_rule_scaled(float logp)
{
    return logp > -8 ? 1 + logp / 8 : 0;
}

int32_t ltd_rule_best_node(const ltd_env *env)
{
    return ltd_tree_beam_node(ltd_env_state(env)->tree)[0];
}

float ltd_rule_judge(rule_agent *a, const float *x)
{
    float logit;
    ltd_mlp_forward(a->net, x, &logit);
    return 1 / (1 + expf(-logit));
}
