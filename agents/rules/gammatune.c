/* GammaTune, an approximation: forwards follow the smoothed accepted length, within bounds.
 *
 *     e <- (1 - eta) e + eta m', m' = m, or m + 1 when every draft was right;
 *     round(e + room) forwards, `least` to `most` of them; e = `start` at first
 *
 * Source: the idea is GammaTune's (Gautam et al. 2025, arXiv 2504.00030); LTD (arXiv 2603.01639)
 * plays it with eta 0.2 between half and one and a half of the default depth, which `start` is.
 * When it switches is not known to us: m' stands for that. */
#include <math.h>

#include "agents/rules/rule_priv.h"

enum { ETA = RULE_PER + 1, ROOM, START, LEAST, MOST };

typedef struct gammatune {
    rule_agent base; /* first */
    float mean;
} gammatune;

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    gammatune *g = (gammatune *)a;
    (void)env;
    if (!last) g->mean = a->param[START];
    if (!last || a->chain >= 0 || last->forwards == 0) return;
    int32_t m = last->accept_len - 1 + (last->accept_len > last->forwards);
    g->mean += a->param[ETA] * ((float)m - g->mean);
}

static bool go(rule_agent *a, const ltd_env *env)
{
    float n = roundf(((gammatune *)a)->mean + a->param[ROOM]);
    n = fmaxf(a->param[LEAST], fminf(n, a->param[MOST]));
    return (float)rule_forwards(env) < n;
}

static const ltd_rule_ops ops = {
    .bytes = sizeof(gammatune), .begin = begin, .go = go, .size = ltd_rule_per_forward};

const ltd_rule ltd_rule_gammatune = {
    .name = "gammatune",
    .formula = "as many forwards as drafts were accepted of late, and some room (approximation)",
    .source = "GammaTune, arXiv 2504.00030",
    .n_params = 8,
    .param = {RULE_SOURCES,
              RULE_NODES,
              {"eta", "weight of the last cycle", 4, {0.2f, 0.05f, 0.1f, 0.4f}},
              {"room", "forwards beyond the mean", 5, {0, -1, -0.5f, 0.5f, 1}},
              {"start", "forwards of the first cycle, room apart", 1, {2}},
              {"least", "forwards made in any case", 1, {1}},
              {"most", "forwards at most", 1, {LTD_TREE_MAX_DEPTH}}},
    .ops = &ops,
};
