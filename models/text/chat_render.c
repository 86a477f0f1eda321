/* The chat templates themselves.  Each is the text that the model's published template gives
 * (tests/golden/chat: recorded renderings), written from what it says, not from its words. */
#include <string.h>

#include "models/text/chat_priv.h"
#include "models/text/tokenizer.h"

/* --- pieces of text --- */
typedef struct span {
    const char *at;
    size_t n;
} span;

static span whole(const char *text)
{
    return (span){text, strlen(text)};
}

static void put(ltd_str *out, span s)
{
    ltd_str_push(out, s.at, s.n);
}

/* What Python's str.strip() takes for white space. */
static bool is_space(const char *s, size_t len)
{
    static const char *const wide[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80",
                                       "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
                                       "\xe2\x81\x9f", "\xe3\x80\x80"};
    uint8_t c = (uint8_t)s[0];
    if (len == 1) return c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f);
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (strlen(wide[i]) == len && memcmp(wide[i], s, len) == 0) return true;
    /* U+2000 to U+200A */
    return len == 3 && memcmp(s, "\xe2\x80", 2) == 0 && (uint8_t)s[2] <= 0x8a;
}

static span strip(span s)
{
    size_t len;
    while (s.n > 0 && (len = ltd_utf8_length(s.at, s.n)) > 0 && is_space(s.at, len)) {
        s.at += len;
        s.n -= len;
    }
    while (s.n > 0) {
        size_t begin = s.n - 1;
        while (begin > 0 && ((uint8_t)s.at[begin] & 0xc0) == 0x80) begin--;
        len = s.n - begin;
        if (ltd_utf8_length(s.at + begin, len) != len || !is_space(s.at + begin, len)) break;
        s.n = begin;
    }
    return s;
}

/* Without the line breaks at its beginning, at its end. */
static span strip_lines(span s, bool left, bool right)
{
    while (left && s.n > 0 && s.at[0] == '\n') s = (span){s.at + 1, s.n - 1};
    while (right && s.n > 0 && s.at[s.n - 1] == '\n') s.n--;
    return s;
}

/* Where `text` is in s, the first or the last time; NULL when it is not. */
static const char *find(span s, const char *text, bool last)
{
    const char *found = NULL;
    size_t len = strlen(text);
    for (size_t i = 0; i + len <= s.n && (last || !found); i++)
        if (memcmp(s.at + i, text, len) == 0) found = s.at + i;
    return found;
}

/* The part of s behind the last `text`, all of s when there is none. */
static span behind(span s, const char *text)
{
    const char *at = find(s, text, true);
    if (!at) return s;
    at += strlen(text);
    return (span){at, (size_t)(s.at + s.n - at)};
}

static bool is(const ltd_message *m, const char *role)
{
    return strcmp(m->role, role) == 0;
}

/* The system message that a conversation begins with, else NULL; *rest is what follows it. */
static const char *take_system(const ltd_conversation *c, ltd_conversation *rest)
{
    *rest = *c;
    if (c->n == 0 || !is(&c->messages[0], "system")) return NULL;
    rest->messages++;
    rest->n--;
    return c->messages[0].content;
}

/* --- none --- */
void ltd_chat_none(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out)
{
    (void)chat;
    for (size_t i = 0; i < c->n; i++) ltd_str_puts(out, c->messages[i].content);
}

/* --- <|im_start|>role ... <|im_end|> --- */
static void open_marked(ltd_str *out, const char *role)
{
    ltd_str_puts(out, "<|im_start|>");
    ltd_str_puts(out, role);
    ltd_str_puts(out, "\n");
}

static void put_marked(ltd_str *out, const char *role, const char *content)
{
    open_marked(out, role);
    ltd_str_puts(out, content);
    ltd_str_puts(out, "<|im_end|>\n");
}

void ltd_chat_marked(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out)
{
    if (c->n > 0 && chat->system && !is(&c->messages[0], "system"))
        put_marked(out, "system", chat->system);
    for (size_t i = 0; i < c->n; i++) put_marked(out, c->messages[i].role, c->messages[i].content);
    if (c->generate) open_marked(out, "assistant");
}

/* The last message of the user that is no answer of a tool. */
static size_t last_query(const ltd_conversation *c)
{
    static const char open[] = "<tool_response>", close[] = "</tool_response>";
    for (size_t i = c->n; i-- > 0;) {
        span s = whole(c->messages[i].content);
        bool tool = s.n >= sizeof close - 1 && memcmp(s.at, open, sizeof open - 1) == 0 &&
                    memcmp(s.at + s.n - (sizeof close - 1), close, sizeof close - 1) == 0;
        if (is(&c->messages[i], "user") && !tool) return i;
    }
    return c->n > 0 ? c->n - 1 : 0;
}

/* An answer: thoughts are kept behind the last question only. */
static void put_qwen3_answer(const ltd_conversation *c, size_t i, bool recent, ltd_str *out)
{
    span content = whole(c->messages[i].content), thoughts = {content.at, 0};
    const char *end = find(content, "</think>", false);
    if (end) {
        thoughts = strip_lines((span){content.at, (size_t)(end - content.at)}, false, true);
        thoughts = strip_lines(behind(thoughts, "<think>"), true, true);
        content = strip_lines(behind(content, "</think>"), true, false);
    }
    open_marked(out, "assistant");
    if (recent && (i + 1 == c->n || thoughts.n > 0)) {
        ltd_str_puts(out, "<think>\n");
        put(out, thoughts);
        ltd_str_puts(out, "\n</think>\n\n");
        content = strip_lines(content, true, false);
    }
    put(out, content);
    ltd_str_puts(out, "<|im_end|>\n");
}

