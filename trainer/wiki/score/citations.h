/* Do the sentences of an article say what the chunks say that they cite?  With a lexical stand-in
 * for the entailment model of the paper: never compare the figures with the paper's columns.
 *
 *     ltd_wiki_citations f;
 *     ltd_wiki_citations_score(article, given, chunk_words, &f, &err);
 *     printf("%.3f\n", f.lex[0].recall);
 *
 * Mark [k] means chunk number k of those given to the sentence's part of the article, the first is
 * 1; others (0 too) are invalid.  support(S, c): share of S's words that chunk c has, weighted by
 * idf, stop words left out.  phi(S, c) = 1 when support >= tau and every word of S with
 * a digit is in c.  A sentence cites a number once. Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_CITATIONS_H
#define LTD_TRAINER_WIKI_CITATIONS_H

#include "trainer/wiki/score/chunk_words.h"
#include "trainer/wiki/write/article.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The chunks that stood in the prompt of a part of the article, in their order. */
typedef struct ltd_wiki_given {
    const int32_t *chunk; /* [n] ids; borrowed */
    int32_t n;
} ltd_wiki_given;

enum { LTD_WIKI_TAUS = 2 };

/* At a threshold. */
typedef struct ltd_wiki_lex {
    double tau;
    double recall;    /* sentences that one of their chunks supports / sentences */
    double precision; /* mean over all sentences of supporting marks / marks, 0 without marks */
    double rate;      /* words of supported sentences / words of all sentences */
} ltd_wiki_lex;

typedef struct ltd_wiki_citations {
    ltd_wiki_lex lex[LTD_WIKI_TAUS]; /* tau .5, the default, and .7 */
    int32_t sentences;
    int32_t cited;          /* sentences with a mark */
    int32_t links, invalid; /* marks; those that mean no chunk */
    int32_t chunks_cited;   /* different ones */
    int32_t chunks_given;   /* different ones */
} ltd_wiki_citations;

/* The value that lex[i] is taken at. */
double ltd_wiki_citations_tau(int i);

/* given: one for each text that the article was parsed of.  Without sentences the figures of `lex`
 * are 0; where no part was given a chunk they are NAN.  LTD_EINVAL: a chunk that the event hasn't;
 * LTD_ENOMEM. */
int ltd_wiki_citations_score(const ltd_wiki_article *article, const ltd_wiki_given *given,
                             int32_t n_given, const ltd_wiki_chunk_words *words,
                             ltd_wiki_citations *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
