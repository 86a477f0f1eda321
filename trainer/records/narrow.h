/* Records of a narrower beam, taken from those of a wider one.
 *
 *     ltd_trace chain;
 *     ltd_narrowed told;
 *     ltd_trace_narrow(&chain, &recorded, 1, &told, &err);
 *     ... ltd_cycle_options.trace = &chain, .top_k = 1 ...
 *     ltd_trace_fini(&chain);
 *
 * A narrow beam's node has the children that were recorded for it, as long as it was in the wide
 * beam, too.  It mostly is; where it isn't, nobody knows what the head would have proposed below
 * it: no token (-1, at ln p = -inf), so that nothing is accepted there.  A chain (1) thus accepts
 * as much as the head's own would have, or less; a tree's beam may take other nodes in their place.
 * Pure function. */
#ifndef LTD_TRAINER_NARROW_H
#define LTD_TRAINER_NARROW_H

#include "base/status.h"
#include "env/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_narrowed {
    int64_t positions;
    int64_t in_doubt; /* of them, where a node of the true continuation has unknown children */
} ltd_narrowed;

/* top_k: 1 to that of `wide`.  *ret is zeroed first and owned: ltd_trace_fini().  LTD_EINVAL,
 * LTD_ENOMEM. */
int ltd_trace_narrow(ltd_trace *ret, const ltd_trace *wide, int32_t top_k, ltd_narrowed *told,
                     ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
