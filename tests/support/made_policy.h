/* Made-up policies, for tests of what becomes of one; what fails ends the running test.
 *
 *     ltd_policy *p = made_policy(&(made_policy_kind){.depth = true, .critics = true});
 *     made_policy_same(p, q);                               fails the test where they differ
 *
 * meson: name `made_policy` among the dependencies. */
#ifndef LTD_TESTS_SUPPORT_MADE_POLICY_H
#define LTD_TESTS_SUPPORT_MADE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/policy.h"

typedef struct made_policy_kind {
    bool paper;       /* 128 and 1268 floats, 24 sizes; else ltd's 56 and 6 sizes */
    bool depth, size; /* which actors there are */
    bool critics, survival, table;
    ltd_activation activation;
    int32_t hidden; /* units of each of two layers; 0: a single layer, linear */
    uint64_t seed;
} made_policy_kind;

/* A policy with random weights; owned. */
ltd_policy *made_policy(const made_policy_kind *kind);

/* All of it is equal, to the bit. */
void made_policy_same(const ltd_policy *a, const ltd_policy *b);

/* An observation for a net of `dim` inputs, number i. */
void made_policy_obs(float *ret, int32_t dim, uint64_t i);

#endif
