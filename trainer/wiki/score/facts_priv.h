/* Numbers and names of a reference article, as groups of words.  For coverage.c. */
#ifndef LTD_TRAINER_WIKI_FACTS_PRIV_H
#define LTD_TRAINER_WIKI_FACTS_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "trainer/wiki/pages/words.h"

/* Groups of words: group i is word[first[i]] ... word[first[i + 1] - 1]. */
typedef struct ltd_wiki_groups {
    int32_t *first; /* [n + 1], NULL while there is none */
    int32_t *word;  /* numbers of a table of words */
    size_t n, first_room, word_room;
} ltd_wiki_groups;

/* Begin a group; the one before is complete.  LTD_ENOMEM. */
int ltd_wiki_groups_open(ltd_wiki_groups *g, ltd_err *err);
/* Append a word to the last group. */
int ltd_wiki_groups_put(ltd_wiki_groups *g, ltd_word_ids *ids, const char *word, int32_t len,
                        ltd_err *err);
/* Take the last group back. */
void ltd_wiki_groups_drop(ltd_wiki_groups *g);
int32_t ltd_wiki_groups_len(const ltd_wiki_groups *g, size_t i);
void ltd_wiki_groups_fini(ltd_wiki_groups *g);

/* Different numbers and names of a text, as coverage.h has them, in order of appearance. */
int ltd_wiki_find_facts(const char *text, ltd_word_ids *ids, ltd_wiki_groups *numbers,
                        ltd_wiki_groups *names, ltd_err *err);

#endif
