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
#include <string.h>

#include "env/rank.h"
#include "env/tree_priv.h"

/* Hand out arrays of one block: first pass counts, second pass cuts. */
typedef struct cutter {
    unsigned char *block;
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
    tree->nodes = (ltd_node *)cut(c, room, sizeof *tree->nodes);
    for (int i = 0; i < 2; i++) {
        ltd_tree_beam *b = &tree->beams[i];
        b->node = (int32_t *)cut(c, k, sizeof *b->node);
        b->token = (int32_t *)cut(c, k, sizeof *b->token);
        b->source = (int32_t *)cut(c, k, sizeof *b->source);
        b->score = (float *)cut(c, k, sizeof *b->score);
        b->ancestors = (int32_t *)cut(c, k * (tree->max_forwards + 1), sizeof *b->ancestors);
    }
    tree->last = (float *)cut(c, k * k, sizeof *tree->last);
    tree->last_node = (int32_t *)cut(c, k * k, sizeof *tree->last_node);
    tree->top_logp = (float *)cut(c, k, sizeof *tree->top_logp);
    tree->rank.keys = (uint64_t *)cut(c, room, sizeof *tree->rank.keys);
    tree->rank.spare = (uint64_t *)cut(c, room, sizeof *tree->rank.spare);
    tree->ranked = (int32_t *)cut(c, room, sizeof *tree->ranked);
    tree->chosen = (uint64_t *)cut(c, room / 64 + 1, sizeof *tree->chosen);
    tree->entry = (int32_t *)cut(c, room, sizeof *tree->entry);
    tree->selection.token = (int32_t *)cut(c, entries, sizeof(int32_t));
    tree->selection.parent = (int32_t *)cut(c, entries, sizeof(int32_t));
    tree->selection.depth = (int32_t *)cut(c, entries, sizeof(int32_t));
    tree->selection.node = (int32_t *)cut(c, entries, sizeof(int32_t));
}

static void set_room(ltd_tree *tree)
{
    tree->room = tree->max_chain + 1;
    if (tree->max_forwards > 0) tree->room += ltd_tree_pool(tree->max_forwards, tree->k);
}

size_t ltd_tree_bytes(const ltd_tree *tree)
{
    ltd_tree counted = *tree;
    cutter c = {NULL, 0};
    set_room(&counted);
    cut_arrays(&counted, &c);
    return c.used;
}

void ltd_tree_place(ltd_tree *tree, void *storage)
{
    cutter c = {(unsigned char *)storage, 0};
    set_room(tree);
    cut_arrays(tree, &c);
    tree->rank.room = tree->room;
    ltd_tree_reset(tree);
}

void ltd_tree_reset(ltd_tree *tree)
{
    tree->count = tree->forwards = tree->chain = tree->agreed = 0;
    tree->first_score = -INFINITY;
    tree->n_last = tree->n_ranked = tree->selection.n = 0;
    ltd_rank_clear(&tree->rank);
}

int32_t ltd_tree_pool(int32_t forwards, int32_t top_k)
{
    return forwards > 0 ? top_k + (forwards - 1) * top_k * top_k : 0;
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
    return index;
}

void ltd_tree_add_chain(ltd_tree *tree, int32_t match, const int32_t *token, const float *score,
                        int32_t n)
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
    tree->match = match;
    tree->n_ranked = 0;
}

/* The chain's node below `parent`, -1 when there is none. */
static int32_t chain_child(const ltd_tree *tree, int32_t parent)
{
    return parent + 1 < tree->chain ? parent + 1 : -1;
}

/* A row of the head: the k children of a node. */
typedef struct drafted_row {
    int32_t parent;       /* pool index, -1 = root */
    float base, above;    /* its own score, its pool score */
    const int32_t *token; /* [k] */
    const float *logp;    /* [k] */
    int32_t chain;        /* the chain's node among the children, -1 = none */
    float others;         /* added to the others' pool scores */
} drafted_row;

/* The head has spoken about the place of a chain's node: its score becomes what both say, and the
 * chain below it, of which the head has not spoken yet, moves along.  What is left for its siblings
 * is divided as the head divides it. */
static void weigh_chain(ltd_tree *tree, drafted_row *r)
{
    float p = -INFINITY;
    for (int32_t c = 0; c < tree->k; c++)
        if (r->token[c] == tree->nodes[r->chain].token) p = sane(r->logp[c]);
    float both = ltd_survival_both(tree->survival, tree->match + r->chain, p);
    float move = r->above + both - tree->nodes[r->chain].score;
    for (int32_t i = r->chain; i < tree->chain; i++) tree->nodes[i].score += move;
    r->others = log1pf(-expf(both)) - logf(fmaxf(1 - expf(p), 1e-4f));
}

