/* DDD, dynamic depth decoding: one more level while the beam holds enough probability.
 *
 *     continue while ln(sum over the beam of exp s) > theta, s the head's own cumulative ln p,
 *     checked after forwards `first`, `first + every`, ... up to `last`
 *
 * Source: Brown et al. 2024, arXiv 2409.00142; it checks every few levels, since a check costs a
 * synchronisation on a GPU. */
#include <math.h>

#include "agents/rules/rule_priv.h"

enum { THETA = RULE_V + 1, FIRST, EVERY, LAST };

static bool go(rule_agent *a, const ltd_env *env)
{
    int32_t n = rule_forwards(env), beyond = n - rule_int(a, FIRST);
    if (beyond < 0 || beyond % rule_int(a, EVERY) != 0 || n > rule_int(a, LAST)) return true;
    return logf(ltd_rule_mass(env)) > a->param[THETA];
}

static const ltd_rule_ops ops = {.go = go};

const ltd_rule ltd_rule_ddd = {
    .name = "ddd",
    .formula = "continue while ln(sum of the beam's p) > theta, checked after some forwards",
    .source = "DDD, arXiv 2409.00142",
    .n_params = 7,
    .param = {RULE_SOURCES,
              RULE_SIZE,
              {"theta",
               "ln of the beam's mass that is worth a forward",
               8,
               {-0.5f, -0.05f, -0.1f, -0.2f, -0.3f, -0.7f, -1, -1.5f}},
              {"first", "forwards before the first check", 4, {4, 1, 2, 3}},
              {"every", "forwards from check to check", 2, {2, 1}},
              {"last", "forwards before the last check", 1, {LTD_TREE_MAX_DEPTH}}},
    .ops = &ops,
};
