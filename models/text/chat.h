/* Chat templates as fixed, named functions: a conversation -> the text that the model was trained
 * on.
 *
 *     const ltd_chat *chat = ltd_chat_detect(tok);
 *     ltd_str text = LTD_STR_INIT;
 *     ltd_chat_render(chat, messages, n, true, &text, &err);
 *     ltd_tokenizer_encode(tok, text.data, text.len, LTD_ENCODE_PROMPT, &ids, &err);
 *
 * Files carry their template as a program in Jinja; it is recognised, not run.  Tools and images
 * are not rendered. */
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

/* By name; NULL when unknown:
 *     chatml          <|im_start|>role ... <|im_end|>, nothing added
 *     smollm2, qwen2, qwen2.5   the same, each with its own system message when there is none
 *     qwen3           the same without one; earlier thoughts (<think>) are left out
 *     qwen3-nothink   qwen3 with enable_thinking=false: the answer's thoughts are written, empty
 *     llama2          [INST] <<SYS>>
 *     llama3          <|start_header_id|>role<|end_header_id|>
 *     llama3.1        the same with the system header of Llama 3.1 to 3.3: the knowledge date and
 *                     today's, which is always the template's own "26 Jul 2024"; also "llama3.2"
 *     deepseek-r1     DeepSeek-R1 and its distilled models: the answer begins with <think>
 *     gemma3          <start_of_turn>role; the system message goes into the first user turn
 *     vicuna          v1.1 to v1.5, as FastChat and EAGLE write it
 *     none            contents one after the other */
const ltd_chat *ltd_chat_find(const char *name);

/* The template that belongs to a tokenizer, by its template text; without one, "vicuna" when the
 * model's name says so; else "none". */
const ltd_chat *ltd_chat_detect(const ltd_tokenizer *tok);
const char *ltd_chat_name(const ltd_chat *chat);
/* The i-th name of those above, NULL behind the last. */
const char *ltd_chat_name_at(size_t i);

/* Append the rendered conversation; with `generate`, also the opening of the assistant's turn.
 * LTD_EINVAL for a role, or an order of roles, that the template does not have. */
int ltd_chat_render(const ltd_chat *chat, const ltd_message *messages, size_t n, bool generate,
                    ltd_str *out, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
