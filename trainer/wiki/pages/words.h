/* Words of a text in the three ways that WikiGenBench's figures need them, and what a word is
 * worth.
 *
 *     ltd_words w;
 *     ltd_words_split(&w, LTD_WORDS_STD, text, len, &err);
 *     for (int32_t i = 0; i < w.n; i++) use(ltd_words_at(&w, i), w.len[i]);
 *     ltd_words_fini(&w);
 *
 * Thread rule: plain data. */
#ifndef LTD_TRAINER_WIKI_WORDS_H
#define LTD_TRAINER_WIKI_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_words_kind {
    LTD_WORDS_STD,   /* maximal runs of [a-z0-9] of the lower-cased text, as rouge-score has them */
    LTD_WORDS_WS,    /* whatever stands between white space, case kept */
    LTD_WORDS_LOWER, /* the same, lower-cased */
    LTD_WORDS_PLAIN /* the same, less all but [a-z0-9]: "semi-final" is "semifinal".  Words of which
                       nothing is left stay, empty */
} ltd_words_kind;

/* Words one after the other, each with a NUL behind it. */
typedef struct ltd_words {
    char *bytes;          /* owned */
    int32_t *start, *len; /* [n] owned: byte offsets and lengths */
    int32_t n;
} ltd_words;

/* White space and case are Unicode's, as Python's str.split() and str.lower() have them (but for a
 * sigma at the end of a word, which is lowered like any other); a byte that is no UTF-8 counts as a
 * letter of its own.  *ret owned: ltd_words_fini().  LTD_ENOMEM; LTD_EFORMAT beyond 1 GB. */
int ltd_words_split(ltd_words *ret, ltd_words_kind kind, const char *text, size_t len,
                    ltd_err *err);
/* Legal on zeroed words, and twice. */
void ltd_words_fini(ltd_words *words);
/* Borrowed; w.len[i] bytes and a NUL. */
const char *ltd_words_at(const ltd_words *words, int32_t i);

/* Numbers for words: equal words, equal numbers, counted from 0 in order of appearance. */
typedef struct ltd_word_ids ltd_word_ids;
int ltd_word_ids_new(ltd_word_ids **ret, ltd_err *err);
void ltd_word_ids_free(ltd_word_ids *ids);
/* The number of a word, new when it has none; LTD_ENOMEM. */
int ltd_word_ids_put(ltd_word_ids *ids, const char *word, int32_t len, ltd_err *err);
/* -1: it has none. */
int32_t ltd_word_ids_find(const ltd_word_ids *ids, const char *word, int32_t len);
int32_t ltd_word_ids_count(const ltd_word_ids *ids);

/* One of the English words that carry no content ("the", "of"); lower case. */
bool ltd_word_is_stop(const char *word, int32_t len);

#ifdef __cplusplus
}
#endif
#endif
