/* SpecDec++: a trained head says how likely each drafted token is to be accepted; stop when a
 * rejection has become likely.
 *
 *     stop as soon as 1 - product of a(x_j) over the forwards j so far > h,
 *     not before `least` forwards, at most 12
 *
 * a(x_j) = p that the best node of level j is right, given that the one before was; trained with
 * cross-entropy, weight 6 on rejections.
 * Source: Huang et al. 2024, arXiv 2405.19715; weight, h and the bounds (2 to 20 tokens there) as
 * in its code's README.  There the head reads the draft model's last hidden state through residual
 * blocks; here one hidden layer reads what the draft says: ln p of the top row's candidates, the
 * best node's own score, entropy, depth, context. */
#include "agents/rules/rule_priv.h"

enum { H = RULE_V + 1, LEAST };
enum { MOST = 12, INPUTS = RULE_TOP + 4 };

typedef struct specdecpp {
    rule_agent base; /* first */
    float accepted;  /* the product */
} specdecpp;

static int32_t look(rule_agent *a, const ltd_env *env, float *x, int32_t *node)
{
    const ltd_obs_state *s = ltd_env_state(env);
    const float *logp = ltd_tree_top_logp(s->tree);
    (void)a;
    for (int32_t i = 0; i < RULE_TOP; i++)
        x[i] = i < ltd_tree_top_k(s->tree) ? ltd_rule_scaled(logp[i]) : 0;
    x[RULE_TOP] = ltd_rule_scaled(ltd_tree_beam_score(s->tree)[0]);
    x[RULE_TOP + 1] = ltd_tree_top_entropy(s->tree);
    x[RULE_TOP + 2] = (float)ltd_tree_forwards(s->tree) / 8;
    x[RULE_TOP + 3] = (float)s->context / 1000;
    node[0] = ltd_rule_best_node(env);
    return 1;
}

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    (void)env;
    (void)last;
    ((specdecpp *)a)->accepted = 1;
}

static bool go(rule_agent *a, const ltd_env *env)
{
    specdecpp *p = (specdecpp *)a;
    int32_t n = rule_forwards(env), node;
    float x[INPUTS];
    if (n == 0) return true;
    look(a, env, x, &node);
    p->accepted *= ltd_rule_judge(a, x);
    if (n < rule_int(a, LEAST)) return true;
    return n < MOST && 1 - p->accepted <= a->param[H];
}

static const ltd_rule_ops ops = {
    .bytes = sizeof(specdecpp), .begin = begin, .go = go, .look = look};

const ltd_rule ltd_rule_specdecpp = {
    .name = "specdec++",
    .formula = "continue while a rejection so far is no likelier than h, by a trained net",
    .source = "SpecDec++, arXiv 2405.19715; on features of the draft",
    .n_params = 5,
    .param = {RULE_SOURCES,
              RULE_SIZE,
              {"h",
               "p of a rejection at which drafting stops",
               8,
               {0.7f, 0.3f, 0.4f, 0.5f, 0.6f, 0.8f, 0.9f, 0.95f}},
              {"least", "forwards made in any case", 3, {2, 1, 3}}},
    .net = {LTD_RULE_LEVELS, INPUTS, 32, 1, 6},
    .ops = &ops,
};
