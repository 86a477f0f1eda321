/* Rows of a forward from texts that are written side by side: one of each text that waits for its
 * next token alone, and as many as there is room for of those that have several before that.
 *
 *     ltd_feed_init(&f, texts, room, &err);
 *     f.text[i] = (ltd_feed_text){&tokens, 0};            session's text i is to have these
 *     ltd_feed_forward(&f, session, &err);
 *     ... f.out[k]'s next token follows row ltd_feed_row(&f, k) ...
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_DISTILL_FEED_H
#define LTD_TRAINER_DISTILL_FEED_H

#include "base/status.h"
#include "models/llm/session.h"
#include "models/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_feed_text {
    const ltd_tokens *tokens; /* borrowed; NULL: waits for nothing */
    int32_t fed;              /* how many of them the session has */
} ltd_feed_text;

typedef struct ltd_feed {
    ltd_feed_text *text; /* [texts] the caller's to change between forwards */
    int32_t texts, room; /* a forward has up to texts + room rows */
    /* The last forward: */
    int32_t n, n_out;
    int32_t *token, *owner, *position; /* [n] of each row: its text, its place in that */
    int32_t *out;                      /* [n_out] texts whose next token is to be chosen */
} ltd_feed;

/* No text has tokens.  LTD_ENOMEM. */
int ltd_feed_init(ltd_feed *ret, int32_t texts, int32_t room, ltd_err *err);
void ltd_feed_fini(ltd_feed *f);
/* What ltd_session_append returns. */
int ltd_feed_forward(ltd_feed *f, ltd_session *session, ltd_err *err);
int32_t ltd_feed_row(const ltd_feed *f, int32_t k); /* of out[k] */

#ifdef __cplusplus
}
#endif
#endif
