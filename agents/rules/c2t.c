/* C2T: a classifier keeps the nodes of the tree that are worth verifying.
 *
 *     a node stays when sigmoid(net(s, H, d)) > keep
 *     one more forward while the beam's best node stays, `least` to `depth` of them
 *     verify as many nodes as stay of the V best
 *
 * s = ln of the node's survival, H = entropy of the row it was drafted in (0: prompt lookup found
 * it), d = its depth.  Which nodes are verified is the ranking's choice, so the V best are cut to
 * the number that stays.
 * Source: Huo et al. 2025, arXiv 2502.13652: the three features, a net of two layers, 0.5.  Not
 * checked against its text: whose entropy H is, how classes are balanced (here not), and how a
 * level's nodes are preselected. */
#include "agents/rules/rule_priv.h"

enum { KEEP = RULE_V + 1, DEPTH, LEAST };
enum { INPUTS = 3 };

typedef struct c2t {
    rule_agent base;                                          /* first */
    int32_t seen;                                             /* forwards whose rows are below */
    int32_t node[LTD_TREE_MAX_DEPTH + 1][LTD_TREE_MAX_TOP_K]; /* by forward and row */
    float entropy[LTD_TREE_MAX_DEPTH + 1][LTD_TREE_MAX_TOP_K];
    int32_t rows[LTD_TREE_MAX_DEPTH + 1];
} c2t;

static void begin(rule_agent *a, const ltd_env *env, const ltd_info *last)
{
    c2t *c = (c2t *)a;
    (void)env;
    (void)last;
    for (int32_t f = 0; f <= c->seen; f++) c->rows[f] = 0;
    c->seen = 0;
}

/* The tree keeps the last forward's rows only. */
static void note_rows(c2t *c, const ltd_env *env)
{
    const ltd_tree *tree = ltd_env_state(env)->tree;
    int32_t f = rule_forwards(env);
    if (f <= c->seen) return;
    for (int32_t i = c->seen + 1; i < f; i++) c->rows[i] = 0; /* nobody asked */
    c->seen = f;
    c->rows[f] = ltd_tree_last_rows(tree);
    for (int32_t r = 0; r < c->rows[f]; r++)
        c->entropy[f][r] = ltd_tree_row_entropy(tree, r, &c->node[f][r]);
}

static float entropy_of(const c2t *c, const ltd_node *n)
{
    for (int32_t r = 0; r < c->rows[n->forward]; r++)
        if (c->node[n->forward][r] == n->parent) return c->entropy[n->forward][r];
    return 0;
}

static void show(const c2t *c, const ltd_env *env, int32_t node, float *x)
{
    const ltd_node *n = &ltd_tree_nodes(ltd_env_state(env)->tree)[node];
    x[0] = ltd_rule_scaled(n->score);
    x[1] = entropy_of(c, n);
    x[2] = (float)n->depth / 8;
}

static int32_t look(rule_agent *a, const ltd_env *env, float *x, int32_t *node)
{
    ltd_tree *tree = ltd_env_state(env)->tree;
    int32_t n = rule_int(a, RULE_V), count = ltd_tree_count(tree);
    note_rows((c2t *)a, env);
    if (n > count) n = count;
    if (n > LTD_RULE_LOOKS) n = LTD_RULE_LOOKS;
    const int32_t *best = ltd_tree_ranked(tree, n);
    for (int32_t i = 0; i < n; i++) {
        node[i] = best[i];
        show((c2t *)a, env, best[i], x + i * INPUTS);
    }
    return n;
}

static bool go(rule_agent *a, const ltd_env *env)
{
    float x[INPUTS];
    int32_t n = rule_forwards(env);
    if (n == 0) return true;
    note_rows((c2t *)a, env);
    if (n < rule_int(a, LEAST)) return true;
    show((c2t *)a, env, ltd_rule_best_node(env), x);
    return n < rule_int(a, DEPTH) && ltd_rule_judge(a, x) > a->param[KEEP];
}

static int32_t size(rule_agent *a, const ltd_env *env)
{
    float x[LTD_RULE_LOOKS * INPUTS];
    int32_t node[LTD_RULE_LOOKS], kept = 0, n = look(a, env, x, node);
    for (int32_t i = 0; i < n; i++) kept += ltd_rule_judge(a, x + i * INPUTS) > a->param[KEEP];
    return kept;
}

static const ltd_rule_ops ops = {
    .bytes = sizeof(c2t), .begin = begin, .go = go, .size = size, .look = look};

const ltd_rule ltd_rule_c2t = {
    .name = "c2t",
    .formula = "continue while the beam's best node stays; verify those of the V best that stay",
    .source = "C2T, arXiv 2502.13652",
    .n_params = 6,
    .param = {RULE_SOURCES,
              {"V", "nodes looked at", 5, {16, 4, 8, 12, 32}},
              {"keep",
               "p of a node that stays",
               8,
               {0.5f, 0.02f, 0.03f, 0.05f, 0.1f, 0.15f, 0.2f, 0.3f}},
              {"depth", "forwards at most", 6, {8, 1, 2, 3, 4, 6}},
              {"least", "forwards made in any case", 1, {0}}},
    .net = {LTD_RULE_NODES, INPUTS, 64, 1, 1},
    .ops = &ops,
};
