/* Does an article have the headings that people gave the event's article?
 *
 *     ltd_wiki_outline f;
 *     ltd_wiki_outline_score(event->outline, event->n_outline, titles, n, &f, &err);
 *
 * Titles are compared as their runs of [a-z0-9], one blank between; those of which nothing is left
 * and those that list sources (ltd_wiki_is_back_matter()) don't count.  Soft figures: the
 * similarity of two titles is the cosine of the counts of their character trigrams, of "  title ";
 * the size of a set is the sum over its titles of 1 / (sum of similarities to all of them, itself
 * included); recall = (size(R) + size(G) - size(R and G together)) / size(R), precision by size(G),
 * both clamped to [0, 1]. Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_OUTLINE_H
#define LTD_TRAINER_WIKI_OUTLINE_H

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of an article that repeats itself: more different titles than these are left out. */
enum { LTD_WIKI_MOST_TITLES = 256 };

typedef struct ltd_wiki_outline {
    double exact_recall; /* different titles of the reference that the text has too */
    double soft_recall, soft_precision;
} ltd_wiki_outline;

/* ref: of the reference.  All NAN where the reference has no title that counts; 0 where only the
 * text has none.  LTD_ENOMEM, LTD_EFORMAT. */
int ltd_wiki_outline_score(const char *const *ref, int32_t n_ref, const char *const *titles,
                           int32_t n, ltd_wiki_outline *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
