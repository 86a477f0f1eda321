/* Table 2 of the paper (Zhang et al., WikiGenBench, arXiv:2402.18264v2, CC BY 4.0) beside ours.
 *
 *     ltd_wiki_paper_table(&ours, 1, &text);
 *
 * Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_PAPER_TABLE_H
#define LTD_TRAINER_WIKI_PAPER_TABLE_H

#include "base/str.h"
#include "trainer/wiki/judge/judge_scores.h"
#include "trainer/wiki/score/quality.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_ours {
    const char *name;                /* "rr, ltd" */
    const ltd_wiki_quality *quality; /* means */
    const ltd_wiki_judged *judged;   /* NULL: nobody graded */
} ltd_wiki_ours;

/* Append the paper's rows and ours.  "-" where a figure of ours is another one than the paper's, or
 * needs a judge that has not answered. */
void ltd_wiki_paper_table(const ltd_wiki_ours *ours, size_t n, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
