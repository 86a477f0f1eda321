/* TapOut: a bandit over stop rules instead of settings, so that nothing needs tuning.
 *
 *     arm with the largest R + c sqrt(2 ln t / N) of svip, conf, ddd, opt-tree, each as it comes
 *     R = mean of blend m / most + (1 - blend) m / n
 *
 * m = accepted drafts, n = forwards of the cycle, most = the largest n allowed.
 * Source: Sridhar et al. 2025, arXiv 2511.02017; the blend's exact form is not checked against the
 * paper's text. */
#include <math.h>

#include "agents/rules/rule_priv.h"

enum { C = RULE_V + 1, BLEND, ARMS = 4 };

static const ltd_rule *const arms[ARMS] = {&ltd_rule_svip, &ltd_rule_conf, &ltd_rule_ddd,
                                           &ltd_rule_opt_tree};

typedef struct tapout {
    rule_agent base; /* first */
    ltd_agent *arm[ARMS];
    int32_t at, cycles, n[ARMS];
    double reward[ARMS]; /* sums */
} tapout;

static int open_arms(rule_agent *a, ltd_err *err)
{
    tapout *t = (tapout *)a;
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < ARMS; i++) {
        float param[LTD_RULE_PARAMS];
        ltd_rule_defaults(arms[i], param);
        param[RULE_V] = a->param[RULE_V];
        rc = ltd_agent_rule_new(&t->arm[i], arms[i], param, err);
    }
    return rc;
}

static void close_arms(rule_agent *a)
{
    for (int32_t i = 0; i < ARMS; i++) ltd_agent_free(((tapout *)a)->arm[i]);
}

static void choose(tapout *t)
{
    double best = -1;
    for (int32_t i = 0; i < ARMS; i++) {
        double value = HUGE_VAL;
        if (t->n[i] > 0)
            value = t->reward[i] / t->n[i] +
                    (double)t->base.param[C] * sqrt(2 * log(t->cycles) / t->n[i]);
        if (value <= best) continue;
        best = value;
        t->at = i;
    }
}

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    tapout *t = (tapout *)a;
    if (last && a->chain < 0 && last->forwards > 0) {
        double m = last->accept_len - 1, blend = (double)a->param[BLEND];
        int32_t most = ltd_env_get_options(env)->max_forwards;
        t->reward[t->at] += blend * m / most + (1 - blend) * m / last->forwards;
        t->n[t->at]++;
        t->cycles++;
    }
    choose(t);
    rule_agent *arm = (rule_agent *)t->arm[t->at];
    if (arm->rule->ops->begin) arm->rule->ops->begin(arm, env, last);
}

static bool go(rule_agent *a, const ltd_env *env)
{
    rule_agent *arm = (rule_agent *)((tapout *)a)->arm[((tapout *)a)->at];
    return arm->rule->ops->go(arm, env);
}

static const ltd_rule_ops ops = {
    .bytes = sizeof(tapout), .open = open_arms, .close = close_arms, .begin = begin, .go = go};

const ltd_rule ltd_rule_tapout = {
    .name = "tapout",
    .formula = "UCB1 over the stop rules svip, conf, ddd and opt-tree",
    .source = "TapOut, arXiv 2511.02017",
    .n_params = 5,
    .param = {RULE_SOURCES,
              RULE_SIZE,
              {"c", "weight of what is uncertain", 4, {1, 0.03f, 0.1f, 0.3f}},
              {"blend",
               "weight of the accepted length beside the acceptance rate",
               3,
               {0.5f, 0.2f, 0.8f}}},
    .ops = &ops,
};
