/* One array of nodes in the order they were found, and everything else as indices into it.  A
 * parent is always found before its child and never scores below it, so "the V best by (score,
 * index)" is closed under parents and ascending indices are a verification order; no tree is ever
 * walked.  Ranking is kept over the forwards of a cycle (env/rank.h), because policies ask for the
 * best nodes after each.
 *
 * A chain node can equal a drafted one only where the beam holds its parent, and a chain has one
 * node a level, so merging costs one comparison a candidate and no table.
 *
 * The beam goes by the head's own scores, which no chain changes: what the head is asked follows
 * from the text alone, so that one record of its answers serves every chain (env/trace.h).
 *
 * All arrays live in one block of memory. */
#include "env/tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/rank.h"

/* A beam: k slots and, for each, the draft K/V columns of its ancestors. */
typedef struct beam {
    int32_t *node;      /* [k] pool index */
    int32_t *token;     /* [k] */
    int32_t *source;    /* [k] */
    float *score;       /* [k] the head's own, cumulative */
    int32_t *ancestors; /* [k][max_forwards] */
} beam;

struct ltd_tree {
    int32_t k, max_forwards, max_chain, max_size, room;
    int32_t count, forwards, chain;
    ltd_node *nodes; /* [room] */
    beam beams[2];   /* beams[now] feeds the next forward, the other fed the last one */
    int now;
    float *last;        /* [k*k] the head's own */
    int32_t *last_node; /* [k*k] pool index of each candidate */
    int32_t n_last;
    float *top_logp; /* [k] */
    const ltd_survival *survival;
    int32_t agreed;    /* first nodes of the chain that were drafted, too */
    float first_score; /* the head's own, of the chain's first node */
    float row_mass;
    ltd_rank rank;
    int32_t *ranked;  /* [room] */
    int32_t n_ranked; /* of them valid */
    uint64_t *chosen; /* [room / 64 + 1] bit set of a selection */
    int32_t *entry;   /* [room] entry of a chosen node */
    ltd_selection selection;
    void *block;
};

/* Hand out arrays of one block: first pass counts, second pass cuts. */
typedef struct cutter {
    uint8_t *block;
    size_t used;
} cutter;

static void *cut(cutter *c, int32_t n, size_t size)
{
    void *p = c->block ? c->block + c->used : NULL;
    c->used += ((size_t)n * size + 63) & ~(size_t)63;
    return p;
}

static void cut_arrays(ltd_tree *tree, cutter *c)
{
    int32_t k = tree->k, room = tree->room, entries = tree->max_size + 1;
    tree->nodes = cut(c, room, sizeof *tree->nodes);
    for (int i = 0; i < 2; i++) {
        beam *b = &tree->beams[i];
        b->node = cut(c, k, sizeof *b->node);
        b->token = cut(c, k, sizeof *b->token);
        b->source = cut(c, k, sizeof *b->source);
        b->score = cut(c, k, sizeof *b->score);
        b->ancestors = cut(c, k * (tree->max_forwards + 1), sizeof *b->ancestors);
    }
    tree->last = cut(c, k * k, sizeof *tree->last);
    tree->last_node = cut(c, k * k, sizeof *tree->last_node);
    tree->top_logp = cut(c, k, sizeof *tree->top_logp);
    tree->rank.keys = cut(c, room, sizeof *tree->rank.keys);
    tree->rank.spare = cut(c, room, sizeof *tree->rank.spare);
    tree->ranked = cut(c, room, sizeof *tree->ranked);
    tree->chosen = cut(c, room / 64 + 1, sizeof *tree->chosen);
    tree->entry = cut(c, room, sizeof *tree->entry);
    tree->selection.token = cut(c, entries, sizeof(int32_t));
    tree->selection.parent = cut(c, entries, sizeof(int32_t));
    tree->selection.depth = cut(c, entries, sizeof(int32_t));
    tree->selection.node = cut(c, entries, sizeof(int32_t));
}

