/* A chat template: its name and the function that renders it. */
#ifndef LTD_MODELS_TEXT_CHAT_PRIV_H
#define LTD_MODELS_TEXT_CHAT_PRIV_H

#include "models/text/chat.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A conversation whose messages have role and content. */
typedef struct ltd_conversation {
    const ltd_message *messages;
    size_t n;
    bool generate; /* open the assistant's turn */
} ltd_conversation;

typedef void (*ltd_chat_fn)(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out);

struct ltd_chat {
    const char *name;
    ltd_chat_fn render;
    const char *system; /* put first when the conversation brings no system message, or NULL */
    bool roles;         /* only "system", "user", "assistant" */
    bool turns; /* and those in turn: an optional system message, user, assistant, user... */
    bool flag;  /* of the function: llama3's dates, qwen3's empty thoughts */
};

void ltd_chat_none(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out);
void ltd_chat_marked(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out);
void ltd_chat_qwen3(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out);
void ltd_chat_llama2(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out);
void ltd_chat_llama3(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out);
void ltd_chat_deepseek(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out);
void ltd_chat_gemma3(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out);
void ltd_chat_vicuna(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
