/* AdaEDL: an entropy bound with a threshold that follows the acceptance rate.
 *
 *     continue while 1 - sqrt(gamma H) >= lambda
 *     after a cycle, with r = accepted / forwards:
 *         rate   <- 0.5 rate + 0.5 r
 *         lambda <- 0.9 lambda + 0.1 (lambda + 0.01 if rate <= alpha, else lambda - 0.01)
 *
 * Source: Agrawal et al. 2024, arXiv 2410.18351; the tracker of the threshold is Draft & Verify's
 * (Zhang et al. 2023, arXiv 2309.08168).  Not checked against the paper's text: figures made with
 * this row are not the paper's. */
#include <math.h>

#include "agents/rules/rule_priv.h"

enum { ALPHA = RULE_V + 1, GAMMA, LAMBDA };

typedef struct adaedl {
    rule_agent base; /* first */
    float rate, lambda;
} adaedl;

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    adaedl *x = (adaedl *)a;
    (void)env;
    if (!last) {
        x->rate = a->param[ALPHA];
        x->lambda = a->param[LAMBDA];
        return;
    }
    if (a->chain >= 0 || last->forwards == 0) return; /* the head had no say */
    float r = (float)(last->accept_len - 1) / (float)last->forwards;
    x->rate = 0.5f * x->rate + 0.5f * r;
    x->lambda += x->rate <= a->param[ALPHA] ? 0.001f : -0.001f;
}

static bool go(rule_agent *a, const ltd_env *env)
{
    return 1 - sqrtf(a->param[GAMMA] * ltd_tree_top_entropy(ltd_env_state(env)->tree)) >=
           ((adaedl *)a)->lambda;
}

static const ltd_rule_ops ops = {.bytes = sizeof(adaedl), .begin = begin, .go = go};

const ltd_rule ltd_rule_adaedl = {
    .name = "adaedl",
    .formula =
        "continue while 1 - sqrt(gamma entropy) >= lambda, which follows the acceptance rate",
    .source = "AdaEDL, arXiv 2410.18351; tracker: arXiv 2309.08168",
    .n_params = 6,
    .param = {RULE_SOURCES,
              RULE_SIZE,
              {"alpha", "acceptance rate that is aimed at", 5, {0.9f, 0.3f, 0.5f, 0.7f, 1}},
              {"gamma", "weight of the entropy", 4, {0.2f, 0.1f, 0.15f, 0.4f}},
              {"lambda", "the bound at the start", 6, {0.4f, 0.3f, 0.5f, 0.6f, 0.7f, 0.8f}}},
    .ops = &ops,
};