void ltd_chat_qwen3(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out)
{
    size_t last = last_query(c);
    for (size_t i = 0; i < c->n; i++) {
        if (is(&c->messages[i], "assistant"))
            put_qwen3_answer(c, i, i > last, out);
        else
            put_marked(out, c->messages[i].role, c->messages[i].content);
    }
    if (c->generate) open_marked(out, "assistant");
    if (c->generate && chat->flag) ltd_str_puts(out, "<think>\n\n</think>\n\n");
}

/* --- Llama 2 --- */
void ltd_chat_llama2(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out)
{
    (void)chat;
    ltd_conversation rest;
    const char *system = take_system(c, &rest);
    for (size_t i = 0; i < rest.n; i++) {
        span content = whole(rest.messages[i].content);
        if (is(&rest.messages[i], "assistant")) {
            ltd_str_puts(out, " ");
            put(out, strip(content));
            ltd_str_puts(out, " </s>");
            continue;
        }
        /* White space is stripped from the whole: the system message shields the left end. */
        ltd_str turn = LTD_STR_INIT;
        if (i == 0 && system) ltd_str_printf(&turn, "<<SYS>>\n%s\n<</SYS>>\n\n", system);
        put(&turn, content);
        ltd_str_puts(out, "<s>[INST] ");
        put(out, strip((span){ltd_str_text(&turn), turn.len}));
        ltd_str_puts(out, " [/INST]");
        if (turn.failed) out->failed = true;
        ltd_str_fini(&turn);
    }
}

/* --- Llama 3 --- */
static void open_llama3(ltd_str *out, const char *role)
{
    ltd_str_puts(out, "<|start_header_id|>");
    ltd_str_puts(out, role);
    ltd_str_puts(out, "<|end_header_id|>\n\n");
}

void ltd_chat_llama3(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out)
{
    ltd_conversation rest = *c;
    bool dates = chat->flag;
    if (dates || c->n > 0) ltd_str_puts(out, "<|begin_of_text|>");
    if (dates) {
        const char *system = take_system(c, &rest);
        open_llama3(out, "system");
        ltd_str_puts(out, "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n");
        if (system) put(out, strip(whole(system)));
        ltd_str_puts(out, "<|eot_id|>");
    }
    for (size_t i = 0; i < rest.n; i++) {
        open_llama3(out, rest.messages[i].role);
        put(out, strip(whole(rest.messages[i].content)));
        ltd_str_puts(out, "<|eot_id|>");
    }
    if (c->generate) open_llama3(out, "assistant");
}

/* --- DeepSeek R1: names between full-width bars --- */
#define BAR "\xef\xbd\x9c"
#define LOW "\xe2\x96\x81"

void ltd_chat_deepseek(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out)
{
    (void)chat;
    const char *system = "";
    for (size_t i = 0; i < c->n; i++)
        if (is(&c->messages[i], "system")) system = c->messages[i].content;
    ltd_str_puts(out, "<" BAR "begin" LOW "of" LOW "sentence" BAR ">");
    ltd_str_puts(out, system);
    for (size_t i = 0; i < c->n; i++) {
        span content = whole(c->messages[i].content);
        if (is(&c->messages[i], "user")) {
            ltd_str_puts(out, "<" BAR "User" BAR ">");
            put(out, content);
        } else if (is(&c->messages[i], "assistant")) {
            ltd_str_puts(out, "<" BAR "Assistant" BAR ">");
            put(out, behind(content, "</think>"));
            ltd_str_puts(out, "<" BAR "end" LOW "of" LOW "sentence" BAR ">");
        }
    }
    if (c->generate) ltd_str_puts(out, "<" BAR "Assistant" BAR "><think>\n");
}

/* --- Gemma 3 --- */
void ltd_chat_gemma3(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out)
{
    (void)chat;
    ltd_conversation rest;
    const char *system = take_system(c, &rest);
    ltd_str_puts(out, "<bos>");
    for (size_t i = 0; i < rest.n; i++) {
        bool answer = is(&rest.messages[i], "assistant");
        ltd_str_puts(out, answer ? "<start_of_turn>model\n" : "<start_of_turn>user\n");
        if (i == 0 && system) {
            ltd_str_puts(out, system);
            ltd_str_puts(out, "\n\n");
        }
        put(out, strip(whole(rest.messages[i].content)));
        ltd_str_puts(out, "<end_of_turn>\n");
    }
    if (c->generate) ltd_str_puts(out, "<start_of_turn>model\n");
}

/* --- Vicuna --- */
void ltd_chat_vicuna(const ltd_chat *chat, const ltd_conversation *c, ltd_str *out)
{
    ltd_conversation rest;
    const char *system = take_system(c, &rest);
    ltd_str_puts(out, system ? system : chat->system);
    ltd_str_puts(out, " ");
    for (size_t i = 0; i < rest.n; i++) {
        bool answer = is(&rest.messages[i], "assistant");
        ltd_str_puts(out, answer ? "ASSISTANT:" : "USER:");
        if (!rest.messages[i].content[0]) continue; /* FastChat's: an empty turn has no end */
        ltd_str_puts(out, " ");
        ltd_str_puts(out, rest.messages[i].content);
        ltd_str_puts(out, answer ? "</s>" : " ");
    }
    if (c->generate) ltd_str_puts(out, "ASSISTANT:");
}
