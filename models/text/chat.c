#include "models/text/chat.h"

#include <string.h>

static const char SMOLLM2_SYSTEM[] =
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face";

struct ltd_chat {
    const char *name;
    bool marked;        /* <|im_start|>role ... <|im_end|>; else contents alone */
    const char *system; /* put first when the conversation brings no system message, or NULL */
};

static const ltd_chat chats[] = {
    {.name = "smollm2", .marked = true, .system = SMOLLM2_SYSTEM},
    {.name = "chatml", .marked = true},
    {.name = "none"},
};

const ltd_chat *ltd_chat_find(const char *name)
{
    for (size_t i = 0; i < sizeof chats / sizeof *chats; i++)
        if (strcmp(chats[i].name, name) == 0) return &chats[i];
    return NULL;
}

const ltd_chat *ltd_chat_detect(const ltd_tokenizer *tok)
{
    const char *text = ltd_tokenizer_chat_template(tok);
    if (!strstr(text, "<|im_start|>")) return ltd_chat_find("none");
    return ltd_chat_find(strstr(text, SMOLLM2_SYSTEM) ? "smollm2" : "chatml");
}

const char *ltd_chat_name(const ltd_chat *chat)
{
    return chat->name;
}

static void turn(ltd_str *out, const char *role, const char *content)
{
    ltd_str_puts(out, "<|im_start|>");
    ltd_str_puts(out, role);
    ltd_str_puts(out, "\n");
    ltd_str_puts(out, content);
    ltd_str_puts(out, "<|im_end|>\n");
}

int ltd_chat_render(const ltd_chat *chat, const ltd_message *messages, size_t n, bool generate,
                    ltd_str *out, ltd_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!messages[i].role || !messages[i].content)
            return ltd_fail(err, LTD_EINVAL, "message %zu has no %s", i,
                            messages[i].role ? "content" : "role");
    for (size_t i = 0; i < n; i++) {
        if (!chat->marked) {
            ltd_str_puts(out, messages[i].content);
            continue;
        }
        if (i == 0 && chat->system && strcmp(messages[0].role, "system") != 0)
            turn(out, "system", chat->system);
        turn(out, messages[i].role, messages[i].content);
    }
    if (chat->marked && generate) ltd_str_puts(out, "<|im_start|>assistant\n");
    if (out->failed) return ltd_fail(err, LTD_ENOMEM, "rendered conversation");
    return LTD_OK;
}
