/* Requests and replies as an OpenAI-compatible server has them: POST .../chat/completions.  Knows
 * nothing of the network.
 *
 *     ltd_str body = LTD_STR_INIT, reply = LTD_STR_INIT;
 *     ltd_wiki_chat_body(&body, &asked.list[0], "prometheus-7b", 512);
 *     ... post it ...
 *     ltd_wiki_chat_reply(&reply, url, answer.data, answer.len, &err);
 *
 * Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_JUDGE_CHAT_H
#define LTD_TRAINER_WIKI_JUDGE_CHAT_H

#include "trainer/wiki/judge/judge.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_WIKI_CHAT_SILENT = 1 };

/* Append {"model","temperature":0,"max_tokens","messages":[system, user]}; equal requests give
 * equal bytes.  max_tokens 0 is left out. */
void ltd_wiki_chat_body(ltd_str *out, const ltd_wiki_request *request, const char *model,
                        int32_t max_tokens);

/* Append the text of choices[0].message.content, NUL characters as spaces.  `name` opens messages.
 * LTD_WIKI_CHAT_SILENT: a message without text, as a filter leaves it.  LTD_EFORMAT: no such
 * answer, with the first bytes of it; LTD_ENOMEM. */
int ltd_wiki_chat_reply(ltd_str *reply, const char *name, const char *data, size_t size,
                        ltd_err *err);

/* The first bytes of what a server sent, on one line, other than ASCII as '?': for messages. */
void ltd_wiki_chat_excerpt(char ret[128], const char *data, size_t size);

#ifdef __cplusplus
}
#endif
#endif
