/* Goodput: verify and draft what pays by the cost table, over both sources.
 *
 *     E(V) = 1 + trust x sum of the V best nodes' survivals;  T(n, V) = the cycle's cost
 *     worth(n) = max over sizes V, 0 among them, of (E(V) + beyond e) / (T(n, V) + beyond t),
 *                e, t = tokens and cost of a cycle of late
 *     one more forward when worth(n + 1) > (1 + eager) worth(n)
 *
 * beyond = 0 maximises this cycle's own rate; the larger, the nearer to E - lambda T with lambda =
 * e / t, which weighs a cycle against all others as if they were alike.
 * What a forward will add is not known yet: each frontier node gets children whose survivals are
 * its own times the mean share of a rank, learned as forwards are made; where the lookup chain has
 * a node at that depth, only what it leaves over counts.  Shares are kept apart by how likely the
 * frontier's best node is, and for the resync by whether there is a match.
 * trust = what was accepted / what survivals said of it, with the head and without: cycles begin
 * where the last one failed, and there drafts survive less often than elsewhere.
 *
 * Source: goodput of SmartSpec / TurboSpec (Liu et al. 2024, arXiv 2406.14066), vLLM's adaptive
 * verification and D-Cut: E / T over sizes; lambda: Dinkelbach 1967.  The rest is ours. */
#include <math.h>
#include <string.h>

#include "agents/rules/rule_priv.h"
#include "env/survival.h"

enum { BEYOND, KEEP, EAGER };
enum { RANKS = 4, CLASSES = 5, ROOM = 32, BEAM = 8 };

static const float least = 0.01f; /* survival below which no node is worth a look */

typedef struct goodput {
    rule_agent base;               /* first */
    double tokens, ms;             /* means of a cycle: e, t */
    double said_of[2], came_of[2]; /* decaying sums behind trust: without, with forwards */
    double said;                   /* sum of survivals of what this cycle verifies */
    double verify[LTD_MAX_SIZES];  /* cost of a cycle without forwards, by size */
    float share[CLASSES][RANKS];
    int32_t class_asked;                 /* of the forward under way, -1 = none */
    float chain[LTD_TREE_MAX_DEPTH + 1]; /* survival of the lookup chain, by depth */
    float best[ROOM];                    /* the likeliest nodes' survivals, falling */
    int32_t n;
} goodput;

/* The best size for the nodes g->best[n]: how many nodes, and their survivals' sum. */
typedef struct choice {
    double worth, said;
    int32_t size;
} choice;

static choice choose(const goodput *g, const ltd_env *env, int32_t forwards)
{
    const ltd_obs_state *s = ltd_env_state(env);
    double trust = g->came_of[forwards > 0] / g->said_of[forwards > 0], sum = 0;
    double beyond = (double)g->base.param[BEYOND];
    double drafting = ltd_rule_ms(env, forwards, 0) - ltd_rule_ms(env, 0, 0);
    choice best = {-1, 0, 0};
    int32_t done = 0;
    for (int32_t i = 0; i < s->n_sizes; i++) {
        if (i > 0 && s->sizes[i - 1] >= g->n) break; /* it takes the whole pool already */
        for (; done < s->sizes[i] && done < g->n; done++) sum += (double)g->best[done];
        double ms = done == s->sizes[i] ? g->verify[i] : ltd_rule_ms(env, 0, done);
        double worth = (1 + trust * sum + beyond * g->tokens) / (ms + drafting + beyond * g->ms);
        if (worth > best.worth) best = (choice){worth, sum, s->sizes[i]};
    }
    return best;
}

/* --- what is in the pool --- */

static void read_pool(goodput *g, const ltd_env *env)
{
    ltd_tree *tree = ltd_env_state(env)->tree;
    const ltd_node *node = ltd_tree_nodes(tree);
    int32_t n = ltd_tree_count(tree);
    g->n = n < ROOM ? n : ROOM;
    const int32_t *best = ltd_tree_ranked(tree, g->n);
    for (int32_t i = 0; i < g->n; i++) g->best[i] = expf(node[best[i]].score);
}

/* Nodes of the chain come first in the pool. */
static void read_chain(goodput *g, const ltd_env *env)
{
    const ltd_obs_state *s = ltd_env_state(env);
    memset(g->chain, 0, sizeof g->chain);
    for (int32_t i = 0; i < s->chain; i++) g->chain[i + 1] = expf(ltd_tree_nodes(s->tree)[i].score);
}

/* --- what forwards add --- */

static int32_t class_of(const ltd_env *env, int32_t forwards, float best)
{
    if (forwards == 0) return ltd_env_state(env)->match > 0;
    return best < 0.4f ? 2 : best < 0.75f ? 3 : 4;
}

