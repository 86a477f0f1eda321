/* Figures of all articles of a run, each scored once: out/scores/ID.json keeps what was found, as
 * long as article and event are the same.
 *
 *     ltd_wiki_scores *s;
 *     ltd_wiki_scores_new(&s, "runs/wiki-rr-ltd", root, NULL, &err);
 *     s->mean.rougeL_coco, s->event[i].quality.rouge1
 *     ltd_wiki_scores_free(s);
 *
 * Thread rule: immutable once made. */
#ifndef LTD_TRAINER_WIKI_SCORES_H
#define LTD_TRAINER_WIKI_SCORES_H

#include "trainer/bench/run_prompt.h"
#include "trainer/wiki/score/quality.h"
#include "trainer/wiki/write/run.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_scored {
    int64_t id;
    char *key; /* owned */
    ltd_wiki_quality quality;
} ltd_wiki_scored;

typedef struct ltd_wiki_scores {
    ltd_wiki_made made;
    ltd_wiki_scored *event; /* [n] complete articles, ascending ids */
    int32_t n;
    int32_t fresh;      /* of them scored now */
    int32_t incomplete; /* articles that were begun only */
    ltd_wiki_quality mean;
    ltd_wiki_run_sum sum; /* calls and what they took */
} ltd_wiki_scores;

/* LTD_EIO: no articles, or none that is complete; LTD_ECANCELED: stopped, what was scored is kept;
 * what events, articles and the scorer return.  *ret owned. */
int ltd_wiki_scores_new(ltd_wiki_scores **ret, const char *out, const char *root,
                        const ltd_watch *watch, ltd_err *err);
void ltd_wiki_scores_free(ltd_wiki_scores *scores);

/* The members quality, citation_lex, citation_lex_strict (means) and per_event: equal texts give
 * equal bytes, whoever decoded them. */
void ltd_wiki_scores_put_quality(const ltd_wiki_scores *scores, ltd_json_writer *w);
/* Are they those of the other run?  LTD_ENOMEM. */
int ltd_wiki_scores_same(const ltd_wiki_scores *a, const ltd_wiki_scores *b, bool *ret,
                         ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
