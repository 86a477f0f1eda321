/* Encoding: the steps of tokenizer_priv.h, one after the other. */
#include <string.h>

#include "models/text/tokenizer_priv.h"

struct encoder {
    const ltd_tokenizer *tok;
    ltd_bpe bpe;
    ltd_splitter splitter;
    ltd_str buffers[2]; /* of the normalisers */
    ltd_tokens *ids;
    int flags;
};

static int on_word(void *ctx, const char *word, size_t n, ltd_err *err)
{
    struct encoder *e = ctx;
    return ltd_bpe_word(&e->bpe, e->tok, word, n, e->ids, err);
}

/* What to do with the text between special tokens. */
typedef int (*stretch_fn)(struct encoder *e, const char *text, size_t n, bool first, ltd_err *err);

/* The special tokens of text[0..n) as ids, what lies between to fn. */
static int between_specials(struct encoder *e, const ltd_specials *specials, const char *text,
                            size_t n, bool first, stretch_fn fn, ltd_err *err)
{
    size_t at = 0;
    int status = LTD_OK;
    while (at < n && status == LTD_OK) {
        size_t end = n, len = 0;
        int32_t special = ltd_specials_find(specials, text, n, at, e->flags, &end, &len);
        if (end > at) status = fn(e, text + at, end - at, first && at == 0, err);
        if (status == LTD_OK && special >= 0) status = ltd_tokens_push(e->ids, special, err);
        at = end + len;
    }
    return status;
}

static int into_words(struct encoder *e, const char *text, size_t n, bool first, ltd_err *err)
{
    return ltd_split_words(&e->splitter, e->tok, text, n, first, err);
}

static int normalise(struct encoder *e, const char *text, size_t n, bool first, ltd_err *err)
{
    int status = ltd_norm_text(e->tok, text, n, e->buffers, &text, &n, err);
    if (status < 0) return status;
    return between_specials(e, &e->tok->after, text, n, first, into_words, err);
}

int ltd_tokenizer_encode(const ltd_tokenizer *tok, const char *text, size_t n, int flags,
                         ltd_tokens *ids, ltd_err *err)
{
    if (n > INT32_MAX / 4)
        return ltd_fail(err, LTD_EINVAL, "text of %zu bytes, expected at most 512 MiB", n);
    size_t before = ids->n;
    struct encoder e = {.tok = tok, .ids = ids, .flags = flags};
    e.splitter.fn = on_word;
    e.splitter.ctx = &e;
    bool bos = (flags & LTD_ENCODE_BOS) && ltd_tokenizer_add_bos(tok);
    int status = bos ? ltd_tokens_push(ids, tok->bos, err) : LTD_OK;
    if (status == LTD_OK)
        status = between_specials(&e, &tok->before, text, n, true, normalise, err);
    if (status == LTD_OK && bos && ids->n > before + 1 && ids->ids[before + 1] == tok->bos) {
        ids->n--; /* the text wrote it */
        memmove(ids->ids + before, ids->ids + before + 1, (ids->n - before) * sizeof *ids->ids);
    }
    if (status < 0) ids->n = before;
    ltd_bpe_fini(&e.bpe);
    ltd_splitter_fini(&e.splitter);
    ltd_str_fini(&e.buffers[0]);
    ltd_str_fini(&e.buffers[1]);
    return status;
}
