/* Two thresholds on calibrated survivals:
 *
 *     one more forward while the frontier's best node survives with more than a
 *     verify the nodes that survive with more than b, at most `most`
 *
 * Source: ours; the first is the optimal form for a chain of known survivals (SpecDec++, Huang et
 * al. 2024, arXiv 2405.19715), the second cuts EAGLE-2's reranked tree (arXiv 2406.16858). */
#include "agents/rules/rule_priv.h"

bool ltd_rule_two_threshold_go(rule_agent *a, const ltd_env *env)
{
    return ltd_rule_best(env) > a->param[RULE_A];
}

int32_t ltd_rule_two_threshold_size(rule_agent *a, const ltd_env *env)
{
    return ltd_rule_likely(env, a->param[RULE_B], rule_int(a, RULE_MOST));
}

static const ltd_rule_ops ops = {.go = ltd_rule_two_threshold_go,
                                 .size = ltd_rule_two_threshold_size};

const ltd_rule ltd_rule_two_threshold = {
    .name = "two-threshold",
    .formula = "continue while best frontier survival > a; verify nodes with survival > b",
    .source = "ours, after arXiv 2405.19715 and 2406.16858",
    .n_params = 5,
    .param = {RULE_SOURCES, RULE_THRESHOLDS},
    .ops = &ops,
};
