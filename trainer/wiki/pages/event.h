/* An event of WikiGenBench: a Wikipedia article about something that happened, and the web pages
 * that could be known when it was written.
 *
 *     ltd_wiki_event *e;
 *     if (ltd_wiki_event_load(&e, "data-root", 71284256, &err) < 0) ...
 *     printf("%s: %d pages\n", e->key, e->n_pages);
 *     ltd_wiki_event_free(e);
 *
 * Reads <root>/data/wiki/<id>.json and, where there is one, <root>/data/google/<id>.json, in the
 * layout of https://github.com/zhzihao/WikiGenBench.  Texts come from the web: they hold NUL, lone
 * surrogates (read as U+FFFD), binary rubbish, and are megabytes long.  Fields that nobody uses
 * (summary, contents, unikey, source) may be anything.
 * Thread rule: immutable once loaded. */
#ifndef LTD_TRAINER_WIKI_EVENT_H
#define LTD_TRAINER_WIKI_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_page {
    bool human; /* cited by the article's editors; else found by a search engine */
    const char *title, *url;
    const char *text; /* [len], may hold NUL; a NUL behind it */
    size_t len;
} ltd_wiki_page;

typedef struct ltd_wiki_fact { /* a line of the infobox */
    const char *name, *value;
} ltd_wiki_fact;

/* All of it owned by the event. */
typedef struct ltd_wiki_event {
    int64_t id;
    const char *key; /* title, not "": all that the task is told */
    const char *url;
    const char *text; /* the reference article, plain; headings are bare lines; may be "" */
    size_t text_len;
    const char *const *outline; /* [n_outline] headings as people write them ('_' is ' ' here),
                                   References and the like included */
    int32_t n_outline;
    const ltd_wiki_fact *facts; /* [n_facts] */
    int32_t n_facts;
    const ltd_wiki_page *pages; /* [n_pages] human ones first, each half in the file's order */
    int32_t n_pages, n_human;
    bool searched;                 /* there is a google half */
    size_t wiki_size, google_size; /* bytes of the halves */
} ltd_wiki_event;

/* LTD_EIO: no wiki half; LTD_EFORMAT: what is wrong, where ("path: key 'info_kv': missing, expected
 * object"), or the file is another event's.  A missing google half is none.  *ret owned. */
int ltd_wiki_event_load(ltd_wiki_event **ret, const char *root, int64_t id, ltd_err *err);
/* The same from bytes; `google` NULL: there is none; `name` opens messages. */
int ltd_wiki_event_parse(ltd_wiki_event **ret, const char *name, const void *wiki, size_t wiki_size,
                         const void *google, size_t google_size, ltd_err *err);
void ltd_wiki_event_free(ltd_wiki_event *event);

/* Ids of <root>/data/wiki, ascending: *ret [*n] owned: free().  LTD_EIO when there are none. */
int ltd_wiki_event_ids(int64_t **ret, int32_t *n, const char *root, ltd_err *err);

/* Is it a section that lists sources or links (References, See also, Gallery, ...)?  Any case. */
bool ltd_wiki_is_back_matter(const char *heading);

#ifdef __cplusplus
}
#endif
#endif
