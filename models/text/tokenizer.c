/* Encode and decode over the parts of tokenizer_priv.h, and what callers ask about a vocabulary. */
#include "models/text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/text/tokenizer_priv.h"

int ltd_tokens_push(ltd_tokens *tokens, int32_t id, ltd_err *err)
{
    if (tokens->n == tokens->cap) {
        size_t cap = tokens->cap ? 2 * tokens->cap : 64;
        int32_t *ids = ltd_mem_resize(tokens->ids, cap, sizeof *ids);
        if (!ids) return ltd_fail(err, LTD_ENOMEM, "list of %zu tokens", cap);
        tokens->ids = ids;
        tokens->cap = cap;
    }
    tokens->ids[tokens->n++] = id;
    return LTD_OK;
}

void ltd_tokens_fini(ltd_tokens *tokens)
{
    free(tokens->ids);
    *tokens = (ltd_tokens)LTD_TOKENS_INIT;
}

struct encoder {
    const ltd_tokenizer *tok;
    ltd_bpe bpe;
    ltd_tokens *ids;
};

static int on_word(void *ctx, const char *word, size_t n, ltd_err *err)
{
    struct encoder *e = ctx;
    return ltd_bpe_word(&e->bpe, e->tok, word, n, e->ids, err);
}

int ltd_tokenizer_encode(const ltd_tokenizer *tok, const char *text, size_t n, int flags,
                         ltd_tokens *ids, ltd_err *err)
{
    if (n > INT32_MAX / 4)
        return ltd_fail(err, LTD_EINVAL, "text of %zu bytes, expected at most 512 MiB", n);
    size_t before = ids->n, at = 0;
    int status = LTD_OK;
    struct encoder e = {.tok = tok, .ids = ids};
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    if (!match) return ltd_fail(err, LTD_ENOMEM, "tokeniser");
    while (at < n && status == LTD_OK) {
        size_t end = n, len = 0;
        int32_t special = ltd_specials_find(&tok->specials, text, n, at, flags, &end, &len);
        status = ltd_split_words(tok->split, match, text + at, end - at, on_word, &e, err);
        if (status == LTD_OK && special >= 0) status = ltd_tokens_push(ids, special, err);
        at = end + len;
    }
    if (status < 0) ids->n = before;
    ltd_bpe_fini(&e.bpe);
    pcre2_match_data_free(match);
    return status;
}

/* The byte that the character at *s stands for, *s moved past it; -1 when it stands for none. */
static int next_byte(const char **s, const char *end)
{
    size_t len = ltd_utf8_length(*s, (size_t)(end - *s));
    const uint8_t *p = (const uint8_t *)*s;
    *s += len;
    if (len == 1) return ltd_symbol_byte(p[0]);
    if (len == 2) return ltd_symbol_byte((p[0] & 0x1fu) << 6 | (p[1] & 0x3fu));
    return -1;
}

void ltd_tokenizer_decode(const ltd_tokenizer *tok, int32_t id, bool special, ltd_str *out)
{
    if (id < 0 || id >= tok->n) return;
    const char *text = tok->text + tok->text_at[id];
    const char *end = tok->text + tok->text_at[id + 1];
    int type = tok->type[id];
    if (type == LTD_TOKEN_CONTROL || type == LTD_TOKEN_UNKNOWN) {
        if (special) ltd_str_push(out, text, (size_t)(end - text));
        return;
    }
    /* A token that holds anything but byte symbols was added as plain text: it is its own text. */
    bool symbols = type != LTD_TOKEN_USER;
    for (const char *s = text; s < end && symbols;) symbols = next_byte(&s, end) >= 0;
    if (!symbols) {
        ltd_str_push(out, text, (size_t)(end - text));
        return;
    }
    for (const char *s = text; s < end;) {
        char byte = (char)next_byte(&s, end);
        ltd_str_push(out, &byte, 1);
    }
}

int32_t ltd_tokenizer_vocab(const ltd_tokenizer *tok)
{
    return tok->n;
}

int32_t ltd_tokenizer_bos(const ltd_tokenizer *tok)
{
    return tok->bos;
}

int32_t ltd_tokenizer_eos(const ltd_tokenizer *tok)
{
    return tok->eos;
}

bool ltd_tokenizer_is_end(const ltd_tokenizer *tok, int32_t id)
{
    for (int32_t i = 0; i < tok->n_ends; i++)
        if (tok->ends[i] == id) return true;
    return false;
}

int32_t ltd_tokenizer_find(const ltd_tokenizer *tok, const char *text)
{
    return ltd_vocab_find(tok, text, strlen(text), NULL, 0);
}

const char *ltd_tokenizer_chat_template(const ltd_tokenizer *tok)
{
    return tok->chat_template ? tok->chat_template : "";
}
