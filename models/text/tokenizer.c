/* Decoding, and what callers ask about a vocabulary. */
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

/* Append a text with LTD_SPACE_MARK as spaces. */
static void put_spaces(const char *text, const char *end, ltd_str *out)
{
    size_t mark = strlen(LTD_SPACE_MARK);
    for (const char *s = text; s < end;) {
        bool is_mark = (size_t)(end - s) >= mark && memcmp(s, LTD_SPACE_MARK, mark) == 0;
        ltd_str_push(out, is_mark ? " " : s, 1);
        s += is_mark ? mark : 1;
    }
}

/* Append a token of byte symbols as the bytes.  One that holds anything else was added as plain
 * text: it is its own text. */
static void put_bytes(const char *text, const char *end, ltd_str *out)
{
    bool symbols = true;
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

/* The byte of a token like <0xE2> that stands for one, -1 for others. */
static int fallback_byte(const ltd_tokenizer *tok, int32_t id)
{
    const char *text = tok->text + tok->text_at[id];
    if (!tok->fallback || tok->text_at[id + 1] - tok->text_at[id] != 6) return -1;
    int byte = 0;
    for (int i = 3; i < 5; i++) {
        const char *digits = "0123456789ABCDEF", *d = text[i] ? strchr(digits, text[i]) : NULL;
        if (!d) return -1;
        byte = 16 * byte + (int)(d - digits);
    }
    return tok->byte_id[byte] == id ? byte : -1;
}

void ltd_tokenizer_decode(const ltd_tokenizer *tok, int32_t id, bool special, ltd_str *out)
{
    if (id < 0 || id >= tok->n) return;
    const char *text = tok->text + tok->text_at[id];
    const char *end = tok->text + tok->text_at[id + 1];
    int type = tok->type[id], byte = fallback_byte(tok, id);
    if (type == LTD_TOKEN_CONTROL || type == LTD_TOKEN_UNKNOWN) {
        if (special) ltd_str_push(out, text, (size_t)(end - text));
    } else if (byte >= 0) {
        char c = (char)byte;
        ltd_str_push(out, &c, 1);
    } else if (tok->spaces) {
        put_spaces(text, end, out);
    } else if (tok->bytes && type != LTD_TOKEN_USER) {
        put_bytes(text, end, out);
    } else {
        ltd_str_push(out, text, (size_t)(end - text));
    }
}

void ltd_tokenizer_decode_text(const ltd_tokenizer *tok, const int32_t *ids, size_t n, bool special,
                               ltd_str *out)
{
    ltd_str text = LTD_STR_INIT;
    for (size_t i = 0; i < n; i++) ltd_tokenizer_decode(tok, ids[i], special, &text);
    size_t skip = 0;
    while (skip < text.len && (int)skip < tok->strip && text.data[skip] == ' ') skip++;
    ltd_str_push(out, ltd_str_text(&text) + skip, text.len - skip);
    if (text.failed) out->failed = true;
    ltd_str_fini(&text);
}

void ltd_tokenizer_free(ltd_tokenizer *tok)
{
    if (!tok) return;
    free(tok->text);
    free(tok->text_at);
    free(tok->type);
    free(tok->rank);
    ltd_map_fini(&tok->by_text);
    free(tok->merges);
    ltd_map_fini(&tok->by_pair);
    ltd_specials_fini(&tok->before);
    ltd_specials_fini(&tok->after);
    for (int i = 0; i < tok->n_norms; i++) ltd_norm_fini(&tok->norms[i]);
    for (int i = 0; i < tok->n_steps; i++) pcre2_code_free(tok->steps[i].code);
    free(tok->chat_template);
    free(tok);
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

int32_t ltd_tokenizer_pad(const ltd_tokenizer *tok)
{
    return tok->pad;
}

bool ltd_tokenizer_add_bos(const ltd_tokenizer *tok)
{
    return tok->add_bos && tok->bos >= 0;
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
