/* What every decision would have come to: at each position of a record, with lookup off and on and
 * after any number of draft forwards, where the nodes of the true continuation stand in the pool's
 * ranking.  The accepted length of each number of nodes follows, so that static settings and the
 * best possible schedule (oracle.h) cost no model and no tree.
 *
 *     ltd_outcomes *o;
 *     ltd_outcomes_new(&o, &trace, &cycle_options, &err);
 *     int32_t got = ltd_outcomes_len(o, text, position, true, 2, 8);
 *
 * Thread rule: immutable once made. */
#ifndef LTD_TRAINER_OUTCOMES_H
#define LTD_TRAINER_OUTCOMES_H

#include <stdbool.h>

#include "base/status.h"
#include "env/cycle.h"
#include "env/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_outcomes ltd_outcomes;

/* Through the cycle's own trees: options with trace, lookup on where it is to be known, max_size as
 * deep as sizes will be asked.  What ltd_cycle_* returns; LTD_ENOMEM.  *ret owned. */
int ltd_outcomes_new(ltd_outcomes **ret, const ltd_cycle_options *options, ltd_err *err);
void ltd_outcomes_free(ltd_outcomes *o);
const ltd_trace *ltd_outcomes_trace(const ltd_outcomes *o);

/* accept_len of a cycle at position i of a text that verifies the `size` best nodes.  Without
 * lookup in the options `lookup` changes nothing. */
int32_t ltd_outcomes_len(const ltd_outcomes *o, int32_t text, int32_t i, bool lookup,
                         int32_t forwards, int32_t size);
/* Nodes in the pool there. */
int32_t ltd_outcomes_pool(const ltd_outcomes *o, int32_t text, int32_t i, bool lookup,
                          int32_t forwards);

#ifdef __cplusplus
}
#endif
#endif
