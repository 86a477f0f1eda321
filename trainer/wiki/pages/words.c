#include "trainer/wiki/pages/words.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/mem.h"

/* Of a text: its words, lower-cased and each with a NUL, are counted in int32. */
enum { MOST_BYTES = 1000 * 1000 * 1000 };

/* Where a text is being split: `at` bytes written, the word that begins at `begin` is open. */
typedef struct cutter {
    ltd_words *w;
    ltd_words_kind kind;
    int32_t at, begin;
    bool open;
} cutter;

/* What Python's str.isspace() says of a character. */
static bool is_space(utf8proc_int32_t c)
{
    if (c < 128) return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20);
    if (c == 0x85 || c == 0x2028 || c == 0x2029) return true;
    return utf8proc_category(c) == UTF8PROC_CATEGORY_ZS;
}

static bool is_alnum(utf8proc_int32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static void word_opens(cutter *k)
{
    if (!k->open) k->begin = k->at;
    k->open = true;
}

static void word_ends(cutter *k)
{
    if (!k->open) return;
    ltd_words *w = k->w;
    w->start[w->n] = k->begin;
    w->len[w->n++] = k->at - k->begin;
    w->bytes[k->at++] = 0;
    k->open = false;
}

/* A character of a word; `bytes` are its own when it stays as it is. */
static void character(cutter *k, utf8proc_int32_t c, const uint8_t *bytes, int32_t n)
{
    uint8_t lower[4];
    utf8proc_int32_t small = c;
    if (k->kind != LTD_WORDS_WS && c >= 0) small = utf8proc_tolower(c);
    if (small != c) {
        n = (int32_t)utf8proc_encode_char(small, lower);
        bytes = lower;
    }
    if (k->kind == LTD_WORDS_STD && !is_alnum(small)) {
        word_ends(k);
        return;
    }
    word_opens(k);
    if (k->kind == LTD_WORDS_PLAIN && !is_alnum(small)) return;
    memcpy(k->w->bytes + k->at, bytes, (size_t)n);
    k->at += n;
}

static void cut(cutter *k, const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        utf8proc_int32_t c = -1;
        utf8proc_ssize_t n = utf8proc_iterate(text + i, (utf8proc_ssize_t)(len - i), &c);
        if (n <= 0) {
            n = 1;
            c = -1; /* no UTF-8: a letter of its own */
        }
        if (k->kind != LTD_WORDS_STD && c >= 0 && is_space(c))
            word_ends(k);
        else
            character(k, c, text + i, (int32_t)n);
        /* The one letter whose small form is two: i and a dot above. */
        if (c == 0x130 && k->kind != LTD_WORDS_WS)
            character(k, 0x307, (const uint8_t *)"\xcc\x87", 2);
        i += (size_t)n;
    }
    word_ends(k);
}

int ltd_words_split(ltd_words *ret, ltd_words_kind kind, const char *text, size_t len, ltd_err *err)
{
    if (len > MOST_BYTES)
        return ltd_fail(err, LTD_EFORMAT, "words: a text of %zu bytes, expected at most %d", len,
                        MOST_BYTES);
    /* Lower-casing makes 2 bytes 3 at most; each word costs a NUL, and there is a byte between two
     * of them. */
    size_t bytes = len + len / 2 + len / 2 + 8, words = len / 2 + 1;
    ltd_words w = {malloc(bytes), malloc(words * sizeof(int32_t)), malloc(words * sizeof(int32_t)),
                   0};
    if (!w.bytes || !w.start || !w.len) {
        ltd_words_fini(&w);
        return ltd_fail(err, LTD_ENOMEM, "words: no memory for %zu bytes", len);
    }
    cutter k = {&w, kind, 0, 0, false};
    cut(&k, (const uint8_t *)text, len);
    /* Less is always had; should it not be, the larger piece serves. */
    char *tight = ltd_mem_resize(w.bytes, (size_t)k.at + 1, 1);
    if (tight) w.bytes = tight;
    int32_t *start = ltd_mem_resize(w.start, (size_t)w.n + 1, sizeof *start);
    if (start) w.start = start;
    int32_t *lens = ltd_mem_resize(w.len, (size_t)w.n + 1, sizeof *lens);
    if (lens) w.len = lens;
    *ret = w;
    return LTD_OK;
}

void ltd_words_fini(ltd_words *words)
{
    free(words->bytes);
    free(words->start);
    free(words->len);
    *words = (ltd_words){0};
}

const char *ltd_words_at(const ltd_words *words, int32_t i)
{
    return words->bytes + words->start[i];
}
