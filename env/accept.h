/* Which drafted tokens the target agrees with. */
#ifndef LTD_ENV_ACCEPT_H
#define LTD_ENV_ACCEPT_H

#include <stdint.h>

#include "env/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Greedy acceptance: from the root go to the child whose token is the target's argmax there, until
 * there is none.
 *   selection   nodes that were verified
 *   argmax      [selection->n] the target's best token at each node
 *   path        [selection->n] receives the entries accepted, root first
 *   *next       the target's token after the last accepted node: root of the next cycle
 * Returns the number of entries in path = accept_len L_A, 1 (the root alone) or more.
 * Source: EAGLE evaluate_posterior at T = 0, stated as a walk. */
int32_t ltd_accept_greedy(const ltd_selection *selection, const int32_t *argmax, int32_t *path,
                          int32_t *next);

#ifdef __cplusplus
}
#endif
#endif
