/* The judge's part of a run's articles: what it is to be asked, and what its answers say.
 *
 *     ltd_wiki_requests asked = LTD_WIKI_REQUESTS_INIT;
 *     ltd_wiki_judge_requests(out, root, &asked, &err);
 *     ... answers from a file or a server ...
 *     ltd_wiki_judged mean;
 *     ltd_wiki_judge_grade(out, root, answers, &mean, &err);
 *
 * Imported answers are kept in out/judge-scores.jsonl.
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_WIKI_JUDGE_RUN_H
#define LTD_TRAINER_WIKI_JUDGE_RUN_H

#include "trainer/wiki/judge/judge.h"
#include "trainer/wiki/judge/judge_answers.h"
#include "trainer/wiki/judge/judge_scores.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Append the requests of every complete article.  What articles and events return. */
int ltd_wiki_judge_requests(const char *out, const char *root, ltd_wiki_requests *ret,
                            ltd_err *err);
/* Mean over the complete articles. */
int ltd_wiki_judge_grade(const char *out, const char *root, const ltd_wiki_answers *answers,
                         ltd_wiki_judged *ret, ltd_err *err);

/* What was imported so far, into answers; none is fine.  LTD_EFORMAT as ltd_wiki_answers_read(). */
int ltd_wiki_judge_load(const char *out, ltd_wiki_answers *answers, ltd_err *err);
/* Keep the lines of a file of scores behind those that are kept; later ones count.  LTD_EIO,
 * LTD_EFORMAT: nothing is kept then. */
int ltd_wiki_judge_import(const char *out, const char *path, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
