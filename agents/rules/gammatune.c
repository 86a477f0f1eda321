/* GammaTune, an approximation: forwards follow the smoothed accepted length.
 *
 *     e <- (1 - eta) e + eta m', m' = m, or m + 1 when every draft was right;  round(e + room)
 *
 * Source: the idea is GammaTune's (Gautam et al. 2025, arXiv 2504.00030); its constants and its
 * switching are not known to us. */
#include <math.h>

#include "agents/rules/rule_priv.h"

enum { ETA = RULE_PER + 1, ROOM };

typedef struct gammatune {
    rule_agent base; /* first */
    float mean;
} gammatune;

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    gammatune *g = (gammatune *)a;
    (void)env;
    if (!last) g->mean = 2;
    if (!last || a->chain >= 0 || last->forwards == 0) return;
    int32_t m = last->accept_len - 1 + (last->accept_len > last->forwards);
    g->mean += a->param[ETA] * ((float)m - g->mean);
}

static bool go(rule_agent *a, const ltd_env *env)
{
    float n = roundf(((gammatune *)a)->mean + a->param[ROOM]);
    return (float)rule_forwards(env) < (n > 1 ? n : 1);
}

static const ltd_rule_ops ops = {
    .bytes = sizeof(gammatune), .begin = begin, .go = go, .size = ltd_rule_per_forward};

const ltd_rule ltd_rule_gammatune = {
    .name = "gammatune",
    .formula = "as many forwards as drafts were accepted of late, and some room (approximation)",
    .source = "GammaTune, arXiv 2504.00030",
    .n_params = 5,
    .param = {RULE_SOURCES,
              RULE_NODES,
              {"eta", "weight of the last cycle", 4, {0.2f, 0.05f, 0.1f, 0.4f}},
              {"room", "forwards beyond the mean", 5, {0, -1, -0.5f, 0.5f, 1}}},
    .ops = &ops,
};
