/* The chat templates by name, and which one a tokenizer's file means. */
#include "models/text/chat.h"

#include <string.h>
#include <strings.h>

#include "models/text/chat_priv.h"
#include "models/text/tokenizer_priv.h"

static const char SMOLLM2_SYSTEM[] =
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
static const char QWEN2_SYSTEM[] = "You are a helpful assistant.";
static const char QWEN25_SYSTEM[] =
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";
static const char VICUNA_SYSTEM[] =
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions.";

static const ltd_chat chats[] = {
    {.name = "smollm2", .render = ltd_chat_marked, .system = SMOLLM2_SYSTEM},
    {.name = "chatml", .render = ltd_chat_marked},
    {.name = "none", .render = ltd_chat_none},
    {.name = "qwen2", .render = ltd_chat_marked, .system = QWEN2_SYSTEM},
    {.name = "qwen2.5", .render = ltd_chat_marked, .system = QWEN25_SYSTEM, .roles = true},
    {.name = "qwen3", .render = ltd_chat_qwen3, .roles = true},
    {.name = "qwen3-nothink", .render = ltd_chat_qwen3, .roles = true, .flag = true},
    {.name = "llama2", .render = ltd_chat_llama2, .roles = true, .turns = true},
    {.name = "llama3", .render = ltd_chat_llama3},
    {.name = "llama3.1", .render = ltd_chat_llama3, .roles = true, .flag = true},
    {.name = "llama3.2", .render = ltd_chat_llama3, .roles = true, .flag = true},
    {.name = "deepseek-r1", .render = ltd_chat_deepseek, .roles = true},
    {.name = "gemma3", .render = ltd_chat_gemma3, .roles = true, .turns = true},
    {.name = "vicuna",
     .render = ltd_chat_vicuna,
     .system = VICUNA_SYSTEM,
     .roles = true,
     .turns = true},
};

enum { N_CHATS = sizeof chats / sizeof *chats };

const ltd_chat *ltd_chat_find(const char *name)
{
    for (size_t i = 0; i < N_CHATS; i++)
        if (strcmp(chats[i].name, name) == 0) return &chats[i];
    return NULL;
}

const char *ltd_chat_name_at(size_t i)
{
    return i < N_CHATS ? chats[i].name : NULL;
}

const char *ltd_chat_name(const ltd_chat *chat)
{
    return chat->name;
}

/* A template is known by strings that it alone has; the first row with all of its own counts. */
const ltd_chat *ltd_chat_detect(const ltd_tokenizer *tok)
{
    static const struct {
        const char *name, *marks[2]; /* the second may be NULL */
    } rows[] = {
        {"llama3.1", {"<|start_header_id|>", "Cutting Knowledge Date"}},
        {"llama3", {"<|start_header_id|>"}},
        {"deepseek-r1",
         {"<\xef\xbd\x9c"
          "Assistant\xef\xbd\x9c>",
          "<think>"}},
        {"gemma3", {"<start_of_turn>"}},
        {"llama2", {"[INST]", "<<SYS>>"}},
        {"qwen3", {"<|im_start|>", "enable_thinking"}},
        {"smollm2", {"<|im_start|>", SMOLLM2_SYSTEM}},
        {"qwen2.5", {"<|im_start|>", QWEN25_SYSTEM}},
        {"qwen2", {"<|im_start|>", QWEN2_SYSTEM}},
        {"chatml", {"<|im_start|>"}},
        {"vicuna", {"USER:", "ASSISTANT:"}},
    };
    const char *text = ltd_tokenizer_chat_template(tok);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strstr(text, rows[i].marks[0]) && (!rows[i].marks[1] || strstr(text, rows[i].marks[1])))
            return ltd_chat_find(rows[i].name);
    const char *name = "none";
    for (const char *s = tok->label; !text[0] && *s; s++)
        if (strncasecmp(s, "vicuna", 6) == 0) name = "vicuna"; /* whose files bring no template */
    return ltd_chat_find(name);
}

static int check(const ltd_chat *chat, const ltd_message *messages, size_t n, ltd_err *err)
{
    const char *expected = "user";
    for (size_t i = 0; i < n; i++) {
        const char *role = messages[i].role;
        if (!role || !messages[i].content)
            return ltd_fail(err, LTD_EINVAL, "message %zu has no %s", i, role ? "content" : "role");
        bool user = strcmp(role, "user") == 0, system = strcmp(role, "system") == 0;
        if (chat->roles && !user && !system && strcmp(role, "assistant") != 0)
            return ltd_fail(err, LTD_EINVAL,
                            "message %zu: chat template '%s' has no role '%.40s', expected system, "
                            "user or assistant",
                            i, chat->name, role);
        if (!chat->turns || (i == 0 && system)) continue;
        if (strcmp(role, expected) != 0)
            return ltd_fail(err, LTD_EINVAL,
                            "message %zu is the %s's: chat template '%s' expects the %s's", i, role,
                            chat->name, expected);
        expected = user ? "assistant" : "user";
    }
    return LTD_OK;
}

int ltd_chat_render(const ltd_chat *chat, const ltd_message *messages, size_t n, bool generate,
                    ltd_str *out, ltd_err *err)
{
    int status = check(chat, messages, n, err);
    if (status < 0) return status;
    const ltd_conversation c = {.messages = messages, .n = n, .generate = generate};
    chat->render(chat, &c, out);
    if (out->failed) return ltd_fail(err, LTD_ENOMEM, "rendered conversation");
    return LTD_OK;
}
