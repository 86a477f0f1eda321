/* Ask a server everything, once: replies come from the cache where it has them, and go there.
 *
 *     ltd_wiki_asking how = {.http = http, .model = "prometheus-7b", .cache = "out/judge-cache"};
 *     ltd_wiki_asked did;
 *     rc = ltd_wiki_judge_answer(answers, &requests, &how, &did, &err);
 *
 * Whatever ends it, what was answered until then is in `answers` and in the cache, so that the same
 * call goes on where this one ended.
 * Thread rule: one thread at a time. */
#ifndef LTD_TRAINER_WIKI_JUDGE_ASK_H
#define LTD_TRAINER_WIKI_JUDGE_ASK_H

#include "trainer/wiki/judge/judge.h"
#include "trainer/wiki/judge/judge_answers.h"
#include "trainer/wiki/judge/judge_http.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All borrowed. */
typedef struct ltd_wiki_asking {
    ltd_wiki_http *http;
    const char *model;  /* as the server knows it */
    const char *cache;  /* folder, made when it isn't there; NULL: none */
    int32_t max_tokens; /* of a reply; 0: the server's own limit */
    void (*progress)(void *ctx, size_t done, size_t all); /* after each; NULL: none */
    void *ctx;
} ltd_wiki_asking;

/* The rest of the requests is refused or was not come to. */
typedef struct ltd_wiki_asked {
    size_t cached, replied; /* from the cache; by the server */
    size_t refused;         /* won't be answered: too long for the model, filtered */
    char why[320];          /* what the first refusal said, "" without one */
} ltd_wiki_asked;

/* *ret is filled in any case.  LTD_ECANCELED: the stop flag of `http`; LTD_EIO, LTD_EFORMAT: the
 * server, or the cache's folder; LTD_ENOMEM. */
int ltd_wiki_judge_answer(ltd_wiki_answers *answers, const ltd_wiki_requests *requests,
                          const ltd_wiki_asking *asking, ltd_wiki_asked *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
