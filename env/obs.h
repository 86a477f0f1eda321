/* Observation contracts: versioned layouts that turn the state of a cycle into floats.
 * A policy names the contract it was trained on; nothing else may feed it.
 *
 *   paper/depth/128    [0, 100)     k*k cumulative scores of the last expansion, row = beam slot
 *                      [100, 114)   context / 1000, 14 times
 *                      [114, 128)   n_exp / 10, 14 times
 *   paper/size/1268    [0, 1210)    scores of the whole pool in level order, 0 behind its end
 *                      [1210, 1239) context / 1000, 29 times
 *                      [1239, 1268) n_exp / 10, 29 times
 *   ltd/depth/v1, ltd/size/v1       enum ltd_obs_entry, 48 floats, one encoder
 *
 * n_exp = draft forwards - 1, not below 0.  Scores below LTD_OBS_FLOOR enter as that: an infinity
 * must not reach a network.  Pure functions, no allocation: this code is also what exports carry.
 * Source: paper contracts: LTD rl_depth.py, rl_total.py (zeros where the code leaves stale data,
 * the true context length everywhere; with top_k other than 10 scores stand where they would with
 * 10).  ltd contracts: ours. */
#ifndef LTD_ENV_OBS_H
#define LTD_ENV_OBS_H

#include <stdint.h>

#include "env/cost.h"
#include "env/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_contract {
    LTD_CONTRACT_PAPER_DEPTH,
    LTD_CONTRACT_PAPER_SIZE,
    LTD_CONTRACT_LTD_DEPTH,
    LTD_CONTRACT_LTD_SIZE,
    LTD_CONTRACT_COUNT
} ltd_contract;

enum { LTD_OBS_SIZES = 16, LTD_OBS_RECENT = 4, LTD_OBS_FLOOR = -1000 };

/* Entries of the ltd contracts.  The frontier is the beam: the nodes the next draft forward would
 * expand; before the resync it is the root.  T_ar is a plain decode step at this context.
 * E(V) = 1 + sum of exp(score) over the best V nodes: tokens a cycle yields when scores are true.
 * T(n, V) is the cycle's cost with the forwards done so far; without a cost table it is
 * T_ar (1 + 0.05 V + 0.15 n).  V is cut at the pool.  Scores of the frontier are the head's own
 * (tree.h), those of E(V) the pool's. */
typedef enum ltd_obs_entry {
    LTD_OBS_AT_FORWARDS = 0,   /* draft forwards n / 8 */
    LTD_OBS_AT_CONTEXT = 1,    /* committed tokens / 1000 */
    LTD_OBS_AT_MATCH = 2,      /* lookup match length / 8, at most 1 */
    LTD_OBS_AT_CHAIN = 3,      /* lookup chain length / 8 */
    LTD_OBS_AT_POOL = 4,       /* min(pool nodes, 64) / 64 */
    LTD_OBS_AT_BEST = 5,       /* exp(score) of the frontier's best node */
    LTD_OBS_AT_MASS = 6,       /* sum of exp(score) over the frontier, at most 1 */
    LTD_OBS_AT_DECAY = 7,      /* that / the same of the level before; 1 when there is none */
    LTD_OBS_AT_ENTROPY = 8,    /* entropy of the last forward's top row from its k candidates, what
                                  they leave over counted as one symbol [nats / ln k], 0 before the
                                  resync */
    LTD_OBS_AT_RECENT = 9,     /* accept_len / 8 of the last 4 cycles, newest first */
    LTD_OBS_AT_SPEEDUP = 13,   /* the largest of LTD_OBS_AT_PREDICTED */
    LTD_OBS_AT_DRAFT = 14,     /* one more draft forward / T_ar */
    LTD_OBS_AT_SPARE = 15,     /* 0 */
    LTD_OBS_AT_EXPECTED = 16,  /* E(V) / 8 for the first 16 sizes, 0 where there are fewer */
    LTD_OBS_AT_PREDICTED = 32, /* E(V) / (T(n, V) / T_ar) for the same */
    LTD_OBS_LTD_DIM = 48
} ltd_obs_entry;

/* The state that encoders read. */
typedef struct ltd_obs_state {
    ltd_tree *tree;
    const ltd_cost *cost;           /* may be NULL, see T(n, V) */
    int32_t context;                /* committed tokens, root not counted */
    int32_t match;                  /* lookup match length, 0 = none */
    int32_t chain;                  /* lookup chain length */
    int32_t waiting;                /* tokens the head had not seen when the cycle began */
    const int32_t *sizes;           /* the size table, ascending */
    int32_t n_sizes;                /* up to LTD_OBS_SIZES enter the ltd contracts */
    int32_t recent[LTD_OBS_RECENT]; /* accept_len of the last cycles, newest first, 0 = none yet */
} ltd_obs_state;

/* "paper/depth/128"...; static storage. */
const char *ltd_contract_name(ltd_contract contract);
/* -1 when unknown. */
int ltd_contract_find(const char *name);
/* Floats of an observation. */
int32_t ltd_contract_dim(ltd_contract contract);

/* Write ltd_contract_dim() floats, all finite.  Ranks the tree as deep as the size table asks. */
void ltd_obs_encode(ltd_contract contract, const ltd_obs_state *state, float *ret);

#ifdef __cplusplus
}
#endif
#endif
