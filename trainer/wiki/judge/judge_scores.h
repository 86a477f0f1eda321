/* The figures of WikiGenBench that a judge's answers give, of an article and of a set of them.
 *
 *     ltd_wiki_judged one;
 *     ltd_wiki_judge_fold(&one, &judging, answers, &err);
 *     ltd_wiki_judged all = ltd_wiki_judged_mean(list, n_events);
 *     ltd_wiki_judged_put(&writer, "judge", &all, "gpt-4-1106-preview");
 *
 * NaN, null in JSON, is a figure that nobody answered for; it is never 0.  With some answers
 * missing or invalid a figure is that of the answered ones; the counts tell how many those are.
 *
 * Citations, of S_1..S_M with O_i marks each, phi 1 where the judge says that chunk supports
 * sentence, and 0 for marks of no chunk:
 *     recall    = 1/M sum_i max_j phi_ij
 *     precision = 1/M sum_i 1/O_i sum_j phi_ij               a sentence without marks adds 0
 *     rate      = sum_i words(S_i) max_j phi_ij / sum_i words(S_i)          by white space
 * Sentences that cite no chunk need no judge.  Of the others those count that have all their
 * answers, and stand for the rest.
 * Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_JUDGE_SCORES_H
#define LTD_TRAINER_WIKI_JUDGE_SCORES_H

#include "base/json.h"
#include "trainer/wiki/judge/judge.h"
#include "trainer/wiki/judge/judge_answers.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_judge_count {
    int64_t asked, answered, invalid; /* the rest of what was asked is silent */
} ltd_wiki_judge_count;

/* Fractions of 1 and grades as given, not x 100. */
typedef struct ltd_wiki_judged {
    double fluency, info, outline;        /* 0 to 5 */
    double organization, focus, coverage; /* 1 to 5 */
    double recall, precision, rate;
    ltd_wiki_judge_count count[LTD_WIKI_JUDGE_KINDS];
} ltd_wiki_judged;

/* LTD_ENOMEM; LTD_EFORMAT: a sentence of gigabytes.  An article that was given chunks and
 * cites none has recall, precision and rate 0, whatever is answered; one that was given none, NaN.
 */
int ltd_wiki_judge_fold(ltd_wiki_judged *ret, const ltd_wiki_judging *judging,
                        const ltd_wiki_answers *answers, ltd_err *err);

/* Means over the articles that have the figure, counts added up; n 0 gives NaN.  Where citations
 * were asked about and no answer came there is no citation figure, even if articles without
 * citations have one. */
ltd_wiki_judged ltd_wiki_judged_mean(const ltd_wiki_judged *list, size_t n);

/* Write {"by","fluency","info","outline","organization","focus","coverage",
 * "citation_nli":{"recall","precision","rate"},"replies":{<kind>:{"asked","answered","invalid"}}},
 * or null when there is no answer at all, or `judged` is NULL. `by` (NULL: null) names the judge.
 */
void ltd_wiki_judged_put(ltd_json_writer *w, const char *key, const ltd_wiki_judged *judged,
                         const char *by);

#ifdef __cplusplus
}
#endif
#endif
