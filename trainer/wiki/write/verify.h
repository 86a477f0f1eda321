/* Did speculation change anything?  Two runs of the same articles, call by call, token by token.
 *
 *     ltd_wiki_verdict v;
 *     ltd_wiki_verify("runs/wiki-rr-ar", "runs/wiki-rr-ltd", &v, &err);
 *     if (!ltd_wiki_unchanged(&v)) ...
 *
 * Calls are compared in their order.  Where an answer differs what was asked afterwards may, too,
 * so an article's comparison ends with its first difference, which counts as one. Thread rule: pure
 * functions. */
#ifndef LTD_TRAINER_WIKI_VERIFY_H
#define LTD_TRAINER_WIKI_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "trainer/wiki/write/prompt.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_difference {
    int64_t event;
    int32_t call; /* its number; -1: the article is missing, not complete, or of another event */
    ltd_wiki_stage stage;
    bool prompt;          /* the prompts differ already */
    int64_t position;     /* first token that differs */
    int32_t plain, other; /* there; -1: the answer has ended */
} ltd_wiki_difference;

typedef struct ltd_wiki_verdict {
    int32_t events, calls;     /* compared */
    int64_t tokens;            /* found equal */
    int32_t differences;       /* calls that differ, articles that are missing */
    ltd_wiki_difference first; /* of the first difference */
} ltd_wiki_verdict;

/* `plain` and `other` are folders of `ltd wiki run`.  Each article of either counts.  LTD_EIO: no
 * articles; LTD_EFORMAT: a damaged one. */
int ltd_wiki_verify(const char *plain, const char *other, ltd_wiki_verdict *ret, ltd_err *err);
bool ltd_wiki_unchanged(const ltd_wiki_verdict *v);

/* Append "40 articles, 40 calls, 12801 tokens, 0 differences", where the first one is, and whether
 * the figures of quality are the same (scores.h). */
void ltd_wiki_verdict_text(const ltd_wiki_verdict *v, bool same_quality, ltd_str *out);
void ltd_wiki_verdict_json(const ltd_wiki_verdict *v, bool same_quality, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
