/* metrics.json of a run's articles: quality and speed apart, so that quality can be compared byte
 * for byte.
 *
 *     ltd_wiki_metrics m = {.scores = scores, .judged = NULL};
 *     ltd_wiki_metrics_json(&m, &text);
 *
 * Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_METRICS_JSON_H
#define LTD_TRAINER_WIKI_METRICS_JSON_H

#include "trainer/wiki/judge/judge_scores.h"
#include "trainer/wiki/score/scores.h"
#include "trainer/wiki/write/verify.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_metrics { /* borrowed */
    const ltd_wiki_scores *scores;
    const ltd_wiki_judged *judged; /* NULL: nobody graded */
    const char *judge;             /* who did; NULL: unknown */
    /* Another run of the same articles, by plain decoding for a speed-up; NULL: not compared. */
    const ltd_wiki_scores *plain;
    const ltd_wiki_verdict *verdict;
    bool same_quality;
} ltd_wiki_metrics;

/* Tokens a second of cycles, tokens a cycle; NaN without cycles. */
double ltd_wiki_tok_s(const ltd_wiki_effort *effort);
double ltd_wiki_accept_len(const ltd_wiki_effort *effort);

/* Append the object of docs/formats.md. */
void ltd_wiki_metrics_json(const ltd_wiki_metrics *m, ltd_str *out);
/* Append the lines for people. */
void ltd_wiki_metrics_text(const ltd_wiki_metrics *m, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
