/* How far apart two words are, for messages that name what was meant.
 *
 *     ltd_edits("trian", "train") == 1 */
#ifndef LTD_BASE_EDITS_H
#define LTD_BASE_EDITS_H

#ifdef __cplusplus
extern "C" {
#endif

/* Fewest insertions, deletions, replacements of a byte and exchanges of two neighbours that make
 * `b` of `a`, none touched twice (Damerau, Levenshtein: optimal string alignment); both are cut at
 * 63 bytes. */
int ltd_edits(const char *a, const char *b);

#ifdef __cplusplus
}
#endif
#endif
