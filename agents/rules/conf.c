/* Confidence: stop where the head's likeliest token is not likely enough.
 *
 *     continue while p1 >= th
 *
 * Source: Hugging Face Transformers (assistant_confidence_threshold, default 0.4) and llama.cpp
 * (p_min); facts of their documentation. */
#include "agents/rules/rule_priv.h"

enum { TH = RULE_V + 1 };

static bool go(rule_agent *a, const ltd_env *env)
{
    return ltd_rule_top(env) >= a->param[TH];
}

static const ltd_rule_ops ops = {.go = go};

const ltd_rule ltd_rule_conf = {
    .name = "conf",
    .formula = "continue while the head's p1 >= th",
    .source = "Hugging Face Transformers; llama.cpp's p_min",
    .n_params = 4,
    .param = {RULE_SOURCES,
              RULE_SIZE,
              {"th",
               "p of the likeliest token that is worth a forward",
               8,
               {0.4f, 0.2f, 0.3f, 0.5f, 0.6f, 0.7f, 0.8f, 0.9f}}},
    .ops = &ops,
};
