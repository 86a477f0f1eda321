/* Goodput: verify and draft what pays by the cost table, over both sources.
 *
 *     E(V) = 1 + sum of the V best nodes' survivals;  T(n, V) = the cycle's cost
 *     worth(n) = max over sizes V, 0 among them, of  E(V) - lambda T(n, V),
 *                lambda = `price` x tokens a millisecond of late;  price 0: of  E(V) / T(n, V)
 *     one more forward when, for some j up to `look`, worth after j forwards > worth now + eager
 *
 * What j forwards will add is not known yet: each frontier node gets children whose survivals are
 * its own times the mean share of a rank, learned as the forwards are made; where the lookup chain
 * has a node at that depth, only what it leaves over counts.  Shares are kept apart by how likely
 * the frontier's best node is, and for the resync by whether there is a match.
 *
 * Source: goodput of SmartSpec / TurboSpec (Liu et al. 2024, arXiv 2406.14066), vLLM's adaptive
 * verification and D-Cut: E / T over sizes.  The average-reward criterion (Dinkelbach 1967), the
 * outlook of the forwards and the second source are ours. */
#include <math.h>
#include <string.h>

#include "agents/rules/rule_priv.h"
#include "env/survival.h"

enum { PRICE, KEEP, LOOK, EAGER };
enum { RANKS = 4, CLASSES = 5, ROOM = 64, BEAM = 8 };

typedef struct goodput {
    rule_agent base;   /* first */
    double tokens, ms; /* decaying sums: lambda */
    float share[CLASSES][RANKS];
    int32_t class_asked;                 /* of the forward under way, -1 = none */
    float chain[LTD_TREE_MAX_DEPTH + 1]; /* survival of the lookup chain, by depth */
    float best[ROOM];                    /* the likeliest nodes' survivals, falling */
    int32_t n;
} goodput;

static double worth_of(const goodput *g, double tokens, double ms)
{
    double price = (double)g->base.param[PRICE];
    return price > 0 ? tokens - price * g->tokens / g->ms * ms : tokens / ms;
}

/* The best size for the nodes g->best[n], *size of them. */
static double worth(const goodput *g, const ltd_env *env, int32_t forwards, int32_t *size)
{
    const ltd_obs_state *s = ltd_env_state(env);
    double sum = 1, best = -HUGE_VAL;
    int32_t done = 0;
    for (int32_t i = 0; i < s->n_sizes; i++) {
        if (s->sizes[i] > g->n && i > 0) break;
        for (; done < s->sizes[i] && done < g->n; done++) sum += (double)g->best[done];
        double w = worth_of(g, sum, ltd_rule_ms(env, forwards, done));
        if (w <= best) continue;
        best = w;
        *size = s->sizes[i];
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

static void insert(float *list, int32_t *n, int32_t room, float x)
{
    if (*n == room && x <= list[room - 1]) return;
    int32_t at = *n < room ? (*n)++ : room - 1;
    for (; at > 0 && list[at - 1] < x; at--) list[at] = list[at - 1];
    list[at] = x;
}

/* Put the expected children of beam[n] into g->best; the beam becomes the best of them. */
static void add_level(goodput *g, const ltd_env *env, int32_t forwards, float *beam, int32_t *n)
{
    const float *share = g->share[class_of(env, forwards, beam[0])];
    float next[BEAM], left = 1 - g->chain[forwards + 1];
    int32_t k = 0;
    for (int32_t i = 0; i < *n; i++)
        for (int32_t r = 0; r < RANKS; r++) {
            insert(next, &k, BEAM, beam[i] * share[r]);
            insert(g->best, &g->n, ROOM, beam[i] * share[r] * left);
        }
    memcpy(beam, next, (size_t)k * sizeof *beam);
    *n = k;
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
    g->ms = 10 * ltd_rule_ms(env, 0, 0);
    g->tokens = 10 * 1.5;
}

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    goodput *g = (goodput *)a;
    if (!last) {
        start(g, env);
    } else {
        g->tokens = (double)a->param[KEEP] * g->tokens + last->accept_len;
        g->ms = (double)a->param[KEEP] * g->ms + ltd_rule_last_ms(env, last);
    }
    g->class_asked = -1;
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
    int32_t forwards = rule_forwards(env), size, n = read_frontier(env, beam);
    int32_t left = ltd_env_get_options(env)->max_forwards - forwards;
    learn_shares(g, env);
    read_pool(g, env);
    int32_t class = class_of(env, forwards, beam[0]);
    double now = worth(g, env, forwards, &size);
    for (int32_t j = 1; j <= rule_int(a, LOOK) && j <= left; j++) {
        add_level(g, env, forwards + j - 1, beam, &n);
        if (worth(g, env, forwards + j, &size) <= now + (double)a->param[EAGER]) continue;
        g->class_asked = class;
        return true;
    }
    return false;
}

static int32_t size(rule_agent *a, const ltd_env *env)
{
    goodput *g = (goodput *)a;
    int32_t best = 0;
    learn_shares(g, env);
    read_pool(g, env);
    worth(g, env, rule_forwards(env), &best);
    return best;
}

static const ltd_rule_ops ops = {
    .bytes = sizeof(goodput), .begin = begin, .chain = both_sources, .go = go, .size = size};

const ltd_rule ltd_rule_goodput = {
    .name = "goodput",
    .formula = "the forwards and nodes with the largest E - lambda T (or E / T) by the cost table",
    .source = "SmartSpec, arXiv 2406.14066; vLLM adaptive verification; lambda is ours",
    .n_params = 4,
    .param = {{"price",
               "of time, in tokens a millisecond of late; 0: E / T",
               5,
               {1, 0, 0.8f, 0.9f, 1.1f}},
              {"keep", "of the sums behind that rate, a cycle", 4, {0.99f, 0.9f, 0.95f, 0.999f}},
              {"look", "forwards looked ahead", 3, {2, 1, 3}},
              {"eager",
               "tokens by which a forward must pay",
               6,
               {0, -0.1f, -0.05f, 0.02f, 0.05f, 0.1f}}},
    .ops = &ops,
};
