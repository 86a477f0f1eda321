/* Which facts of an event an article has: values of the infobox, numbers and names of the
 * reference; and which of the reference's words the chosen chunks could have told it.
 *
 *     ltd_wiki_facts *facts;
 *     ltd_wiki_facts_new(&facts, event, &err);                     once an event
 *     ltd_wiki_coverage f;
 *     ltd_wiki_facts_score(facts, text, len, plain, plain_len, &f, &err);
 *     ltd_wiki_facts_free(facts);
 *
 * A value of the infobox is there when the article has 80 % or more of its runs of [a-z0-9], stop
 * words left out; values of which nothing is left don't count.  Numbers of marks count as words of
 * the article for this one figure, as the values that it is compared with have it.
 * A number is digits with ',' or '.' between them, which are deleted ("1,200" is 1200, as in
 * pages). A name is a run of words of one sentence that begin with a capital, up to the first with
 * a mark of punctuation but '.' behind it or with 's; stop words at its front are no part of it,
 * and one word at the front of a sentence is none.  It is there when the article has its words,
 * less all but [a-z0-9], one after the other. Thread rule: the facts are immutable, several threads
 * may score against them. */
#ifndef LTD_TRAINER_WIKI_COVERAGE_H
#define LTD_TRAINER_WIKI_COVERAGE_H

#include "trainer/wiki/pages/event.h"
#include "trainer/wiki/score/chunk_words.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Shares of different ones; NAN where the event has none. */
typedef struct ltd_wiki_coverage {
    double infobox, numbers, names;
} ltd_wiki_coverage;

typedef struct ltd_wiki_facts ltd_wiki_facts;

/* LTD_ENOMEM, LTD_EFORMAT.  *ret owned; needs the event no more. */
int ltd_wiki_facts_new(ltd_wiki_facts **ret, const ltd_wiki_event *event, ltd_err *err);
void ltd_wiki_facts_free(ltd_wiki_facts *facts);
/* written: the article with its marks; plain: by ltd_wiki_article_plain(). */
int ltd_wiki_facts_score(const ltd_wiki_facts *facts, const char *written, size_t written_len,
                         const char *plain, size_t plain_len, ltd_wiki_coverage *ret, ltd_err *err);

/* Share of the reference's different content words, less all but [a-z0-9], that one of the chunks
 * (chosen[chunk], for each of the event) has; NAN where the reference has none. */
double ltd_wiki_facts_in_chunks(const ltd_wiki_facts *facts, const ltd_wiki_chunk_words *words,
                                const bool *chosen);

#ifdef __cplusplus
}
#endif
#endif
