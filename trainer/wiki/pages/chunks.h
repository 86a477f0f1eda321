/* Pages of an event, less the rubbish, cut into pieces that a prompt has room for.
 *
 *     ltd_wiki_chunks *c;
 *     ltd_wiki_chunks_new(&c, event, &(ltd_wiki_chunking){256, 2048, .ascii = true}, &err);
 *     ... c->chunk[i].text ...
 *     ltd_wiki_chunks_free(c);                    before the event
 *
 * A page is rubbish with fewer than 50 words, or more than 2 % control characters and U+FFFD.
 * A chunk is words of one page with a blank between two of them.
 * Thread rule: immutable once made. */
#ifndef LTD_TRAINER_WIKI_CHUNKS_H
#define LTD_TRAINER_WIKI_CHUNKS_H

#include "trainer/wiki/pages/event.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which pages. */
typedef enum ltd_wiki_sources { LTD_WIKI_MIXED, LTD_WIKI_HUMAN, LTD_WIKI_SEARCH } ltd_wiki_sources;

typedef struct ltd_wiki_chunking {
    int32_t words; /* most a chunk, > 0 */
    int32_t bytes; /* most a chunk, 0: no bound.  Longer words are cut */
    ltd_wiki_sources sources;
    /* Leave out control characters and all that is no ASCII, as a prompt has it; without it a NUL
     * becomes U+FFFD and the rest stays. */
    bool ascii;
} ltd_wiki_chunking;

typedef struct ltd_wiki_chunk {
    int32_t id;       /* 0, 1, ... over the event */
    int32_t doc;      /* page it is cut from, event->pages[doc] */
    const char *text; /* owned by the list */
    int32_t words;
} ltd_wiki_chunk;

typedef struct ltd_wiki_chunks {
    const ltd_wiki_event *event; /* borrowed */
    ltd_wiki_chunk *chunk;       /* [n] owned */
    int32_t n;
    int32_t usable; /* pages that are no rubbish, of the wanted sources */
    char *bytes_;   /* behind the texts */
} ltd_wiki_chunks;

/* May give 0 chunks.  LTD_EINVAL: a size that can't be; LTD_ENOMEM; LTD_EFORMAT: a page beyond 1
 * GB. *ret owned; the event must outlive it. */
int ltd_wiki_chunks_new(ltd_wiki_chunks **ret, const ltd_wiki_event *event,
                        const ltd_wiki_chunking *options, ltd_err *err);
void ltd_wiki_chunks_free(ltd_wiki_chunks *chunks);

#ifdef __cplusplus
}
#endif
#endif
