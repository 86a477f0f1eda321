/* OPT-Tree: deepen the tree as long as that adds to the expected length.
 *
 *     E_d = sum of the V best nodes' survivals after d forwards;  continue while E_d - E_d-1 >
 * delta
 *
 * Source: Wang et al. 2024, arXiv 2406.17276 (its README: delta 0.5). */
#include "agents/rules/rule_priv.h"

enum { DELTA = RULE_V + 1 };

typedef struct opt_tree {
    rule_agent base; /* first */
    float before;    /* E of one forward ago */
} opt_tree;

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    (void)env;
    (void)last;
    ((opt_tree *)a)->before = -1; /* so that the first forward is made */
}

static bool go(rule_agent *a, const ltd_env *env)
{
    opt_tree *o = (opt_tree *)a;
    float now = ltd_rule_expected(env, rule_int(a, RULE_V)), gain = now - o->before;
    bool first = o->before < 0;
    o->before = now;
    return first || gain > a->param[DELTA];
}

static const ltd_rule_ops ops = {.bytes = sizeof(opt_tree), .begin = begin, .go = go};

const ltd_rule ltd_rule_opt_tree = {
    .name = "opt-tree",
    .formula = "continue while the last forward added more than delta to the expected length",
    .source = "OPT-Tree, arXiv 2406.17276",
    .n_params = 4,
    .param = {RULE_SOURCES,
              RULE_SIZE,
              {"delta",
               "expected tokens that are worth a forward",
               8,
               {0.5f, 0.1f, 0.2f, 0.3f, 0.4f, 0.6f, 0.7f, 0.8f}}},
    .ops = &ops,
};
