/* Two sources, switched by the length of the lookup match, and two thresholds where the head
 * drafts:
 *
 *     match >= g2: m2 tokens of the chain; match >= g: m tokens; neither asks the head
 *     else: forwards while the frontier's best node survives with more than a; the nodes that
 *     survive with more than b, at most `most`
 *
 * Source: ours; prompt lookup (Saxena 2023) in front of two_threshold.c. */
#include "agents/rules/rule_priv.h"

enum { G2 = RULE_MOST + 1, M2 };

static int32_t chain(rule_agent *a, const ltd_env *env)
{
    int32_t match = ltd_env_state(env)->match;
    if (match >= rule_int(a, G2)) return rule_int(a, M2);
    return match >= rule_int(a, RULE_G) ? rule_int(a, RULE_M) : -1;
}

static const ltd_rule_ops ops = {
    .chain = chain, .go = ltd_rule_two_threshold_go, .size = ltd_rule_two_threshold_size};

const ltd_rule ltd_rule_switch = {
    .name = "switch",
    .formula = "match >= g2: m2 chain tokens, >= g: m of them; else the two thresholds a, b",
    .source = "ours",
    .n_params = 7,
    .param =
        {{"g", "least match that is verified without a draft forward", 7, {4, 2, 3, 5, 6, 8, 10}},
         {"m", "tokens of it that are verified", 6, {4, 2, 3, 6, 8, 12}},
         RULE_THRESHOLDS,
         {"g2", "least match that is verified further", 8, {16, 5, 6, 8, 10, 13, 24, 32}},
         {"m2", "tokens of it that are verified", 7, {8, 4, 6, 10, 12, 16, 24}}},
    .ops = &ops,
};
