/* Observation contracts: versioned layouts that turn the state of a cycle into floats.
 * A policy names the contract it was trained on; nothing else may feed it.
 *
 *   paper/depth/128   k*k cumulative scores of the last forward [100], context/1000 x 14, n_exp/10
 * x 14 paper/size/1268   all pool scores [1210], context/1000 x 29, n_exp/10 x 29 ltd/depth/v1,
 * ltd/size/v1   compact: see docs/environment.md
 *
 * n_exp = draft forwards - 1.  Pure functions, no allocation: this code is also what exports carry.
 * Source: paper contracts: LTD rl_depth.py, rl_total.py (zeros where the code leaves stale data,
 * the true context length everywhere). */
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

enum { LTD_OBS_SIZES = 16, LTD_OBS_RECENT = 4 };

/* The state that encoders read. */
typedef struct ltd_obs_state {
    ltd_tree *tree;
    const ltd_cost
        *cost;       /* NULL: cost entries are those of a machine where every row costs the same */
    int32_t context; /* committed tokens, root not counted */
    int32_t match;   /* lookup match length, 0 = none */
    int32_t chain;   /* lookup chain length */
    const int32_t *sizes;           /* the size table */
    int32_t n_sizes;                /* up to LTD_OBS_SIZES enter the ltd contracts */
    int32_t recent[LTD_OBS_RECENT]; /* accept_len of the last cycles, newest first, 0 = none yet */
} ltd_obs_state;

/* "paper/depth/128"...; static storage. */
const char *ltd_contract_name(ltd_contract contract);
/* -1 when unknown. */
int ltd_contract_find(const char *name);
/* Floats of an observation. */
int32_t ltd_contract_dim(ltd_contract contract);

/* Write ltd_contract_dim() floats. */
void ltd_obs_encode(ltd_contract contract, const ltd_obs_state *state, float *ret);

#ifdef __cplusplus
}
#endif
#endif