static int check_limits(int32_t top_k, int32_t max_forwards, int32_t max_chain, int32_t max_size,
                        ltd_err *err)
{
    if (top_k < 1 || top_k > LTD_TREE_MAX_TOP_K)
        return ltd_fail(err, LTD_EINVAL, "tree: top_k is %d, expected 1 to %d", top_k,
                        LTD_TREE_MAX_TOP_K);
    if (max_forwards < 0 || max_forwards > LTD_TREE_MAX_DEPTH)
        return ltd_fail(err, LTD_EINVAL, "tree: max_forwards is %d, expected 0 to %d", max_forwards,
                        LTD_TREE_MAX_DEPTH);
    if (max_chain < 0 || max_chain > LTD_TREE_MAX_DEPTH)
        return ltd_fail(err, LTD_EINVAL, "tree: max_chain is %d, expected 0 to %d", max_chain,
                        LTD_TREE_MAX_DEPTH);
    if (max_size < 0 || max_size > (1 << 20))
        return ltd_fail(err, LTD_EINVAL, "tree: max_size is %d, expected 0 to %d", max_size,
                        1 << 20);
    return LTD_OK;
}

int ltd_tree_new(ltd_tree **ret, int32_t top_k, int32_t max_forwards, int32_t max_chain,
                 int32_t max_size, ltd_err *err)
{
    *ret = NULL;
    int status = check_limits(top_k, max_forwards, max_chain, max_size, err);
    if (status < 0) return status;
    ltd_tree *tree = ltd_mem_zeros(1, sizeof *tree);
    if (!tree) return ltd_fail(err, LTD_ENOMEM, "tree: no memory");
    tree->k = top_k;
    tree->max_forwards = max_forwards;
    tree->max_chain = max_chain;
    tree->max_size = max_size;
    tree->room = max_chain + 1;
    if (max_forwards > 0) tree->room += top_k + (max_forwards - 1) * top_k * top_k;
    cutter c = {NULL, 0};
    cut_arrays(tree, &c);
    c.block = tree->block = ltd_mem_aligned(1, c.used);
    if (!c.block) {
        free(tree);
        return ltd_fail(err, LTD_ENOMEM, "tree: no memory for %zu bytes", c.used);
    }
    c.used = 0;
    cut_arrays(tree, &c);
    tree->rank.room = tree->room;
    ltd_tree_reset(tree);
    *ret = tree;
    return LTD_OK;
}

void ltd_tree_free(ltd_tree *tree)
{
    if (!tree) return;
    free(tree->block);
    free(tree);
}

void ltd_tree_reset(ltd_tree *tree)
{
    tree->count = tree->forwards = tree->chain = tree->agreed = 0;
    tree->first_score = -INFINITY;
    tree->n_last = tree->n_ranked = tree->selection.n = 0;
    ltd_rank_clear(&tree->rank);
}

/* ln p as the tree wants it. */
static float sane(float logp)
{
    if (isnan(logp)) return -INFINITY;
    return logp < 0 ? logp : 0;
}

static int32_t push_node(ltd_tree *tree, int32_t token, int32_t parent, float score)
{
    int32_t index = tree->count++;
    ltd_node *node = &tree->nodes[index];
    node->token = token;
    node->parent = parent;
    node->depth = parent < 0 ? 1 : tree->nodes[parent].depth + 1;
    node->forward = tree->forwards;
    node->score = score;
    ltd_rank_push(&tree->rank, ltd_rank_key(score, index));
    return index;
}

void ltd_tree_add_chain(ltd_tree *tree, const int32_t *token, const float *score, int32_t n)
{
    if (tree->count > 0 || tree->forwards > 0) return;
    if (n > tree->max_chain) n = tree->max_chain;
    float above = 0;
    for (int32_t i = 0; i < n; i++) {
        float s = sane(score[i]);
        if (s < above) above = s;
        push_node(tree, token[i], i - 1, above);
    }
    tree->chain = tree->count;
    tree->n_ranked = 0;
}

/* The chain's node below `parent`, -1 when there is none. */
static int32_t chain_child(const ltd_tree *tree, int32_t parent)
{
    return parent + 1 < tree->chain ? parent + 1 : -1;
}

