/* What a judge, a large language model, is asked about one article: the figures that no count of
 * words can stand in for.  Knows neither how it is asked nor what it answers.
 *
 *     ltd_wiki_requests asked = LTD_WIKI_REQUESTS_INIT;
 *     ltd_wiki_judging what = {.event = event, .method = "rr", .article = article,
 *                              .part = parts, .n_parts = 1};
 *     ltd_wiki_judge_ask(&asked, &what, &err);
 *     for (size_t i = 0; i < asked.n; i++) use(&asked.list[i]);
 *     ltd_wiki_requests_fini(&asked);
 *
 * An article is asked about once in each kind, and in `nli` once for every sentence and chunk that
 * it cites.  Marks of no chunk, 0 or beyond the last, are asked about by nobody: they support
 * nothing.
 * Thread rule: plain data. */
#ifndef LTD_TRAINER_WIKI_JUDGE_H
#define LTD_TRAINER_WIKI_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "trainer/wiki/pages/event.h"
#include "trainer/wiki/write/article.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_wiki_judge_kind {
    LTD_WIKI_NLI,          /* does the chunk support the sentence? 0, 1 */
    LTD_WIKI_FLUENCY_INFO, /* three grades 0 to 5: fluency, information, faithfulness */
    LTD_WIKI_OUTLINE,      /* 0 to 5, of title and headings alone */
    LTD_WIKI_ORGANIZATION, /* 1 to 5, as are the next two */
    LTD_WIKI_FOCUS,
    LTD_WIKI_COVERAGE,
    LTD_WIKI_JUDGE_KINDS
} ltd_wiki_judge_kind;

enum { LTD_WIKI_JUDGE_GRADES = 3 }; /* numbers of a reply, at most */

typedef struct ltd_wiki_judge_scale {
    const char *name;     /* "nli", "fluency_info", ...; static storage */
    int32_t n;            /* numbers of a reply */
    int32_t lowest, most; /* each of them */
} ltd_wiki_judge_scale;

const ltd_wiki_judge_scale *ltd_wiki_judge_scale_of(ltd_wiki_judge_kind kind);
/* By its name; -1: none is called so. */
int ltd_wiki_judge_kind_of(const char *name);

/* All of it owned by the list. */
typedef struct ltd_wiki_request {
    char *id;     /* <event>/<method>/<kind>/1; of nli <event>/<method>/nli/<sentence, from
                     1>/<number of the mark> */
    char *event;  /* its id in digits */
    char *method; /* "rr" */
    ltd_wiki_judge_kind kind;
    char *premise, *hypothesis; /* nli: chunk and sentence; else NULL */
    char *system, *user;        /* else; of nli NULL */
} ltd_wiki_request;

typedef struct ltd_wiki_requests {
    ltd_wiki_request *list; /* [n] owned */
    size_t n, room;
} ltd_wiki_requests;

/* clang-format off */
#define LTD_WIKI_REQUESTS_INIT {0, 0, 0}
/* clang-format on */

/* Chunks that the marks of a part mean, in their order: mark [1] is chunk[0]. */
typedef struct ltd_wiki_part {
    const char *const *chunk; /* [n] */
    int32_t n;
} ltd_wiki_part;

/* One article to judge; all of it borrowed. */
typedef struct ltd_wiki_judging {
    const ltd_wiki_event *event; /* id and key are used */
    const char *method;          /* names the row; no '/' in it */
    const ltd_wiki_article *article;
    const ltd_wiki_part *part; /* [n_parts] as many as texts were parsed; a sentence of a part
                                  beyond them cites nothing */
    int32_t n_parts;
} ltd_wiki_judging;

/* Append what is to be asked about an article, without sentences too.  LTD_EINVAL: method;
 * LTD_ENOMEM; the list is then as it was. */
int ltd_wiki_judge_ask(ltd_wiki_requests *requests, const ltd_wiki_judging *judging, ltd_err *err);
void ltd_wiki_requests_fini(ltd_wiki_requests *requests);
/* Drop all but the first n. */
void ltd_wiki_requests_cut(ltd_wiki_requests *requests, size_t n);

/* Append a request, its strings copied (NULL stays NULL).  LTD_ENOMEM. */
int ltd_wiki_requests_add(ltd_wiki_requests *requests, const ltd_wiki_request *request,
                          ltd_err *err);

/* The chunk that mark i of a sentence means; NULL: none. */
const char *ltd_wiki_cited(const ltd_wiki_judging *judging, const ltd_wiki_sentence *sentence,
                           int32_t i);
/* Does an earlier mark of the sentence mean the same as mark i? */
bool ltd_wiki_cited_before(const ltd_wiki_sentence *sentence, int32_t i);
/* Put the id of a request into *ret, which is emptied first; sentence (from 0) and mark matter to
 * nli alone. */
void ltd_wiki_judge_id(ltd_str *ret, const ltd_wiki_judging *judging, ltd_wiki_judge_kind kind,
                       int32_t sentence, int32_t mark);

#ifdef __cplusplus
}
#endif
#endif
