#include "trainer/wiki/judge/judge_ask.h"

#include <stdio.h>

#include "trainer/wiki/judge/judge_cache.h"
#include "trainer/wiki/judge/judge_chat.h"

/* Buffers that requests share. */
typedef struct buffers {
    ltd_str body, answer, reply;
} buffers;

enum { REFUSED = 1 };

static int refuse(ltd_wiki_asked *did, const char *why)
{
    if (!did->refused++) snprintf(did->why, sizeof did->why, "%s", why);
    return REFUSED;
}

/* The server's reply to b->body into b->reply; REFUSED: there is none to be had. */
static int ask_server(buffers *b, const ltd_wiki_request *r, const ltd_wiki_asking *how,
                      ltd_wiki_asked *did, ltd_err *err)
{
    ltd_err refusal = LTD_ERR_INIT;
    char why[320];
    const char *url = ltd_wiki_http_url(how->http);
    int rc = ltd_wiki_http_post(how->http, &b->body, &b->answer, &refusal);
    if (rc == LTD_WIKI_HTTP_REFUSED) return refuse(did, refusal.msg);
    if (rc < 0) {
        if (err) *err = refusal;
        return rc;
    }
    rc = ltd_wiki_chat_reply(&b->reply, url, ltd_str_text(&b->answer), b->answer.len, err);
    if (rc == LTD_WIKI_CHAT_SILENT) {
        snprintf(why, sizeof why, "judge: %.150s: no text in the reply to %.100s", url, r->id);
        return refuse(did, why);
    }
    if (rc < 0) return ltd_err_prefix(err, rc, "judge");
    if (how->cache) rc = ltd_wiki_cache_put(how->cache, &b->body, ltd_str_text(&b->reply), err);
    if (rc == LTD_OK) did->replied++;
    return rc;
}

static int answer_one(buffers *b, ltd_wiki_answers *answers, const ltd_wiki_request *r,
                      const ltd_wiki_asking *how, ltd_wiki_asked *did, ltd_err *err)
{
    int rc = LTD_WIKI_CACHE_NONE;
    ltd_str_clear(&b->body);
    ltd_str_clear(&b->reply);
    ltd_wiki_chat_body(&b->body, r, how->model, how->max_tokens);
    if (b->body.failed) return ltd_fail(err, LTD_ENOMEM, "judge: no memory for '%.100s'", r->id);
    if (how->cache) rc = ltd_wiki_cache_get(how->cache, &b->body, &b->reply, err);
    if (rc == LTD_OK) did->cached++;
    if (rc == LTD_WIKI_CACHE_NONE) rc = ask_server(b, r, how, did, err);
    if (rc == REFUSED) return LTD_OK;
    return rc < 0 ? rc : ltd_wiki_answers_put(answers, r->id, ltd_str_text(&b->reply), err);
}

int ltd_wiki_judge_answer(ltd_wiki_answers *answers, const ltd_wiki_requests *requests,
                          const ltd_wiki_asking *how, ltd_wiki_asked *ret, ltd_err *err)
{
    buffers b = {LTD_STR_INIT, LTD_STR_INIT, LTD_STR_INIT};
    int rc = LTD_OK;
    *ret = (ltd_wiki_asked){0};
    for (size_t i = 0; rc == LTD_OK && i < requests->n; i++) {
        rc = answer_one(&b, answers, &requests->list[i], how, ret, err);
        if (rc == LTD_OK && how->progress) how->progress(how->ctx, i + 1, requests->n);
    }
    ltd_str_fini(&b.body);
    ltd_str_fini(&b.answer);
    ltd_str_fini(&b.reply);
    return rc;
}
