/* The draft tree of one cycle: a pool of candidate nodes, the beam that grows it, and the choice of
 * the nodes to verify.  Knows tokens and scores, nothing of models or clocks.
 *
 *     ltd_tree_reset(tree);
 *     ltd_tree_add_chain(tree, match, tokens, scores, n);    what prompt lookup found
 *     ltd_tree_grow(tree, tokens, logp);               resync: k children of the root
 *     ltd_tree_grow(tree, tokens, logp);               expansion: k x k candidates
 *     sel = ltd_tree_select(tree, root, size);         nodes to verify, root first
 *
 * A node's score is a natural log-probability, cumulative from the root: that it will be accepted,
 * by the survival curve (survival.h) where there is one.  A child never scores above its parent.
 * Order is by (score descending, pool index ascending) everywhere, so that a selection is closed
 * under parents even when scores tie (EAGLE's unstable top-k is not).
 *
 * Without a chain the pool is EAGLE-3's, in its level order: k root children, then k*k a level.
 * With one, the chain's nodes come first, and a drafted node that equals one of them (same parent,
 * same token) is that node; nodes that are drafted below it start from there.  With survival curves
 * its score follows from what both say as soon as the head has spoken about its place, whether it
 * proposes it or not, the chain's rest and the node's siblings moving along; without, the larger
 * score counts. The beam is chosen by the head's own scores: a chain changes what is verified, not
 * what the head is asked.
 *
 * Scores from outside are made sane where they enter: NaN counts as -infinity, ln p > 0 as 0.
 *
 * Thread rule: one thread.  No allocation: exports carry this code (tree_new.h makes one).
 * Source: EAGLE-2/3 (tree growth, rerank); ties and the merged chain are ours. */
#ifndef LTD_ENV_TREE_H
#define LTD_ENV_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "env/survival.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_TREE_MAX_TOP_K = 32,
    LTD_TREE_MAX_DEPTH = 64 /* levels: chain length or draft forwards */
};
/* Condition of ltd_tree_grow(). */
enum { LTD_TREE_FULL = 1 };

typedef struct ltd_tree ltd_tree;

/* One pool node.  parent is a pool index, -1 for the root (which is not in the pool). */
typedef struct ltd_node {
    int32_t token;
    int32_t parent;
    int32_t depth;   /* 1 = child of the root */
    int32_t forward; /* draft forward that found it first, 0 = prompt lookup, 1 = resync, ... */
    float score;     /* cumulative ln p, <= 0 */
} ltd_node;

/* Nodes to verify, in an order where parents precede children.  Entry 0 is the root (token given at
 * select).  Arrays have room for max_size + 1. */
typedef struct ltd_selection {
    int32_t n;       /* entries, root included */
    int32_t *token;  /* [n] */
    int32_t *parent; /* [n] entry index of the parent, -1 for the root */
    int32_t *depth;  /* [n] 0 for the root */
    int32_t *node;   /* [n] pool index, -1 for the root */
} ltd_selection;

/* What the head's scores mean, from the next cycle on: borrowed, NULL (as at first) for nothing but
 * themselves. */
void ltd_tree_set_survival(ltd_tree *tree, const ltd_survival *survival);
const ltd_survival *ltd_tree_survival(const ltd_tree *tree);

/* Empty the pool for the next cycle. */
void ltd_tree_reset(ltd_tree *tree);

/* Put a chain under the root, from a match of so many tokens: token[i] with cumulative score[i],
 * non-increasing (a score above the one before it is lowered to it).  Cut at max_chain; nothing
 * when the pool isn't empty. */
void ltd_tree_add_chain(ltd_tree *tree, int32_t match, const int32_t *token, const float *score,
                        int32_t n);

/* Add one draft forward.  First call of a cycle: 1 row, the root's children, token[k], logp[k].
 * Later calls: k rows in beam order, token[k][k], logp[k][k] row-major (ln p of a child given its
 * row).  Each row holds distinct tokens, sorted by (logp descending, id ascending).  The next beam
 * is the k best of the new candidates.  0; LTD_TREE_FULL: max_forwards are done, nothing changes.
 */
