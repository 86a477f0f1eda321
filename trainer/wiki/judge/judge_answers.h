/* What judges answered, by the ids of requests.
 *
 *     ltd_wiki_answers *a;
 *     ltd_wiki_answers_new(&a, &err);
 *     ltd_wiki_answers_read(a, "scores.jsonl", &err);
 *     ltd_wiki_answered how = ltd_wiki_answers_get(a, LTD_WIKI_FOCUS, "7/rr/focus/1", grade);
 *     ltd_wiki_answers_free(a);
 *
 * A line of a file: {"id": "7/rr/focus/1", "score": 4}.  The score is a number (of nli also true or
 * false), a list of numbers for fluency_info, a string, which is read as a model's reply is
 * (judge_reply.h), or null: no answer.  Of two lines with one id the later counts.  Other members
 * are skipped.
 * Thread rule: one thread at a time. */
#ifndef LTD_TRAINER_WIKI_JUDGE_ANSWERS_H
#define LTD_TRAINER_WIKI_JUDGE_ANSWERS_H

#include "trainer/wiki/judge/judge.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_answers ltd_wiki_answers;

typedef enum ltd_wiki_answered {
    LTD_WIKI_SILENT,  /* no answer */
    LTD_WIKI_INVALID, /* one, but not the numbers asked for, or out of range */
    LTD_WIKI_ANSWERED
} ltd_wiki_answered;

int ltd_wiki_answers_new(ltd_wiki_answers **ret, ltd_err *err);
void ltd_wiki_answers_free(ltd_wiki_answers *answers);

/* Keep a copy of a reply; LTD_ENOMEM. */
int ltd_wiki_answers_put(ltd_wiki_answers *answers, const char *id, const char *reply,
                         ltd_err *err);
/* Keep what a file, or bytes whose messages `name` opens, say.  LTD_EIO, LTD_ENOMEM, LTD_EFORMAT
 * "name:line: what"; the lines before the bad one are then kept. */
int ltd_wiki_answers_read(ltd_wiki_answers *answers, const char *path, ltd_err *err);
int ltd_wiki_answers_parse(ltd_wiki_answers *answers, const char *name, const void *data,
                           size_t size, ltd_err *err);

/* Ids with an answer, valid or not. */
int32_t ltd_wiki_answers_count(const ltd_wiki_answers *answers);
/* The grades of a request of this kind; ret is filled for LTD_WIKI_ANSWERED alone. */
ltd_wiki_answered ltd_wiki_answers_get(const ltd_wiki_answers *answers, ltd_wiki_judge_kind kind,
                                       const char *id, double ret[LTD_WIKI_JUDGE_GRADES]);

#ifdef __cplusplus
}
#endif
#endif
