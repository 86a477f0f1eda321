/* How much of a reference article's wording a text has: ROUGE, BLEU and METEOR.
 *
 *     ltd_wiki_wording *ref;
 *     ltd_wiki_wording_new(&ref, reference, reference_len, &err);      once an event
 *     ltd_wiki_ngram f;
 *     ltd_wiki_wording_score(ref, text, len, &f, &err);
 *     ltd_wiki_wording_free(ref);
 *
 * Texts are plain: ltd_wiki_article_plain().  rouge1, rouge2, rougeL: words are runs of [a-z0-9];
 * clipped n-grams, longest common subsequence.  rougeL_coco, bleu1, bleu4: words stand between
 * white space, case counts; F with beta 1.2; no smoothing, brevity penalty exp(1 - |ref| / |text|).
 * meteor_exact: the same words in lower case, equal ones only, aligned greedily from the end,
 * NLTK's constants (.9, .1, .5, 3).  An empty text or reference scores 0. Thread rule: the
 * reference is immutable, several threads may score against it. */
#ifndef LTD_TRAINER_WIKI_NGRAM_H
#define LTD_TRAINER_WIKI_NGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_prf {
    double p, r, f; /* precision, recall, their harmonic mean */
} ltd_wiki_prf;

typedef struct ltd_wiki_ngram {
    ltd_wiki_prf rouge1, rouge2, rougeL;
    double rougeL_coco, bleu1, bleu4, meteor_exact;
    int32_t words; /* of the text, between white space */
} ltd_wiki_ngram;

/* A reference, its words numbered. */
typedef struct ltd_wiki_wording ltd_wiki_wording;

/* LTD_ENOMEM; LTD_EFORMAT: a text too long for ltd_words_split().  *ret owned. */
int ltd_wiki_wording_new(ltd_wiki_wording **ret, const char *text, size_t len, ltd_err *err);
void ltd_wiki_wording_free(ltd_wiki_wording *wording);
/* Words of the reference between white space. */
int32_t ltd_wiki_wording_words(const ltd_wiki_wording *wording);
/* The same errors. */
int ltd_wiki_wording_score(const ltd_wiki_wording *ref, const char *text, size_t len,
                           ltd_wiki_ngram *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
