/* Observation contracts: versioned layouts that turn the state of a cycle into floats.
 * A policy names the contract it was trained on; nothing else may feed it.
 *
 *   paper/depth/128    [0, 100)     k*k cumulative scores of the last expansion, row = beam slot
 *                      [100, 114)   context / 1000, 14 times
 *                      [114, 128)   n_exp / 10, 14 times
 *   paper/size/1268    [0, 1210)    scores of the whole pool in level order, 0 behind its end
 *                      [1210, 1239) context / 1000, 29 times
 *                      [1239, 1268) n_exp / 10, 29 times
 *   paper/size/1268-no-depth, paper/size/1268-no-context
 *                      the same with zeros for one of the two (the paper's Table 6)
 *   ltd/depth/v2, ltd/size/v2       enum ltd_obs_entry, one encoder
 *
 * n_exp = draft forwards - 1, not below 0.  Scores below LTD_OBS_FLOOR enter as that: an infinity
 * must not reach a network.  Pure functions, no allocation: this code is also what exports carry.
 * Source: paper contracts: LTD rl_depth.py, rl_total.py (zeros where the code leaves stale data,
 * the true context length everywhere; with top_k other than 10 scores stand where they would with
 * 10).  ltd contracts: ours. */
#ifndef LTD_ENV_OBS_H
#define LTD_ENV_OBS_H

#include <stdbool.h>
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
    LTD_CONTRACT_PAPER_SIZE_NO_DEPTH,
    LTD_CONTRACT_PAPER_SIZE_NO_CONTEXT,
    LTD_CONTRACT_COUNT
} ltd_contract;

enum { LTD_OBS_SIZES = 16, LTD_OBS_RECENT = 4, LTD_OBS_BEAM = 4, LTD_OBS_FLOOR = -1000 };

/* Entries of the ltd contracts.  Times are in units of T_ar, a plain decode step at this context.
 * Survivals are exp(score): the pool's for nodes; the head's own through the survival curve for the
 * frontier, which is the beam: the nodes the next draft forward would expand; before the resync the
 * root.
 *   E(V) = 1 + sum of survivals of the best V nodes: the tokens a cycle yields in the mean
 *   T(n, V)  time of the cycle with the forwards done so far, but for the tokens that waited for
 *          the first: what is spent is the same for all that may still be decided
 *   A(V) = E(V) - rate T(n, V): what the cycle is worth beyond its time; rate is in tokens a T_ar,
 *          what time is worth elsewhere (with the best rate, the best A in each cycle gives the
 * most tokens a second: Dinkelbach 1967) V is cut at the pool.  GO is what going on would add to
 * the best A, were the frontier to shrink by a quarter a forward: the best of 1, 2, ... forwards
 * more. */
typedef enum ltd_obs_entry {
    LTD_OBS_AT_FORWARDS = 0,  /* draft forwards n / 8 */
    LTD_OBS_AT_CONTEXT = 1,   /* committed tokens / 1000 */
    LTD_OBS_AT_MATCH = 2,     /* log2(1 + lookup match length) / 6 */
    LTD_OBS_AT_DISTANCE = 3,  /* log2(1 + how far back the match is) / 10 */
    LTD_OBS_AT_CHAIN = 4,     /* lookup chain length / 16 */
    LTD_OBS_AT_POOL = 5,      /* min(pool nodes, 64) / 64 */
    LTD_OBS_AT_MASS = 6,      /* sum of the frontier's survivals, at most 1 */
    LTD_OBS_AT_DECAY = 7,     /* that / the same of the level before; 1 when there is none */
    LTD_OBS_AT_ENTROPY = 8,   /* entropy of the last forward's top row from its k candidates, what
                                 they leave over counted as one symbol [nats / ln k], 0 before the
                                 resync */
    LTD_OBS_AT_AGREED = 9,    /* first nodes of the chain that the head drafted, too / 8 */
    LTD_OBS_AT_FIRST = 10,    /* the head's own p of the chain's first node, 0 when not drafted */
    LTD_OBS_AT_WAITING = 11,  /* before the resync: what tokens that wait add to it */
    LTD_OBS_AT_DRAFT = 12,    /* one more draft forward */
    LTD_OBS_AT_BEST = 13,     /* the largest A(V) */
    LTD_OBS_AT_GO = 14,       /* see above */
    LTD_OBS_AT_RATE = 15,     /* rate / 4 */
    LTD_OBS_AT_RECENT = 16,   /* accept_len / 8 of the last 4 cycles, newest first */
    LTD_OBS_AT_BEAM = 20,     /* survivals of the frontier's 4 best */
    LTD_OBS_AT_EXPECTED = 24, /* E(V) / 8 for the first 16 sizes, 0 where there are fewer */
    LTD_OBS_AT_WORTH = 40,    /* A(V) for the same */
    LTD_OBS_LTD_DIM = 56
} ltd_obs_entry;

/* Times of a cycle's parts in units of T_ar, at its context. */
typedef struct ltd_obs_costs {
    float verify[LTD_OBS_SIZES]; /* of the first 16 sizes, the root included */
    float first, next;           /* draft forwards, each with the decision after it */
    float waiting;               /* what tokens that wait add to the first */
    float rest;                  /* commit, two decisions */
} ltd_obs_costs;

/* The state that encoders read. */
typedef struct ltd_obs_state {
    ltd_tree *tree;
    const ltd_cost *cost;           /* may be NULL: then a forward is 0.15, a node 0.05 */
    int32_t context;                /* committed tokens, root not counted */
    int32_t match, distance;        /* lookup match length, 0 = none; how far back it is */
    int32_t chain;                  /* lookup chain length */
    int32_t waiting;                /* tokens the head had not seen when the cycle began */
    const int32_t *sizes;           /* the size table, ascending */
    int32_t n_sizes;                /* up to LTD_OBS_SIZES enter the ltd contracts */
    int32_t max_forwards;           /* most that may be done in this cycle */
    float rate;                     /* tokens a T_ar */
    int32_t recent[LTD_OBS_RECENT]; /* accept_len of the last cycles, newest first, 0 = none yet */
    ltd_obs_costs costs;            /* from ltd_obs_begin() */
} ltd_obs_state;

/* Fill costs from the table, context, waiting and sizes: once a cycle, before anything is encoded.
 */
void ltd_obs_begin(ltd_obs_state *state);

/* "paper/depth/128"...; static storage. */
const char *ltd_contract_name(ltd_contract contract);
/* -1 when unknown. */
int ltd_contract_find(const char *name);
/* One of those made for the paper's beam of 10? */
bool ltd_contract_is_paper(ltd_contract contract);
/* Floats of an observation. */
int32_t ltd_contract_dim(ltd_contract contract);

/* What tokens that wait for the head add to its first forward, in units of T_ar. */
float ltd_obs_waiting(const ltd_cost *cost, int32_t waiting, int32_t context);
/* The part of an ltd observation that depends on the cycles before: put it into one that was
 * encoded after none (recent zero, one token waiting). */
void ltd_obs_put_past(float *obs, int32_t forwards, const int32_t recent[LTD_OBS_RECENT],
                      float waiting, float rate);

/* Write ltd_contract_dim() floats, all finite.  Ranks the tree as deep as the size table asks. */
void ltd_obs_encode(ltd_contract contract, const ltd_obs_state *state, float *ret);

#ifdef __cplusplus
}
#endif
#endif
