/* What is inside a tree.  Private to env/tree*.c; exports carry it, too. */
#ifndef LTD_ENV_TREE_PRIV_H
#define LTD_ENV_TREE_PRIV_H

#include <stddef.h>

#include "env/rank.h"
#include "env/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A beam: k slots and, for each, the draft K/V columns of its ancestors. */
typedef struct ltd_tree_beam {
    int32_t *node;      /* [k] pool index */
    int32_t *token;     /* [k] */
    int32_t *source;    /* [k] */
    float *score;       /* [k] the head's own, cumulative */
    int32_t *ancestors; /* [k][max_forwards] */
} ltd_tree_beam;

struct ltd_tree {
    int32_t k, max_forwards, max_chain, max_size, room;
    int32_t count, forwards, chain;
    int32_t match;          /* tokens the chain follows from */
    ltd_node *nodes;        /* [room] */
    ltd_tree_beam beams[2]; /* beams[now] feeds the next forward, the other fed the last one */
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
};

/* Bytes of storage that a tree of k, max_forwards, max_chain and max_size needs: at most 2^31 of
 * them. */
size_t ltd_tree_bytes(const ltd_tree *tree);
/* Put its arrays there, each a multiple of 64 bytes behind `storage` (aligned for uint64_t), and
 * empty it. */
void ltd_tree_place(ltd_tree *tree, void *storage);

#ifdef __cplusplus
}
#endif
#endif
