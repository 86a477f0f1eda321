/* Bandit over settings: each arm is a number of forwards and of nodes, or plain decoding.
 *
 *     arm with the largest Q / Qmax + c sqrt(2 ln t / N)
 *
 * Q = tokens of its cycles / their time, N = its cycles, t = all.
 * Source: UCB1 (Auer et al. 2002), over speculation settings as in BanditSpec (arXiv 2505.15141)
 * and BEG-MAB of FastRL (arXiv 2511.16665). */
#include <math.h>

#include "agents/rules/rule_priv.h"

enum { C = RULE_M + 1, DEPTHS = 4, SIZES = 6, ARMS = DEPTHS * SIZES + 1 };

static const int32_t depths[DEPTHS] = {1, 2, 3, 5}, sizes[SIZES] = {2, 3, 4, 6, 8, 12};

typedef struct bandit {
    rule_agent base; /* first */
    int32_t arm, cycles;
    double tokens[ARMS], ns[ARMS];
    int32_t n[ARMS];
} bandit;

static int32_t choose(const bandit *b)
{
    double most = 0, best = -1;
    int32_t arm = 0;
    for (int32_t i = 0; i < ARMS; i++) {
        if (b->n[i] == 0) return i;
        if (b->tokens[i] / b->ns[i] > most) most = b->tokens[i] / b->ns[i];
    }
    for (int32_t i = 0; i < ARMS; i++) {
        double bound = (double)b->base.param[C] * sqrt(2 * log(b->cycles) / b->n[i]);
        double value = b->tokens[i] / b->ns[i] / most + bound;
        if (value <= best) continue;
        best = value;
        arm = i;
    }
    return arm;
}

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    bandit *b = (bandit *)a;
    (void)env;
    if (last && a->chain < 0) {
        b->tokens[b->arm] += last->accept_len;
        b->ns[b->arm] += (double)last->cycle_ns + 1; /* a clock may stand still */
        b->n[b->arm]++;
        b->cycles++;
    }
    b->arm = choose(b);
}

static bool go(rule_agent *a, const ltd_env *env)
{
    int32_t arm = ((bandit *)a)->arm;
    return arm > 0 && rule_forwards(env) < depths[(arm - 1) / SIZES];
}

static int32_t size(rule_agent *a, const ltd_env *env)
{
    int32_t arm = ((bandit *)a)->arm;
    (void)env;
    return arm > 0 ? sizes[(arm - 1) % SIZES] : 0;
}

static const ltd_rule_ops ops = {.bytes = sizeof(bandit), .begin = begin, .go = go, .size = size};

const ltd_rule ltd_rule_bandit = {
    .name = "bandit",
    .formula = "UCB1 over 4 x 6 settings and plain decoding by tokens a second",
    .source = "UCB1; BanditSpec, arXiv 2505.15141",
    .n_params = 3,
    .param = {RULE_SOURCES, {"c", "weight of what is uncertain", 5, {1, 0.01f, 0.03f, 0.1f, 0.3f}}},
    .ops = &ops,
};
