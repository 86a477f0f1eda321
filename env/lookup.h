/* Prompt lookup: the continuation of the last place where the text's final n-gram occurred.
 * The draft source that costs nothing: no model, one hash a token.
 *
 *     ltd_lookup_append(lookup, ids, n_ids, &err);                   committed tokens
 *     ltd_match m = ltd_lookup_find(lookup, next, tokens, 8);
 *
 * Thread rule: one thread.  Source: prompt lookup decoding (A. Saxena 2023); the longest match is
 * ours. */
#ifndef LTD_ENV_LOOKUP_H
#define LTD_ENV_LOOKUP_H

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_LOOKUP_GRAM = 8, /* longest n-gram that is looked up; longer matches are found from there */
    LTD_LOOKUP_LONGEST = 64 /* longer matches count as this */
};

typedef struct ltd_lookup ltd_lookup;

/* For texts up to `max_context` tokens; matches shorter than min_match [1, LTD_LOOKUP_GRAM]
 * don't count. */
int ltd_lookup_new(ltd_lookup **ret, int32_t max_context, int32_t min_match, ltd_err *err);
void ltd_lookup_free(ltd_lookup *lookup);

/* Forget the text. */
void ltd_lookup_reset(ltd_lookup *lookup);
/* Append tokens to the text.  LTD_EINVAL past max_context. */
int ltd_lookup_append(ltd_lookup *lookup, const int32_t *ids, int32_t n, ltd_err *err);

/* What was found: an earlier occurrence of the text's end. */
typedef struct ltd_match {
    int32_t length;   /* tokens that agree, root included, up to LTD_LOOKUP_LONGEST; 0 = none */
    int32_t distance; /* how far back it ends */
    int32_t n;        /* tokens given */
} ltd_match;

/* Continuation of (text + root), root being the next token, not yet in the text.  Finds the
 * longest suffix of length up to LTD_LOOKUP_GRAM that occurred before (the most recent place on
 * ties), sees how much longer it is there, and copies up to `max` tokens that followed it; a
 * continuation that runs into the end of the text goes on through itself (a loop repeats). */
ltd_match ltd_lookup_find(const ltd_lookup *lookup, int32_t root, int32_t *tokens, int32_t max);

#ifdef __cplusplus
}
#endif
#endif
