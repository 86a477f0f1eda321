#include "trainer/distill/frame.h"

#include <string.h>

/* Stands for the message while the template is rendered; no template contains it. */
static const char stand_in[] = "(the message)";

int ltd_frame_init(ltd_frame *ret, const ltd_tokenizer *tok, const ltd_chat *chat, ltd_err *err)
{
    *ret = (ltd_frame){.tok = tok, .before = LTD_STR_INIT, .after = LTD_TOKENS_INIT};
    const ltd_message message = {"user", stand_in};
    ltd_str text = LTD_STR_INIT;
    int rc = ltd_chat_render(chat, &message, 1, true, &text, err);
    const char *all = ltd_str_text(&text), *at = rc == LTD_OK ? strstr(all, stand_in) : NULL;
    if (rc == LTD_OK && !at)
        rc = ltd_fail(err, LTD_EINVAL, "chat template %s: the user's message is not in it",
                      ltd_chat_name(chat));
    if (rc == LTD_OK && (at == all || !at[strlen(stand_in)]))
        rc = ltd_fail(err, LTD_EINVAL,
                      "chat template %s: opens no turn in which a model would write a message",
                      ltd_chat_name(chat));
    if (rc == LTD_OK) {
        const char *after = at + strlen(stand_in);
        ltd_str_push(&ret->before, all, (size_t)(at - all));
        rc = ltd_tokenizer_encode(tok, after, strlen(after), LTD_ENCODE_SPECIAL, &ret->after, err);
    }
    ltd_str_fini(&text);
    return rc;
}

void ltd_frame_fini(ltd_frame *f)
{
    ltd_str_fini(&f->before);
    ltd_tokens_fini(&f->after);
}

int ltd_frame_open(const ltd_frame *f, const char *words, ltd_tokens *out, ltd_err *err)
{
    ltd_str text = LTD_STR_INIT;
    ltd_str_push(&text, f->before.data, f->before.len);
    if (words) ltd_str_puts(&text, words);
    int rc =
        ltd_tokenizer_encode(f->tok, ltd_str_text(&text), text.len, LTD_ENCODE_PROMPT, out, err);
    ltd_str_fini(&text);
    return rc;
}

bool ltd_frame_ends(const ltd_frame *f, int32_t token)
{
    return ltd_tokenizer_is_end(f->tok, token) || (f->after.n && token == f->after.ids[0]);
}
