#include <math.h>

#include "agents/rules/rule_priv.h"
#include "env/cost.h"
#include "env/survival.h"
#include "env/tree.h"

static bool certain(const ltd_tree *tree)
{
    return ltd_tree_forwards(tree) == 0;
}

float ltd_rule_top(const ltd_env *env)
{
    const ltd_tree *tree = ltd_env_state(env)->tree;
    return certain(tree) ? 1 : expf(ltd_tree_top_logp(tree)[0]);
}

float ltd_rule_mass(const ltd_env *env)
{
    const ltd_tree *tree = ltd_env_state(env)->tree;
    float mass = 0;
    if (certain(tree)) return 1;
    for (int32_t i = 0; i < ltd_tree_top_k(tree); i++) mass += expf(ltd_tree_beam_score(tree)[i]);
    return mass;
}

float ltd_rule_best(const ltd_env *env)
{
    const ltd_tree *tree = ltd_env_state(env)->tree;
    if (certain(tree)) return 1;
    return expf(ltd_survival_head(ltd_tree_survival(tree), ltd_tree_beam_score(tree)[0]));
}

float ltd_rule_expected(const ltd_env *env, int32_t size)
{
    ltd_tree *tree = ltd_env_state(env)->tree;
    int32_t n = ltd_tree_count(tree);
    const int32_t *best = ltd_tree_ranked(tree, size < n ? size : n);
    float sum = 1;
    for (int32_t i = 0; i < size && i < n; i++) sum += expf(ltd_tree_nodes(tree)[best[i]].score);
    return sum;
}

int32_t ltd_rule_likely(const ltd_env *env, float p, int32_t most)
{
    ltd_tree *tree = ltd_env_state(env)->tree;
    int32_t n = ltd_tree_count(tree), i = 0;
    if (most < n) n = most;
    const int32_t *best = ltd_tree_ranked(tree, n);
    while (i < n && expf(ltd_tree_nodes(tree)[best[i]].score) > p) i++;
    return i;
}

int32_t ltd_rule_per_forward(rule_agent *a, const ltd_env *env)
{
    return (int32_t)(a->param[RULE_PER] * (float)rule_forwards(env));
}

static double work_ms(const ltd_env *env, const ltd_cost_work *work)
{
    const ltd_cost *cost = ltd_env_state(env)->cost;
    if (cost) return ltd_cost_cycle(cost, work);
    return 1 + 0.05 * work->size + 0.15 * work->forwards;
}

double ltd_rule_ms(const ltd_env *env, int32_t forwards, int32_t size)
{
    const ltd_obs_state *s = ltd_env_state(env);
    ltd_cost_work work = {forwards, ltd_tree_top_k(s->tree), size, s->context, s->waiting};
    return work_ms(env, &work);
}

double ltd_rule_last_ms(const ltd_env *env, const ltd_info *last)
{
    ltd_cost_work work = ltd_env_work(env, last);
    return work_ms(env, &work);
}
