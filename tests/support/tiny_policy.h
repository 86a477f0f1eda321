/* Made-up policies of every shape for the tiny environment (tiny_env.h), and its cost table: random
 * weights that tell states apart. */
#ifndef LTD_TESTS_SUPPORT_TINY_POLICY_H
#define LTD_TESTS_SUPPORT_TINY_POLICY_H

#include "agents/policy.h"
#include "env/cost.h"

/* "both": ltd contracts, survival curves, lookup; "paper": its contracts and its space; "depth" and
 * "size": one actor, the other turn fixed; size is asked about drafts of two forwards.  NULL: no
 * such kind, or no memory.  Owned. */
ltd_policy *tiny_policy(const char *kind);
/* Owned. */
ltd_cost *tiny_policy_cost(void);

#endif
