/* Epsilon-greedy, one coordinate at a time: forwards, nodes, the p1 that is worth a forward.
 *
 *     each coordinate: with probability 0.15 any of its values, else the fastest so far
 *     all is forgotten when speed stays 30 % below its mean for 30 cycles
 *
 * A value's speed is the smoothed tokens a second of the cycles that had it.
 * Source: ik_llama.cpp, --spec-autotune; its values here are ours. */
#include <string.h>

#include "agents/rules/rule_priv.h"
#include "base/rng.h"

enum { EPS = RULE_M + 1, COORDINATES = 3, VALUES = 6, PATIENCE = 30 };
enum { DEPTH, NODES, LEAST };

static const float values[COORDINATES][VALUES] = {
    {1, 2, 3, 4, 5, 7}, {2, 3, 4, 6, 8, 12}, {0, 0.2f, 0.4f, 0.6f, 0.8f, 0.9f}};

typedef struct eps {
    rule_agent base; /* first */
    ltd_rng rng;
    int32_t at[COORDINATES];
    double speed[COORDINATES][VALUES]; /* 0 = not tried */
    double now, mean;                  /* of all cycles: fast and slow */
    int32_t bad;                       /* cycles in a row */
} eps;

static void smooth(double *mean, double x, double weight)
{
    *mean = *mean > 0 ? *mean + weight * (x - *mean) : x;
}

static void learn(eps *e, double speed)
{
    for (int32_t c = 0; c < COORDINATES; c++) smooth(&e->speed[c][e->at[c]], speed, 0.1);
    smooth(&e->now, speed, 0.1);
    smooth(&e->mean, speed, 0.01);
    e->bad = e->now < 0.7 * e->mean ? e->bad + 1 : 0;
    if (e->bad < PATIENCE) return;
    memset(e->speed, 0, sizeof e->speed);
    e->now = e->mean = 0;
    e->bad = 0;
}

static void choose(eps *e)
{
    for (int32_t c = 0; c < COORDINATES; c++) {
        for (int32_t i = 0; i < VALUES; i++)
            if (e->speed[c][i] > e->speed[c][e->at[c]]) e->at[c] = i;
        if (ltd_rng_f32(&e->rng) < e->base.param[EPS])
            e->at[c] = (int32_t)ltd_rng_below(&e->rng, VALUES);
    }
}

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    eps *e = (eps *)a;
    (void)env;
    if (!last) {
        ltd_rng_seed(&e->rng, 0, LTD_STREAM_EXPLORE);
        for (int32_t c = 0; c < COORDINATES; c++) e->at[c] = c == LEAST ? 0 : 2;
    } else if (a->chain < 0 && last->cycle_ns > 0) {
        learn(e, (double)last->accept_len / (double)last->cycle_ns);
    }
    choose(e);
}

static bool go(rule_agent *a, const ltd_env *env)
{
    const eps *e = (const eps *)a;
    return (float)rule_forwards(env) < values[DEPTH][e->at[DEPTH]] &&
           ltd_rule_top(env) >= values[LEAST][e->at[LEAST]];
}

static int32_t size(rule_agent *a, const ltd_env *env)
{
    (void)env;
    return (int32_t)values[NODES][((const eps *)a)->at[NODES]];
}

static const ltd_rule_ops ops = {.bytes = sizeof(eps), .begin = begin, .go = go, .size = size};

const ltd_rule ltd_rule_eps = {
    .name = "eps",
    .formula = "epsilon-greedy over forwards, nodes and least p1, each by itself",
    .source = "ik_llama.cpp, --spec-autotune",
    .n_params = 3,
    .param = {RULE_SOURCES,
              {"eps", "how often a coordinate is drawn", 4, {0.15f, 0.02f, 0.05f, 0.3f}}},
    .ops = &ops,
};
