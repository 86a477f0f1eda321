/* A learned pair of policies: the depth and the size actor, with the contracts and the size table
 * they were trained for.  One of the two may be missing: its decisions are then the same in every
 * cycle.  Knows no file format: trainer/checkpoint/policy_file.h reads one from a checkpoint.
 *
 *     ltd_agent *agent;
 *     ltd_agent_policy_new(&agent, "ltd", policy, NULL, &err);         greedy
 *
 * Thread rule: a policy may be shared by agents; each agent belongs to one thread. */
#ifndef LTD_AGENTS_POLICY_H
#define LTD_AGENTS_POLICY_H

#include "agents/agent.h"
#include "agents/mlp.h"
#include "agents/table.h"
#include "base/rng.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_policy {
    ltd_contract depth_contract, size_contract;
    ltd_mlp *depth, *size;               /* actors, owned; one of them may be NULL */
    ltd_mlp *depth_critic, *size_critic; /* what they were trained with, owned, NULL: none; no
                                            decision reads them */
    int32_t fixed_forwards;              /* draft forwards a cycle where there is no depth actor */
    int32_t fixed_size; /* nodes verified a cycle where there is no size actor: the entry of
                           `sizes` that comes nearest from below, else the smallest */
    int32_t sizes[LTD_MAX_SIZES], n_sizes;
    int32_t top_k, min_forwards, max_forwards, depth_every;
    bool lookup;
    double rate;                        /* of its observations, see obs.h */
    ltd_survival *survival;             /* what scores mean to it; owned, NULL: themselves */
    ltd_table *table;                   /* what is left of it in a table; owned, NULL: none */
    char model_hash[65], head_hash[65]; /* what it was trained on; head "" = none */
    char machine[128];
} ltd_policy;

void ltd_policy_free(ltd_policy *policy);

/* Set what the policy was trained with: contracts, size table, forwards; but no more forwards than
 * options->cycle has (none without a head). */
void ltd_policy_env_options(const ltd_policy *policy, ltd_env_options *options);

/* Does the policy fit the environment: sizes, and of the actors that it has contracts and shapes?
 * LTD_EINVAL names what differs. */
int ltd_policy_check(const ltd_policy *policy, const ltd_env *env, ltd_err *err);

/* The most that it asks for in a cycle, less where the pool is smaller. */
int32_t ltd_policy_most_forwards(const ltd_policy *policy);
int32_t ltd_policy_most_nodes(const ltd_policy *policy);

/* An agent over a policy (borrowed).  rng NULL: the most probable action; else sampled from *rng
 * (borrowed).  LTD_EINVAL: no actor at all, an actor with too many outputs. */
int ltd_agent_policy_new(ltd_agent **ret, const char *name, const ltd_policy *policy, ltd_rng *rng,
                         ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