int ltd_tree_grow(ltd_tree *tree, const int32_t *token, const float *logp);

/* --- the beam: rows of the next draft forward, in descending score order; empty before the resync
 */
int32_t ltd_tree_top_k(const ltd_tree *tree);
int32_t ltd_tree_forwards(const ltd_tree *tree);          /* draft forwards so far */
const int32_t *ltd_tree_beam_token(const ltd_tree *tree); /* [k] */
const float *ltd_tree_beam_score(const ltd_tree *tree);   /* [k] cumulative, the head's own */
const int32_t *ltd_tree_beam_node(const ltd_tree *tree);  /* [k] pool index */
/* [k] row of the previous forward that each slot grew from (features to gather); 0 after the
 * resync. */
const int32_t *ltd_tree_beam_source(const ltd_tree *tree);
/* Draft K/V columns that slot j sees, oldest first: column of an expansion's slot s is
 * (expansion index) * k + s, expansion 0 being the forward after the resync.  The slot's own column
 * is not included.  Returns the count (= expansions done), *ret borrowed until the next grow. */
int32_t ltd_tree_beam_ancestors(const ltd_tree *tree, int32_t j, const int32_t **ret);

/* --- the last forward, for observations; NULL before the first --- */
/* The head's own cumulative scores of its candidates, row-major: [k] after the resync, [k*k] after
 * an expansion; without a chain those of the pool.  *n receives the count. */
const float *ltd_tree_last_scores(const ltd_tree *tree, int32_t *n);
/* How many of the chain's first nodes the head has drafted, too; its own ln p of the very first,
 * -infinity when it has not. */
int32_t ltd_tree_agreed(const ltd_tree *tree, float *first);
/* ln p of its top row's candidates [k], not cumulative. */
const float *ltd_tree_top_logp(const ltd_tree *tree);
/* Entropy of that row [nats]: of its k candidates, and of what they leave over as if that were one
 * token; 0 before the first forward. */
float ltd_tree_top_entropy(const ltd_tree *tree);
/* Rows of the last forward, 0 before the first. */
int32_t ltd_tree_last_rows(const ltd_tree *tree);
/* The same entropy of any of its rows; *node receives the pool index of the node whose children it
 * proposes, -1 = the root. */
float ltd_tree_row_entropy(const ltd_tree *tree, int32_t row, int32_t *node);
/* Sum of the survivals of its rows: probability that the text is among the nodes it expanded; 1
 * for the resync, whose only row is the root. */
float ltd_tree_row_mass(const ltd_tree *tree);

/* --- the pool --- */
/* Nodes that the head has put into it after so many forwards: k, then k * k each. */
int32_t ltd_tree_pool(int32_t forwards, int32_t top_k);
int32_t ltd_tree_count(const ltd_tree *tree);
const ltd_node *ltd_tree_nodes(const ltd_tree *tree);
/* Pool indices of the min(n, count) best by (score descending, index ascending).  Borrowed until
 * the pool changes.  Sorted once for all calls in a cycle; only as deep as asked. */
const int32_t *ltd_tree_ranked(ltd_tree *tree, int32_t n);

/* Where the nodes of a continuation stand among the best `most`: rank[d] of the node at depth d + 1
 * that spells next[0 .. d], 1 = best, ascending.  Returns how many there are, at most n. */
int32_t ltd_tree_true_ranks(ltd_tree *tree, const int32_t *next, int32_t n, int32_t most,
                            int32_t *rank);

/* Choose the min(size, count, max_size) best nodes; entries ascend in pool index, after the root.
 * Borrowed until the next select or reset. */
const ltd_selection *ltd_tree_select(ltd_tree *tree, int32_t root_token, int32_t size);

#ifdef __cplusplus
}
#endif
#endif
