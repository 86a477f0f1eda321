/* Where a sentence ends in running text, and which words end in a point without ending one.
 *
 *     for (size_t i = 0, next, end; i < len; i = next) {
 *         next = ltd_wiki_sentence_next(text, i, len, &end);
 *         use(text + i, end - i);
 *     }
 *
 * Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_SENTENCE_H
#define LTD_TRAINER_WIKI_SENTENCE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The sentence that begins at text[from] ends before *end; gives where the next one begins, len
 * when it is the last.  A sentence ends in '.', '!' or '?' with white space and one of [A-Z0-9"'(]
 * behind it, unless the point belongs to an abbreviation. */
size_t ltd_wiki_sentence_next(const char *text, size_t from, size_t len, size_t *end);

/* Is it "Mr", "U.S", "Dec", an initial?  Without its last point, with what opens it ("(Mr"). */
bool ltd_wiki_is_abbreviation(const char *word, size_t len);

#ifdef __cplusplus
}
#endif
#endif
