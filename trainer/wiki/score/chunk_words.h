/* The words of each chunk of an event as a set, and what a word is worth among them.
 *
 *     ltd_wiki_chunk_words *c;
 *     ltd_wiki_chunk_words_new(&c, chunks, &err);
 *     if (ltd_wiki_chunk_has(c, 3, ltd_wiki_chunk_word(c, "grey", 4))) ...
 *     ltd_wiki_chunk_words_free(c);
 *
 * A set holds the words of the chunk less all but [a-z0-9] ("semi-final" is "semifinal": pages that
 * people cited lost their punctuation), its runs of [a-z0-9] ("semi", "final"), and both without an
 * s at their end, so that "crew" is in a chunk of "crews".  idf(w) = ln(1 + N / df) over the N
 * chunks' sets.
 * Thread rule: immutable once made; needs the chunks no more. */
#ifndef LTD_TRAINER_WIKI_CHUNK_WORDS_H
#define LTD_TRAINER_WIKI_CHUNK_WORDS_H

#include "trainer/wiki/pages/chunks.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_chunk_words ltd_wiki_chunk_words;

/* LTD_ENOMEM, LTD_EFORMAT.  *ret owned. */
int ltd_wiki_chunk_words_new(ltd_wiki_chunk_words **ret, const ltd_wiki_chunks *chunks,
                             ltd_err *err);
void ltd_wiki_chunk_words_free(ltd_wiki_chunk_words *words);
int32_t ltd_wiki_chunk_words_count(const ltd_wiki_chunk_words *words); /* chunks */

/* Number of a word as LTD_WORDS_PLAIN or LTD_WORDS_STD gives it; -1: no chunk has it. */
int32_t ltd_wiki_chunk_word(const ltd_wiki_chunk_words *words, const char *word, int32_t len);
/* Is word number w (-1: never) in a chunk, 0 <= chunk < count? */
bool ltd_wiki_chunk_has(const ltd_wiki_chunk_words *words, int32_t chunk, int32_t w);
/* A word that no chunk has (-1) counts as one that one of them has. */
double ltd_wiki_chunk_idf(const ltd_wiki_chunk_words *words, int32_t w);

#ifdef __cplusplus
}
#endif
#endif
