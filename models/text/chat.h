/* Chat templates as fixed, named functions: a conversation -> the text that the model was trained
 * on.
 *
 *     const ltd_chat *chat = ltd_chat_detect(tok);
 *     ltd_str text = LTD_STR_INIT;
 *     ltd_chat_render(chat, messages, n, true, &text, &err); */
#ifndef LTD_MODELS_TEXT_CHAT_H
#define LTD_MODELS_TEXT_CHAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "base/str.h"
#include "models/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_chat ltd_chat; /* static storage, never freed */

typedef struct ltd_message {
    const char *role; /* "system", "user", "assistant" */
    const char *content;
} ltd_message;

/* By name: "smollm2", "chatml", "none" (contents one after the other).  NULL when unknown. */
const ltd_chat *ltd_chat_find(const char *name);
/* The template that belongs to a tokenizer, by its template text; "none" when it has none or an
 * unknown one. */
const ltd_chat *ltd_chat_detect(const ltd_tokenizer *tok);
const char *ltd_chat_name(const ltd_chat *chat);

/* Append the rendered conversation; with `generate`, also the opening of the assistant's turn. */
int ltd_chat_render(const ltd_chat *chat, const ltd_message *messages, size_t n, bool generate,
                    ltd_str *out, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
