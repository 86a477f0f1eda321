/* Re-SpS: one choice of forwards and nodes, kept for many cycles, by a policy that PPO trained.
 *
 *     every `keep` cycles of the head: the setting with the largest output of net(obs)
 *     obs = the size observation (ltd/size) of the cycle before, 0 at the start
 *
 * Settings are 4 x 6 numbers of forwards and nodes, and plain decoding.  Trained with choices that
 * are kept for 10 cycles; reward = their tokens / their time in plain steps.
 * Source: arXiv 2601.12212: the kept choice (30 cycles in play, 10 in training) and PPO.  There the
 * policy reads hidden states of three of the target's layers, chooses among 32 to 128 nodes, 3 to 8
 * levels and the beam's width, and is paid the mean of the cycles' tokens a second; here settings
 * are those that pay on this kind of machine, and the reward is the ratio of sums, which is what is
 * measured in the end. */
#include "agents/rules/rule_priv.h"

enum { KEEP = RULE_M + 1, DEPTHS = 4, SIZES = 6, SETTINGS = DEPTHS * SIZES + 1 };

static const int32_t depths[DEPTHS] = {1, 2, 3, 5}, sizes[SIZES] = {2, 3, 4, 6, 8, 12};

typedef struct resps {
    rule_agent base; /* first */
    int32_t setting, cycles;
    double tokens, steps; /* of its cycles */
    float x[LTD_OBS_LTD_DIM];
} resps;

static void choose(resps *r)
{
    float y[LTD_RULE_OUTPUTS];
    const ltd_rule_tutor *tutor = r->base.tutor;
    ltd_mlp_forward(r->base.net, r->x, y);
    r->setting = 0;
    for (int32_t i = 1; i < SETTINGS; i++)
        if (y[i] > y[r->setting]) r->setting = i;
    if (tutor) r->setting = tutor->choose(tutor->ctx, r->x, y);
    r->cycles = 0;
    r->tokens = r->steps = 0;
}

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    resps *r = (resps *)a;
    if (!last) {
        choose(r);
        return;
    }
    if (a->chain >= 0) return; /* it had no say */
    double plain = last->ar_ns ? (double)last->ar_ns * 1e-6 : 1;
    r->tokens += last->accept_len;
    r->steps += ltd_rule_last_ms(env, last) / plain;
    if (++r->cycles < rule_int(a, KEEP)) return;
    if (a->tutor) a->tutor->pay(a->tutor->ctx, r->tokens / r->steps);
    choose(r);
}

static bool go(rule_agent *a, const ltd_env *env)
{
    int32_t setting = ((resps *)a)->setting;
    return setting > 0 && rule_forwards(env) < depths[(setting - 1) / SIZES];
}

static int32_t size(rule_agent *a, const ltd_env *env)
{
    resps *r = (resps *)a;
    if (r->cycles + 1 >= rule_int(a, KEEP))
        ltd_obs_encode(LTD_CONTRACT_LTD_SIZE, ltd_env_state(env), r->x);
    return r->setting > 0 ? sizes[(r->setting - 1) % SIZES] : 0;
}

static const ltd_rule_ops ops = {.bytes = sizeof(resps), .begin = begin, .go = go, .size = size};

const ltd_rule ltd_rule_resps = {
    .name = "resps",
    .formula = "one of 4 x 6 settings or plain decoding for `keep` cycles, by a trained policy",
    .source = "Re-SpS, arXiv 2601.12212",
    .n_params = 3,
    .param = {RULE_SOURCES, {"keep", "cycles of a choice", 3, {30, 10, 60}}},
    .net = {LTD_RULE_SETTINGS, LTD_OBS_LTD_DIM, 32, SETTINGS, 1},
    .ops = &ops,
};
