/* Articles of many events, one file each, so that a run can be stopped and gone on with.
 *
 *     ltd_wiki_run_options o = {.made = made, .out = out, .ids = ids, .author = author};
 *     ltd_wiki_run(&o, &summary, &err);
 *
 *     - out/run.json: what the run was made with; another one is refused
 *     - out/articles/ID.json: calls, tokens, text (docs/formats.md); until it is complete it has
 * the calls so far
 *     - out/articles/ID.md, ID.wiki: for readers
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_WIKI_RUN_H
#define LTD_TRAINER_WIKI_RUN_H

#include "trainer/bench/run_prompt.h"
#include "trainer/wiki/pages/split.h"
#include "trainer/wiki/write/run_file.h"
#include "trainer/wiki/write/write.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_run_options {
    ltd_wiki_made made; /* root: where the events lie */
    const char *out;
    ltd_wiki_ids ids; /* borrowed */
    ltd_wiki_author author;
    ltd_watch watch;
} ltd_wiki_run_options;

typedef struct ltd_wiki_run_sum {
    int32_t events, found; /* articles there are; of them complete before */
    int32_t left_out;      /* events without a usable page */
    int32_t calls, fresh;  /* calls they took; of them made now */
    int32_t stops[LTD_WIKI_STOP_LOOP + 1];
    ltd_wiki_effort effort; /* of all calls, whenever they were made */
} ltd_wiki_run_sum;

/* LTD_EINVAL: out holds another run; LTD_ECANCELED: stopped, all calls so far are kept; what events
 * and authors return. */
int ltd_wiki_run(const ltd_wiki_run_options *options, ltd_wiki_run_sum *ret, ltd_err *err);

/* Add an article's calls. */
void ltd_wiki_run_sum_add(ltd_wiki_run_sum *sum, const ltd_wiki_work *work);
void ltd_wiki_effort_add(ltd_wiki_effort *sum, const ltd_wiki_effort *one);

/* out/articles/ID.json.  LTD_EINVAL: too long. */
int ltd_wiki_article_path(const char *out, int64_t id, char *ret, size_t size, ltd_err *err);
/* Ids of the complete and begun articles in out, ascending.  LTD_EIO: there are none.
 * *ret owned: free(ret->id). */
int ltd_wiki_article_ids(const char *out, ltd_wiki_ids *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
