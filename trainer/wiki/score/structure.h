/* What an article is made of, and how much of it is said twice: loops are the commonest fault of
 * small models.
 *
 *     ltd_wiki_structure f;
 *     ltd_wiki_structure_score(article, plain, plain_len, &f, &err);
 *
 * Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_STRUCTURE_H
#define LTD_TRAINER_WIKI_STRUCTURE_H

#include "trainer/wiki/write/article.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_structure {
    int32_t sections;    /* with a title */
    int32_t well_formed; /* headings `==X==` */
    int32_t duplicates;  /* titles that stood before, in any case */
    int32_t empty;       /* sections with a title and no sentence */
    int32_t sentences;
    double words_per_section; /* of its sentences, mean over sections with a title; NAN without */
    int32_t repeated_run;     /* most 8-grams in a row that stood before; words are [a-z0-9]+ */
    double distinct4;         /* different 4-grams / 4-grams; NAN below 4 words */
} ltd_wiki_structure;

/* plain: of the article's texts, by ltd_wiki_article_plain().  LTD_ENOMEM, LTD_EFORMAT. */
int ltd_wiki_structure_score(const ltd_wiki_article *article, const char *plain, size_t len,
                             ltd_wiki_structure *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
