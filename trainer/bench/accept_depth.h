/* Acceptance by position: how often cycles verified a path so deep, and how often they were right
 * so deep.  From a run's histograms (run_prompt.h); knows no policy.
 *
 *     for (int32_t d = 1; d <= ltd_accept_depths(run.accept_hist, run.depth_hist); d++)
 *         ltd_accept_at(run.accept_hist, run.depth_hist, d).given
 *
 * Depth d is the d-th drafted token behind the root; a cycle accepts accept_len - 1 of them. */
#ifndef LTD_TRAINER_ACCEPT_DEPTH_H
#define LTD_TRAINER_ACCEPT_DEPTH_H

#include <stdint.h>

#include "trainer/bench/run_prompt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Shares; NaN where there is nothing to divide by. */
typedef struct ltd_accept_depth {
    double verified; /* of all cycles: verified a node at depth d */
    double accepted; /* of all cycles: accepted one */
    double given;    /* of the cycles that accepted depth d - 1 (all, for d = 1): accepted d */
} ltd_accept_depth;

/* Both histograms are [LTD_RUN_ACCEPT].  The deepest d that any cycle verified or accepted; 0:
 * none. */
int32_t ltd_accept_depths(const uint32_t *accept_hist, const uint32_t *depth_hist);
/* d from 1 to what ltd_accept_depths() says. */
ltd_accept_depth ltd_accept_at(const uint32_t *accept_hist, const uint32_t *depth_hist, int32_t d);

#ifdef __cplusplus
}
#endif
#endif
