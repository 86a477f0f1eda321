/* A connection to an OpenAI-compatible server, on this machine or elsewhere, by libcurl.
 *
 *     ltd_wiki_http *http;
 *     ltd_wiki_http_options o = {.url = "http://127.0.0.1:8080/v1", .stop = &stop};
 *     if (ltd_wiki_http_open(&http, &o, &err) < 0) ...
 *     rc = ltd_wiki_http_post(http, &body, &answer, &err);
 *     ltd_wiki_http_close(http);
 *
 * A program that was built without libcurl refuses to open one.  Servers on this machine are asked
 * without a proxy, whatever the environment says; nothing is redirected.
 * Thread rule: one thread at a time. */
#ifndef LTD_TRAINER_WIKI_JUDGE_HTTP_H
#define LTD_TRAINER_WIKI_JUDGE_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_http ltd_wiki_http;

/* Zero takes the default. */
typedef struct ltd_wiki_http_options {
    const char *url;     /* "http://HOST:PORT/v1"; /chat/completions is put behind it; copied */
    const char *key_env; /* environment variable that holds the key; NULL: none is sent.  The key
                            goes into the header alone: not into messages, replies or files */
    int32_t timeout_ms;  /* of one try, 120000 */
    int32_t tries;       /* of one request, 5: the server is busy (429, 5xx) or not there (yet) */
    int32_t pause_ms;    /* before the second try, 500; each later one waits twice as long, and as
                            long as the server asks for, a minute at most */
    int32_t most_bytes;  /* of an answer, 4 MiB */
    const volatile int *stop; /* not 0: give up; borrowed, NULL: never */
} ltd_wiki_http_options;

/* LTD_EINVAL: url, variable; LTD_EUNSUPPORTED: built without libcurl; LTD_ENOMEM.  Asks nobody.
 * *ret owned. */
int ltd_wiki_http_open(ltd_wiki_http **ret, const ltd_wiki_http_options *options, ltd_err *err);
void ltd_wiki_http_close(ltd_wiki_http *http);
/* Where requests go to; borrowed. */
const char *ltd_wiki_http_url(const ltd_wiki_http *http);

enum { LTD_WIKI_HTTP_REFUSED = 1 };

/* Post JSON; *answer, emptied first, has the body of a 2xx answer.  LTD_WIKI_HTTP_REFUSED: the
 * server won't have this very request (400, 413, 422), others may pass; err tells why.  LTD_EIO:
 * no answer, or another status; LTD_EFORMAT: too long an answer; LTD_ECANCELED.  Messages name
 * URL, status and the first bytes of what came. */
int ltd_wiki_http_post(ltd_wiki_http *http, const ltd_str *body, ltd_str *answer, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
