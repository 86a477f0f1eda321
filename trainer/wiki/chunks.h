/* Pages of an event, less the rubbish, cut into pieces that a prompt has room for.
 *
 *     ltd_wiki_chunks *c;
 *     ltd_wiki_chunks_new(&c, event, &(ltd_wiki_chunking){.words = 256, .bytes = 2048}, &err);
 *     ... c->chunk[i].text ...
 *     ltd_wiki_chunks_free(c);                    before the event
 *
 * A page is rubbish with fewer than 50 words, or more than 2 % control characters and U+FFFD.
 * Characters beyond ASCII are deleted, white space becomes what separates words.
 * Thread rule: immutable once made. */
#ifndef LTD_TRAINER_WIKI_CHUNKS_H
#define LTD_TRAINER_WIKI_CHUNKS_H

#include "trainer/wiki/event.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_wiki_sources { /* which pages */
                                LTD_WIKI_MIXED,
                                LTD_WIKI_HUMAN,
                                LTD_WIKI_SEARCH
} ltd_wiki_sources;

typedef struct ltd_wiki_chunking {
    int32_t words; /* words a chunk, > 0 */
    int32_t bytes; /* bytes a chunk, > 0: pages without spaces */
    ltd_wiki_sources sources;
} ltd_wiki_chunking;

typedef struct ltd_wiki_chunk {
    int32_t id;       /* 0, 1, ... over the event */
    int32_t doc;      /* page it is cut from, event->pages[doc] */
    const char *text; /* ASCII, owned by the list */
    int32_t words;
} ltd_wiki_chunk;

typedef struct ltd_wiki_chunks {
    const ltd_wiki_event *event; /* borrowed */
    ltd_wiki_chunk *chunk;       /* [n] owned */
    int32_t n;
    int32_t usable; /* pages that are no rubbish, of the wanted sources */
    char *bytes_;   /* behind the texts */
} ltd_wiki_chunks;

/* May give 0 chunks.  LTD_ENOMEM.  *ret owned. */
int ltd_wiki_chunks_new(ltd_wiki_chunks **ret, const ltd_wiki_event *event,
                        const ltd_wiki_chunking *options, ltd_err *err);
void ltd_wiki_chunks_free(ltd_wiki_chunks *chunks);

#ifdef __cplusplus
}
#endif
#endif
