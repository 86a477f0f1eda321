/* Prompt lookup alone: n-gram matches in the text so far are the only draft.
 *
 *     match >= g: verify m tokens of the chain, else decode plainly
 *
 * Source: prompt lookup decoding (Saxena 2023), LLMA (Yang et al. 2023, arXiv 2304.04487). */
#include "agents/rules/rule_priv.h"

static bool never(rule_agent *a, const ltd_env *env)
{
    (void)a;
    (void)env;
    return false;
}

static int32_t none(rule_agent *a, const ltd_env *env)
{
    (void)a;
    (void)env;
    return 0;
}

static const ltd_rule_ops ops = {.go = never, .size = none};

const ltd_rule ltd_rule_lookup = {
    .name = "lookup",
    .formula = "match >= g: m tokens of the chain, else plain; no draft forwards",
    .source = "prompt lookup decoding; LLMA, arXiv 2304.04487",
    .n_params = 2,
    .param = {{"g", "least match that is verified", 6, {2, 1, 3, 4, 6, 10}},
              {"m", "tokens of it that are verified", 8, {6, 2, 3, 4, 8, 12, 16, 24}}},
    .ops = &ops,
};
