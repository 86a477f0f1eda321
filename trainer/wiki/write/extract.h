/* Articles without a model: the best sentences of the best chunks, each with its mark.  They are
 * the floor that a written article should beat, and exercise every figure.
 *
 *     const char *plan[LTD_WIKI_PLAN];
 *     int32_t n = ltd_wiki_reference_plan(event, plan, LTD_WIKI_PLAN);
 *     ltd_wiki_extract e;
 *     ltd_wiki_extract_prr(&e, ranker, chunks, plan, n, &err);
 *     ... e.text, e.chunk[mark - 1] ...
 *     ltd_wiki_extract_fini(&e);
 *
 * Sentences have 6 to 45 words.  A chunk that has none (the editors' pages come without
 * punctuation) gives its first 66 words in pieces of 22.  What counts is how many different words
 * of the query a sentence has; equal ones stay in the order of chunks and text.  Nothing is left
 * out for standing twice. Thread rule: plain data. */
#ifndef LTD_TRAINER_WIKI_EXTRACT_H
#define LTD_TRAINER_WIKI_EXTRACT_H

#include "trainer/wiki/pages/rank.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_WIKI_PLAN = 10 }; /* most sections of an article */

typedef struct ltd_wiki_extract {
    char *text;     /* owned: "==Introduction==\nA sentence.[1] ..." */
    int32_t *chunk; /* [n_chunks] owned: mark k stands for chunk[k - 1] */
    int32_t n_chunks;
} ltd_wiki_extract;

/* "Introduction" and the headings of the reference article, back matter and repetitions left out;
 * gives their number, at most `most` (1 or more).  Borrowed from the event. */
int32_t ltd_wiki_reference_plan(const ltd_wiki_event *event, const char **sections, int32_t most);

/* extract-RR: one section; for each of the 5 chunks that answer the title best, in that order, a
 * line of its 4 best sentences.  All the chunks are in ret->chunk.  *ret owned; LTD_ENOMEM. */
int ltd_wiki_extract_rr(ltd_wiki_extract *ret, const ltd_wiki_ranker *ranker,
                        const ltd_wiki_chunks *chunks, ltd_err *err);
/* extract-PRR: the sections of a plan; in each the 5 best sentences out of the 5 chunks that answer
 * "<section> of <title>" best, by shared words / (1 + ln(1 + all words)).  Marks are numbered over
 * the article in order of appearance; chunks without one are not in ret->chunk.  *ret owned;
 * LTD_ENOMEM. */
int ltd_wiki_extract_prr(ltd_wiki_extract *ret, const ltd_wiki_ranker *ranker,
                         const ltd_wiki_chunks *chunks, const char *const *sections,
                         int32_t n_sections, ltd_err *err);
void ltd_wiki_extract_fini(ltd_wiki_extract *extract);

#ifdef __cplusplus
}
#endif
#endif
