/* An article as a model writes it, `==Section==` lines and sentences with marks `[k]`, taken apart.
 *
 *     ltd_wiki_article *a;
 *     ltd_wiki_article_parse(&a, texts, n, &err);      one text, or one a section
 *     for (int32_t i = 0; i < a->n_sentences; i++) use(&a->sentence[i]);
 *     ltd_wiki_article_free(a);
 *
 * A line break ends a sentence; so does one of .!? with white space and an ASCII capital, a digit
 * or a quotation mark behind it, but for abbreviations (ltd_wiki_is_abbreviation()).  A quotation
 * mark or bracket may stand between where a mark follows.  Marks attach to the sentence before
 * them, each number once; marks on a line of their own too.  A heading is `==X==` (any number of
 * '=', two at least) or `## X` at the front of a line; what follows `==X==` on its line is text.
 * Text before the first heading belongs to a section whose title is "".
 * Thread rule: immutable once parsed. */
#ifndef LTD_TRAINER_WIKI_ARTICLE_H
#define LTD_TRAINER_WIKI_ARTICLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_sentence {
    const char *text; /* without marks, trimmed; owned by the article */
    const int32_t
        *cites; /* [n_cites] numbers as written, 1 = the first chunk; may be out of range */
    int32_t n_cites;
    int32_t section; /* index */
    int32_t part;    /* which of the texts it stands in: whose chunks its marks mean */
} ltd_wiki_sentence;

typedef struct ltd_wiki_section {
    const char *title; /* trimmed, without marks; "": text before any heading */
    bool well_formed;  /* a line `==X==` as the task asks for, equally many '=' on both sides */
    int32_t first, n;  /* its sentences */
} ltd_wiki_section;

typedef struct ltd_wiki_article {
    ltd_wiki_section *section;   /* [n_sections] */
    ltd_wiki_sentence *sentence; /* [n_sentences] */
    int32_t n_sections, n_sentences;
    void *own_;
} ltd_wiki_article;

/* texts[n]; LTD_ENOMEM; LTD_EFORMAT beyond 1 GB.  *ret owned. */
int ltd_wiki_article_parse(ltd_wiki_article **ret, const char *const *texts, int32_t n,
                           ltd_err *err);
void ltd_wiki_article_free(ltd_wiki_article *article);

/* Append the text less ` *[k]` and the signs of headings (their words stay): what n-gram figures
 * are taken of. */
void ltd_wiki_article_plain(const char *text, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
