/* Which decisions of a cycle are questions, and what may be answered: the rules that an environment
 * and an exported policy share.
 *
 * Pure functions, no allocation: exports carry this code. */
#ifndef LTD_ENV_TURNS_H
#define LTD_ENV_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Is "one more draft forward?" a question after `forwards` of them?  After min_forwards, and then
 * after every `every` (0 counts as 1); what lies between is drafted unasked. */
bool ltd_turns_asked(int32_t forwards, int32_t min_forwards, int32_t every);

/* Which of the ascending sizes[n] may be verified of a pool of so many nodes: those that it can
 * fill, and the first that takes all of it.
 *   mask   [n] 1 = legal
 *   *only  index of the last legal one
 * Returns how many are legal. */
int32_t ltd_turns_sizes(const int32_t *sizes, int32_t n, int32_t pool, uint8_t *mask,
                        int32_t *only);

/* A wish as one of the legal sizes: the largest that is not above it, else the smallest. */
int32_t ltd_turns_nearest(const int32_t *sizes, int32_t n, const uint8_t *mask, int32_t size);

#ifdef __cplusplus
}
#endif
#endif
