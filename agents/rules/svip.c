/* SVIP: stop where the head is unsure, by the entropy H of its last distribution.
 *
 *     continue while sqrt(0.15 H) <= h
 *
 * sqrt(c H) bounds from above how likely the draft is to be wrong.
 * Source: Zhang et al. 2024, arXiv 2411.18462; c and the default of h are its code's.  Only the k
 * likeliest tokens are known here, the rest counts as one: a lower bound of H. */
#include <math.h>

#include "agents/rules/rule_priv.h"

enum { H = RULE_V + 1 };

static bool go(rule_agent *a, const ltd_env *env)
{
    return sqrtf(0.15f * ltd_tree_top_entropy(ltd_env_state(env)->tree)) <= a->param[H];
}

static const ltd_rule_ops ops = {.go = go};

const ltd_rule ltd_rule_svip = {
    .name = "svip",
    .formula = "continue while sqrt(0.15 entropy) <= h",
    .source = "SVIP, arXiv 2411.18462",
    .n_params = 4,
    .param = {RULE_SOURCES,
              RULE_SIZE,
              {"h",
               "bound that is worth a forward",
               8,
               {0.3f, 0.1f, 0.15f, 0.2f, 0.25f, 0.35f, 0.4f, 0.5f}}},
    .ops = &ops,
};
