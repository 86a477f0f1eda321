/* Which chunks answer a query: BM25 (Okapi) or the cosine of TF-IDF vectors.
 *
 *     ltd_wiki_ranker *r;
 *     ltd_wiki_ranker_new(&r, LTD_WIKI_BM25, chunks, &err);
 *     ltd_wiki_rank(r, "2023 USFL season", 5, hits, &n, &err);
 *     ltd_wiki_ranker_free(r);
 *
 * BM25: k1 1.5, b 0.75, idf(w) = ln((N - n + .5) / (n + .5)), a negative one is .25 of the mean idf
 * (the defaults of Python's rank_bm25).  TF-IDF: times in the chunk * (ln((N + 1) / (n + 1)) + 1).
 * Words are those of LTD_WORDS_STD; one that stands twice in the query counts twice.  Equal scores:
 * lower chunk id first.
 * Thread rule: immutable once made. */
#ifndef LTD_TRAINER_WIKI_RANK_H
#define LTD_TRAINER_WIKI_RANK_H

#include "trainer/wiki/pages/chunks.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_wiki_ranking { LTD_WIKI_BM25, LTD_WIKI_TFIDF } ltd_wiki_ranking;

typedef struct ltd_wiki_hit {
    int32_t chunk;
    double score;
} ltd_wiki_hit;

typedef struct ltd_wiki_ranker ltd_wiki_ranker;

/* LTD_ENOMEM.  *ret owned; the chunks are borrowed. */
int ltd_wiki_ranker_new(ltd_wiki_ranker **ret, ltd_wiki_ranking kind, const ltd_wiki_chunks *chunks,
                        ltd_err *err);
void ltd_wiki_ranker_free(ltd_wiki_ranker *ranker);
/* The best `most` chunks, best first, into hits[most]; *n of them (fewer when there are fewer).
 * LTD_ENOMEM. */
int ltd_wiki_rank(const ltd_wiki_ranker *ranker, const char *query, int32_t most,
                  ltd_wiki_hit *hits, int32_t *n, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