/* Pool index of a candidate: the chain's node when it is that one, else a new node. */
static int32_t add_candidate(ltd_tree *tree, int32_t parent, int32_t chain, int32_t token,
                             float score, float own)
{
    if (chain < 0 || tree->nodes[chain].token != token)
        return push_node(tree, token, parent, score);
    ltd_node *node = &tree->nodes[chain];
    tree->agreed = chain + 1;
    if (chain == 0) tree->first_score = own;
    if (score > node->score) {
        ltd_rank_improve(&tree->rank, ltd_rank_key(node->score, chain), ltd_rank_key(score, chain));
        node->score = score;
    }
    return chain;
}

/* Fill the other beam with the k best of the last candidates and make it the beam.  Kept as a
 * sorted list of k: most candidates fail the first comparison. */
static void choose_beam(ltd_tree *tree, bool resync)
{
    uint64_t best[LTD_TREE_MAX_TOP_K];
    int32_t from[LTD_TREE_MAX_TOP_K];
    int32_t k = tree->k, n = 0;
    for (int32_t i = 0; i < tree->n_last; i++) {
        uint64_t key = ltd_rank_key(tree->last[i], i);
        if (n == k && key >= best[k - 1]) continue;
        int32_t at = n < k ? n++ : k - 1;
        for (; at > 0 && best[at - 1] > key; at--) {
            best[at] = best[at - 1];
            from[at] = from[at - 1];
        }
        best[at] = key;
        from[at] = i;
    }
    const beam *old = &tree->beams[tree->now];
    beam *next = &tree->beams[!tree->now];
    int32_t stride = tree->max_forwards + 1, seen = tree->forwards - 2;
    for (int32_t j = 0; j < k; j++) {
        int32_t row = resync ? 0 : from[j] / k;
        next->node[j] = tree->last_node[from[j]];
        next->token[j] = tree->nodes[next->node[j]].token;
        next->score[j] = tree->last[from[j]];
        next->source[j] = row;
        if (resync) continue;
        int32_t *columns = next->ancestors + j * stride;
        memcpy(columns, old->ancestors + row * stride, (size_t)seen * sizeof *columns);
        columns[seen] = seen * k + row;
    }
    tree->now = !tree->now;
}

int ltd_tree_grow(ltd_tree *tree, const int32_t *token, const float *logp, ltd_err *err)
{
    if (tree->forwards >= tree->max_forwards)
        return ltd_fail(err, LTD_EINVAL, "tree: forward %d of at most %d", tree->forwards + 1,
                        tree->max_forwards);
    const beam *rows = &tree->beams[tree->now];
    int32_t k = tree->k;
    /* k = 1 has one row either way: what tells the resync apart is that nothing was drafted. */
    bool resync = tree->forwards == 0;
    int32_t n_rows = resync ? 1 : k;
    tree->forwards++;
    tree->n_ranked = 0;
    tree->n_last = n_rows * k;
    tree->row_mass = 0;
    for (int32_t r = 0; r < n_rows; r++) {
        int32_t parent = resync ? -1 : rows->node[r], chain = chain_child(tree, parent);
        float base = resync ? 0 : rows->score[r];
        float above = resync ? 0 : tree->nodes[parent].score;
        float at_base = resync ? 0 : ltd_survival_head(tree->survival, base);
        tree->row_mass += expf(at_base);
        for (int32_t c = 0; c < k; c++) {
            int32_t i = r * k + c;
            float p = sane(logp[i]);
            if (r == 0) tree->top_logp[c] = p;
            float step = p;
            if (tree->survival) step = ltd_survival_head(tree->survival, base + p) - at_base;
            tree->last_node[i] =
                add_candidate(tree, parent, chain, token[i], above + sane(step), base + p);
            tree->last[i] = base + p;
        }
    }
    choose_beam(tree, resync);
    return LTD_OK;
}

void ltd_tree_set_survival(ltd_tree *tree, const ltd_survival *survival)
{
    tree->survival = survival;
}

const ltd_survival *ltd_tree_survival(const ltd_tree *tree)
{
    return tree->survival;
}

int32_t ltd_tree_agreed(const ltd_tree *tree, float *first)
{
    *first = tree->first_score;
    return tree->agreed;
}

