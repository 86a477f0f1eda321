/* One article from an event: retrieve, plan, ask, join.
 *
 *     ltd_wiki_work w = {0};
 *     ltd_wiki_write(&task, event, &author, &w, &err);
 *     ... w.piece[0].text ...
 *     ltd_wiki_work_fini(&w);
 *
 * Knows no model: an author counts tokens and answers.  Calls that *w has already, from an attempt
 * that was interrupted, are taken as they are as long as their prompts are the same.
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_WIKI_WRITE_H
#define LTD_TRAINER_WIKI_WRITE_H

#include "trainer/wiki/pages/event.h"
#include "trainer/wiki/write/prompt.h"
#include "trainer/wiki/write/task.h"
#include "trainer/wiki/write/work.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_author {
    ltd_wiki_counter counter;
    /* Answer a message with up to most tokens: prompt_tokens, tokens, text, stop, effort of *call
     * (zero before).  LTD_ECANCELED ends the article half-way. */
    int (*answer)(void *ctx, const char *prompt, int32_t most, ltd_wiki_call *call, ltd_err *err);
    /* Told after each new call, so that it can be kept; may be NULL. */
    int (*kept)(void *ctx, const ltd_wiki_work *work, ltd_err *err);
    void *ctx;
} ltd_wiki_author;

/* Condition of both: none of the event's pages can be used, so there is nothing to write from. */
enum { LTD_WIKI_NO_PAGES = 1 };

/* Fills key, method, calls, pieces of *work and sets `complete`; an error leaves the calls so far.
 * LTD_WIKI_NO_PAGES; what the author and the parts of the
 * task return. */
int ltd_wiki_write(const ltd_wiki_task *task, const ltd_wiki_event *event,
                   const ltd_wiki_author *author, ltd_wiki_work *work, ltd_err *err);

/* Prompts that are known beforehand: that of the article; of the plan; of each section where the
 * outline is the reference's.  The author's counter alone is used.  `take` is given each. */
typedef struct ltd_wiki_taker {
    int (*take)(void *ctx, ltd_wiki_stage stage, const char *section, const char *prompt,
                ltd_err *err);
    void *ctx;
} ltd_wiki_taker;
int ltd_wiki_known_prompts(const ltd_wiki_task *task, const ltd_wiki_event *event,
                           const ltd_wiki_counter *counter, const ltd_wiki_taker *taker,
                           ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
