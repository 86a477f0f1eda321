/* Grades out of what a model replied, which is seldom only what it was asked for.
 *
 *     double grade[LTD_WIKI_JUDGE_GRADES];
 *     if (ltd_wiki_reply_grades(LTD_WIKI_FOCUS, "Score: **4**, since ...", grade)) use(grade[0]);
 *
 * Grades are the first whole numbers of the reply: 4, 4.0, "Score: 4", "4/5", "4 out of 5".  Not
 * taken for one: a number that is glued to letters ("gpt4"), what grades are out of, and, where
 * three are asked for, the number of a list's item ("1. Fluency: 4").  A fraction or a number out
 * of range, at the place of a grade, makes the reply invalid: it is never mended.  Of nli the first
 * word that decides counts (yes, no, not, entailment, contradiction, ...), or 1 and 0.  Thoughts
 * up to </think> are skipped; thoughts without an end are no reply.
 * Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_JUDGE_REPLY_H
#define LTD_TRAINER_WIKI_JUDGE_REPLY_H

#include <stdbool.h>

#include "trainer/wiki/judge/judge.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As many grades as the kind has, all in its range; false: invalid, ret untouched. */
bool ltd_wiki_reply_grades(ltd_wiki_judge_kind kind, const char *reply,
                           double ret[LTD_WIKI_JUDGE_GRADES]);
/* The same of numbers that were given as such, n of them; nli's are 0 or 1, others may be
 * fractions, as means of several judges are. */
bool ltd_wiki_grades_valid(ltd_wiki_judge_kind kind, const double *grade, int32_t n);

#ifdef __cplusplus
}
#endif
#endif
