/* Prompt lookup: the continuation of the last place where the text's final n-gram occurred.
 * The draft source that costs nothing: no model, one hash a token.
 *
 *     ltd_lookup_append(lookup, ids, n_ids, &err);                   committed tokens
 *     int32_t match = ltd_lookup_find(lookup, next, tokens, 8, &n);
 *
 * Thread rule: one thread.  Source: prompt lookup decoding (A. Saxena 2023); the longest match and
 * the scores are ours. */
#ifndef LTD_ENV_LOOKUP_H
#define LTD_ENV_LOOKUP_H

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_LOOKUP_MAX_MATCH = 8 }; /* longer matches count as this */

typedef struct ltd_lookup ltd_lookup;

/* For texts up to `max_context` tokens; matches shorter than min_match [1, LTD_LOOKUP_MAX_MATCH]
 * don't count. */
int ltd_lookup_new(ltd_lookup **ret, int32_t max_context, int32_t min_match, ltd_err *err);
void ltd_lookup_free(ltd_lookup *lookup);

/* Forget the text. */
void ltd_lookup_reset(ltd_lookup *lookup);
/* Append tokens to the text.  LTD_EINVAL past max_context. */
int ltd_lookup_append(ltd_lookup *lookup, const int32_t *ids, int32_t n, ltd_err *err);

/* Continuation of (text + root), root being the next token, not yet in the text.  Finds the
 * longest suffix of length up to LTD_LOOKUP_MAX_MATCH that occurred before (the most recent place
 * on ties) and copies up to `max` tokens that followed it there; a continuation that runs into the
 * end of the text goes on through itself (a loop repeats). Returns the match length, 0 when there
 * is none; *n tokens in `tokens`. */
int32_t ltd_lookup_find(const ltd_lookup *lookup, int32_t root, int32_t *tokens, int32_t max,
                        int32_t *n);

/* Cumulative ln p of chain positions 1..n for a match of `match` tokens: score[0 .. n).  From a
 * table of acceptance rates, an estimate that no text has been measured for; non-increasing. */
void ltd_lookup_scores(int32_t match, float *score, int32_t n);

#ifdef __cplusplus
}
#endif
#endif