/* Pool index of a candidate: the chain's node when it is that one, else a new node. */
static int32_t add_candidate(ltd_tree *tree, const drafted_row *r, int32_t c, float p)
{
    float step = p;
    if (tree->survival)
        step = ltd_survival_head(tree->survival, r->base + p) -
               (r->parent < 0 ? 0 : ltd_survival_head(tree->survival, r->base)) + r->others;
    float score = r->above + sane(step);
    if (r->chain < 0 || tree->nodes[r->chain].token != r->token[c])
        return push_node(tree, r->token[c], r->parent, score);
    ltd_node *node = &tree->nodes[r->chain];
    tree->agreed = r->chain + 1;
    if (r->chain == 0) tree->first_score = r->base + p;
    if (!tree->survival && score > node->score) node->score = score;
    return r->chain;
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
    const ltd_tree_beam *old = &tree->beams[tree->now];
    ltd_tree_beam *next = &tree->beams[!tree->now];
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

int ltd_tree_grow(ltd_tree *tree, const int32_t *token, const float *logp)
{
    if (tree->forwards >= tree->max_forwards) return LTD_TREE_FULL;
    const ltd_tree_beam *rows = &tree->beams[tree->now];
    int32_t k = tree->k;
    /* k = 1 has one row either way: what tells the resync apart is that nothing was drafted. */
    bool resync = tree->forwards == 0;
    int32_t n_rows = resync ? 1 : k;
    int32_t first = tree->count;
    tree->forwards++;
    tree->n_ranked = 0;
    tree->n_last = n_rows * k;
    tree->row_mass = 0;
    for (int32_t i = 0; i < n_rows; i++) {
        drafted_row r;
        r.parent = resync ? -1 : rows->node[i];
        r.base = r.above = r.others = 0;
        r.token = token + i * k;
        r.logp = logp + i * k;
        if (!resync) {
            r.base = rows->score[i];
            r.above = tree->nodes[r.parent].score;
        }
        r.chain = chain_child(tree, r.parent);
        if (r.chain >= 0 && tree->survival) weigh_chain(tree, &r);
        tree->row_mass += resync ? 1 : expf(ltd_survival_head(tree->survival, r.base));
        for (int32_t c = 0; c < k; c++) {
            float p = sane(r.logp[c]);
            if (i == 0) tree->top_logp[c] = p;
            tree->last_node[i * k + c] = add_candidate(tree, &r, c, p);
            tree->last[i * k + c] = r.base + p;
        }
    }
    for (int32_t i = first; i < tree->count; i++)
        ltd_rank_push(&tree->rank, ltd_rank_key(tree->nodes[i].score, i));
    choose_beam(tree, resync);
    return 0;
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

/* Of ln p of k candidates, each less `base`, and what they leave over. */
static float entropy(const float *logp, int32_t k, float base)
{
    float h = 0, rest = 1;
    for (int32_t i = 0; i < k; i++) {
        float l = logp[i] - base;
        if (!(l > -INFINITY)) continue;
        float p = expf(l);
        h -= p * l;
        rest -= p;
    }
    return rest > 0 ? h - rest * logf(rest) : h;
}

float ltd_tree_top_entropy(const ltd_tree *tree)
{
    return tree->n_last == 0 ? 0 : entropy(tree->top_logp, tree->k, 0);
}

int32_t ltd_tree_last_rows(const ltd_tree *tree)
{
    return tree->n_last / tree->k;
}

float ltd_tree_row_entropy(const ltd_tree *tree, int32_t row, int32_t *node)
{
    const ltd_tree_beam *rows = &tree->beams[!tree->now];
    bool resync = tree->forwards == 1;
    *node = resync ? -1 : rows->node[row];
    return entropy(tree->last + row * tree->k, tree->k, resync ? 0 : rows->score[row]);
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

/* Drafted nodes from the ranking, and between them the chain's, which are in order by nature. */
const int32_t *ltd_tree_ranked(ltd_tree *tree, int32_t n)
{
    if (n > tree->count) n = tree->count;
    if (n <= tree->n_ranked) return tree->ranked;
    const uint64_t *keys = ltd_rank_best(&tree->rank, n);
    int32_t drafted = tree->rank.count < n ? tree->rank.count : n;
    for (int32_t i = 0, d = 0, c = 0; i < n; i++) {
        bool chain =
            c < tree->chain && (d == drafted || ltd_rank_key(tree->nodes[c].score, c) < keys[d]);
        tree->ranked[i] = chain ? c++ : ltd_rank_index(keys[d++]);
    }
    tree->n_ranked = n;
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

/* Which bit of a word with any is the lowest. */
static int32_t lowest_bit(uint64_t bits)
{
#ifdef __GNUC__
    return __builtin_ctzll(bits);
#else
    int32_t n = 0;
    for (; !(bits & 1); bits >>= 1) n++;
    return n;
#endif
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
            int32_t index = w * 64 + lowest_bit(bits), e = sel->n++;
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
