/* Prompts of the task as files that any verb reads: question.jsonl of each split.
 *
 *     ltd_wiki_prepared n;
 *     ltd_wiki_prepare(&setup, watch, &n, &err);
 *
 *     - DATA/prepared.json: what they were made with
 *     - DATA/SPLIT/wiki/question.jsonl: {"question_id", "category": "wiki", "turns": [prompt],
 *       "reference": [article], "event", "method", "stage", "section"}
 *     - DATA/chunks/ID.jsonl: {"chunk_id", "doc_id", "src", "title", "url", "content"}
 *
 * Prompts that depend on an answer (sections behind a plan of the model's) are not among them.
 * Thread rule: one thread; processes take turns. */
#ifndef LTD_TRAINER_WIKI_PREPARE_H
#define LTD_TRAINER_WIKI_PREPARE_H

#include "trainer/bench/run_prompt.h"
#include "trainer/config/setup.h"
#include "trainer/wiki/pages/split.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_prepared {
    int32_t events[LTD_WIKI_SPLITS], prompts[LTD_WIKI_SPLITS];
    int32_t left_out; /* events without a usable page */
    bool fresh;       /* false: they were there */
} ltd_wiki_prepared;

/* For the methods, profile and events of the configuration; a folder that was prepared alike stays
 * as it is.  What settings, events and prompts return; LTD_ECANCELED.  */
int ltd_wiki_prepare(const ltd_setup *s, const ltd_watch *watch, ltd_wiki_prepared *ret,
                     ltd_err *err);

/* DATA/SPLIT/wiki/question.jsonl. */
void ltd_wiki_questions(const ltd_config *c, ltd_wiki_part_of split, char *ret, size_t size);

#ifdef __cplusplus
}
#endif
#endif