/* The forward that was made last: its top row says what a rank is worth. */
static void learn_shares(goodput *g, const ltd_env *env)
{
    const ltd_tree *tree = ltd_env_state(env)->tree;
    if (g->class_asked < 0 || rule_forwards(env) == 0) return;
    int32_t n, k = ltd_tree_top_k(tree);
    const float *score = ltd_tree_last_scores(tree, &n), *logp = ltd_tree_top_logp(tree);
    const ltd_survival *survival = ltd_tree_survival(tree);
    float row = ltd_survival_head(survival, score[0] - logp[0]);
    for (int32_t i = 0; i < RANKS; i++) {
        float share = i < k ? expf(ltd_survival_head(survival, score[i]) - row) : 0;
        float *mean = &g->share[g->class_asked][i];
        if (share >= 0 && share <= 1) *mean += 0.01f * (share - *mean);
    }
    g->class_asked = -1;
}

static void insert(goodput *g, float p)
{
    if (p < least || (g->n == ROOM && p <= g->best[ROOM - 1])) return;
    int32_t at = g->n < ROOM ? g->n++ : ROOM - 1;
    for (; at > 0 && g->best[at - 1] < p; at--) g->best[at] = g->best[at - 1];
    g->best[at] = p;
}

/* Put the expected children of beam[n] into g->best. */
static void add_level(goodput *g, int32_t forwards, int32_t class, const float *beam, int32_t n)
{
    float left = 1 - g->chain[forwards + 1];
    for (int32_t i = 0; i < n; i++)
        for (int32_t r = 0; r < RANKS; r++) insert(g, beam[i] * g->share[class][r] * left);
}

static int32_t read_frontier(const ltd_env *env, float *beam)
{
    const ltd_tree *tree = ltd_env_state(env)->tree;
    beam[0] = 1;
    if (rule_forwards(env) == 0) return 1;
    int32_t n = ltd_tree_top_k(tree) < BEAM ? ltd_tree_top_k(tree) : BEAM;
    for (int32_t i = 0; i < n; i++)
        beam[i] = expf(ltd_survival_head(ltd_tree_survival(tree), ltd_tree_beam_score(tree)[i]));
    return n;
}

/* --- the rule --- */

static void start(goodput *g, const ltd_env *env)
{
    static const float before[RANKS] = {0.6f, 0.12f, 0.05f, 0.03f};
    for (int32_t c = 0; c < CLASSES; c++) memcpy(g->share[c], before, sizeof before);
    g->ms = ltd_rule_ms(env, 0, 0);
    g->tokens = 1.5;
    for (int32_t i = 0; i < 2; i++) g->said_of[i] = g->came_of[i] = 20;
}

static void learn(goodput *g, const ltd_env *env, const ltd_info *last)
{
    const double long_keep = 0.998;
    double keep = (double)g->base.param[KEEP];
    int32_t head = last->forwards > 0;
    g->tokens = keep * g->tokens + (1 - keep) * last->accept_len;
    g->ms = keep * g->ms + (1 - keep) * ltd_rule_last_ms(env, last);
    if (last->size == 0 || g->said == 0) return; /* nothing was promised, or nobody asked */
    g->said_of[head] = long_keep * g->said_of[head] + g->said;
    g->came_of[head] = long_keep * g->came_of[head] + last->accept_len - 1;
}

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    goodput *g = (goodput *)a;
    const ltd_obs_state *s = ltd_env_state(env);
    if (last)
        learn(g, env, last);
    else
        start(g, env);
    for (int32_t i = 0; i < s->n_sizes; i++) g->verify[i] = ltd_rule_ms(env, 0, s->sizes[i]);
    g->class_asked = -1;
    g->said = 0;
    read_chain(g, env);
}

static int32_t both_sources(rule_agent *a, const ltd_env *env)
{
    (void)a;
    (void)env;
    return -1;
}

static bool go(rule_agent *a, const ltd_env *env)
{
    goodput *g = (goodput *)a;
    float beam[BEAM];
    int32_t forwards = rule_forwards(env), n = read_frontier(env, beam);
    int32_t class = class_of(env, forwards, beam[0]);
    learn_shares(g, env);
    read_pool(g, env);
    double now = choose(g, env, forwards).worth;
    add_level(g, forwards, class, beam, n);
    double then = choose(g, env, forwards + 1).worth;
    if (then <= (1 + (double)a->param[EAGER]) * now) return false;
    g->class_asked = class;
    return true;
}

static int32_t size(rule_agent *a, const ltd_env *env)
{
    goodput *g = (goodput *)a;
    learn_shares(g, env);
    read_pool(g, env);
    choice best = choose(g, env, rule_forwards(env));
    g->said = best.said;
    return best.size;
}

static const ltd_rule_ops ops = {
    .bytes = sizeof(goodput), .begin = begin, .chain = both_sources, .go = go, .size = size};

const ltd_rule ltd_rule_goodput = {
    .name = "goodput",
    .formula = "the forwards and nodes that promise most tokens by the cost table",
    .source = "SmartSpec, arXiv 2406.14066; vLLM adaptive verification; outlook and trust are ours",
    .n_params = 3,
    .param = {{"beyond",
               "cycles of late that are weighed in with this one",
               6,
               {0, 0.1f, 0.25f, 0.5f, 1, 2}},
              {"keep", "of their means, a cycle", 4, {0.99f, 0.9f, 0.95f, 0.999f}},
              {"eager",
               "share by which a forward must pay",
               6,
               {0, -0.02f, -0.01f, -0.005f, 0.01f, 0.02f}}},
    .ops = &ops,
};
