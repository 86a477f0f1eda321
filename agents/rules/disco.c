/* DISCO: a classifier says after each forward whether its token will be accepted.
 *
 *     continue while p(x) >= th, x = the top row's candidates' p, its entropy, forwards so far
 *
 * p(x) is that the best node of the level is right, given that the one before was.
 * Source: Mamou et al. 2024, arXiv 2405.04304: features and threshold; the width of the net and its
 * training are not checked against the paper's text. */
#include "agents/rules/rule_priv.h"

enum { TH = RULE_V + 1, INPUTS = RULE_TOP + 2 };

static int32_t look(rule_agent *a, const ltd_env *env, float *x, int32_t *node)
{
    (void)a;
    ltd_rule_top_row(env, x);
    x[RULE_TOP] = ltd_tree_top_entropy(ltd_env_state(env)->tree);
    x[RULE_TOP + 1] = (float)rule_forwards(env) / 8;
    node[0] = ltd_rule_best_node(env);
    return 1;
}

static bool go(rule_agent *a, const ltd_env *env)
{
    float x[INPUTS];
    int32_t node;
    if (rule_forwards(env) == 0) return true;
    look(a, env, x, &node);
    return ltd_rule_judge(a, x) >= a->param[TH];
}

static const ltd_rule_ops ops = {.go = go, .look = look};

const ltd_rule ltd_rule_disco = {
    .name = "disco",
    .formula = "continue while the last level is right with p >= th, by a trained net",
    .source = "DISCO, arXiv 2405.04304",
    .n_params = 4,
    .param = {RULE_SOURCES,
              RULE_SIZE,
              {"th",
               "p of the last level that is worth a forward",
               8,
               {0.5f, 0.2f, 0.3f, 0.4f, 0.6f, 0.7f, 0.8f, 0.9f}}},
    .net = {LTD_RULE_LEVELS, INPUTS, 32, 1, 1},
    .ops = &ops,
};
