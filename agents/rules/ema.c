/* EMA ladder: the number of forwards follows the smoothed accepted length, in steps.
 *
 *     e <- 0.8 e + 0.2 m;  every 5 cycles after the first 10, on the ladder c = 1, 3, 5, 7:
 *         a step down when e <= (the step below) - 0.5 - 0.25, a step up when e > c - 0.5
 *
 * m = accepted drafts.
 * Source: SGLang's adaptive speculation (its steps for one request at a time). */
#include "agents/rules/rule_priv.h"

enum { START = RULE_PER + 1, STEPS = 4, WARM = 10, INTERVAL = 5 };

static const int32_t ladder[STEPS] = {1, 3, 5, 7};

typedef struct ema {
    rule_agent base; /* first */
    float mean;
    int32_t at, cycles;
} ema;

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    ema *e = (ema *)a;
    (void)env;
    if (!last) {
        e->at = rule_int(a, START);
        e->mean = (float)ladder[e->at];
        return;
    }
    if (a->chain >= 0 || last->forwards == 0) return;
    e->mean = 0.8f * e->mean + 0.2f * (float)(last->accept_len - 1);
    if (++e->cycles <= WARM || e->cycles % INTERVAL) return;
    if (e->at > 0 && e->mean <= (float)ladder[e->at - 1] - 0.75f)
        e->at--;
    else if (e->at < STEPS - 1 && e->mean > (float)ladder[e->at] - 0.5f)
        e->at++;
}

static bool go(rule_agent *a, const ltd_env *env)
{
    return rule_forwards(env) < ladder[((ema *)a)->at];
}

static const ltd_rule_ops ops = {
    .bytes = sizeof(ema), .begin = begin, .go = go, .size = ltd_rule_per_forward};

const ltd_rule ltd_rule_ema = {
    .name = "ema",
    .formula = "1, 3, 5 or 7 forwards by the smoothed accepted length, with hysteresis",
    .source = "SGLang, adaptive speculation",
    .n_params = 4,
    .param = {RULE_SOURCES,
              RULE_NODES,
              {"start", "step of the ladder to begin with", 4, {1, 0, 2, 3}}},
    .ops = &ops,
};