int32_t ltd_tree_top_k(const ltd_tree *tree)
{
    return tree->k;
}

int32_t ltd_tree_forwards(const ltd_tree *tree)
{
    return tree->forwards;
}

const int32_t *ltd_tree_beam_token(const ltd_tree *tree)
{
    return tree->beams[tree->now].token;
}

const float *ltd_tree_beam_score(const ltd_tree *tree)
{
    return tree->beams[tree->now].score;
}

const int32_t *ltd_tree_beam_node(const ltd_tree *tree)
{
    return tree->beams[tree->now].node;
}

const int32_t *ltd_tree_beam_source(const ltd_tree *tree)
{
    return tree->beams[tree->now].source;
}

int32_t ltd_tree_beam_ancestors(const ltd_tree *tree, int32_t j, const int32_t **ret)
{
    *ret = tree->beams[tree->now].ancestors + j * (tree->max_forwards + 1);
    return tree->forwards > 1 ? tree->forwards - 1 : 0;
}

const float *ltd_tree_last_scores(const ltd_tree *tree, int32_t *n)
{
    *n = tree->n_last;
    return tree->n_last > 0 ? tree->last : NULL;
}

const float *ltd_tree_top_logp(const ltd_tree *tree)
{
    return tree->n_last > 0 ? tree->top_logp : NULL;
}

float ltd_tree_row_mass(const ltd_tree *tree)
{
    return tree->n_last > 0 ? tree->row_mass : 1;
}

int32_t ltd_tree_count(const ltd_tree *tree)
{
    return tree->count;
}

const ltd_node *ltd_tree_nodes(const ltd_tree *tree)
{
    return tree->nodes;
}

const int32_t *ltd_tree_ranked(ltd_tree *tree, int32_t n)
{
    if (n > tree->count) n = tree->count;
    if (n > tree->n_ranked) {
        const uint64_t *keys = ltd_rank_best(&tree->rank, n);
        for (int32_t i = tree->n_ranked; i < n; i++) tree->ranked[i] = ltd_rank_index(keys[i]);
        tree->n_ranked = n;
    }
    return tree->ranked;
}

/* Parents rank before their children, so one pass down the ranking meets them in order. */
int32_t ltd_tree_true_ranks(ltd_tree *tree, const int32_t *next, int32_t n, int32_t most,
                            int32_t *rank)
{
    if (most > tree->count) most = tree->count;
    const int32_t *best = ltd_tree_ranked(tree, most);
    int32_t depth = 0, at = -1;
    for (int32_t r = 0; r < most && depth < n; r++) {
        const ltd_node *node = &tree->nodes[best[r]];
        if (node->parent != at || node->token != next[depth]) continue;
        at = best[r];
        rank[depth++] = r + 1;
    }
    return depth;
}

/* The chosen set as bits, read back in ascending order: parents come out first without a sort. */
const ltd_selection *ltd_tree_select(ltd_tree *tree, int32_t root_token, int32_t size)
{
    ltd_selection *sel = &tree->selection;
    if (size > tree->max_size) size = tree->max_size;
    if (size > tree->count) size = tree->count;
    const int32_t *best = ltd_tree_ranked(tree, size);
    int32_t words = tree->count / 64 + 1;
    memset(tree->chosen, 0, (size_t)words * sizeof *tree->chosen);
    for (int32_t i = 0; i < size; i++) tree->chosen[best[i] / 64] |= UINT64_C(1) << (best[i] % 64);
    sel->token[0] = root_token;
    sel->parent[0] = sel->node[0] = -1;
    sel->depth[0] = 0;
    sel->n = 1;
    for (int32_t w = 0; w < words; w++) {
        for (uint64_t bits = tree->chosen[w]; bits; bits &= bits - 1) {
            int32_t index = w * 64 + __builtin_ctzll(bits), e = sel->n++;
            const ltd_node *node = &tree->nodes[index];
            tree->entry[index] = e;
            sel->token[e] = node->token;
            sel->parent[e] = node->parent < 0 ? 0 : tree->entry[node->parent];
            sel->depth[e] = node->depth;
            sel->node[e] = index;
        }
    }
    return sel;
}
