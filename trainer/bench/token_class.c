/* A run of at least LTD_COPY_RUN tokens that stands in the prompt is a chain of stretches of
 * exactly so many that do: a table of the prompt's stretches finds all of them, however long runs
 * are. */
#include "trainer/bench/token_class.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const char *ltd_token_class_name(ltd_token_class kind)
{
    static const char *const name[LTD_TOKEN_CLASSES] = {"heading", "citation", "copied", "other"};
    return name[kind];
}

/* --- lines and marks --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* How many of c stand at the beginning of s[0..n). */
static size_t run_of(const char *s, size_t n, char c)
{
    size_t i = 0;
    while (i < n && s[i] == c) i++;
    return i;
}

/* Does s[0..n) hold anything but blanks and the sign? */
static bool says_something(const char *s, size_t n, char sign)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != sign && !is_blank(s[i])) return true;
    return false;
}

/* A line without blanks around it. */
static bool is_heading(const char *s, size_t n)
{
    size_t signs = run_of(s, n, '#'), behind = 0;
    if (signs) return signs <= 6 && signs < n && is_blank(s[signs]);
    signs = run_of(s, n, '=');
    if (signs) {
        while (behind < n && s[n - 1 - behind] == '=') behind++;
        return signs >= 2 && behind >= 2 && says_something(s, n, '=');
    }
    if (n < 5 || memcmp(s, "**", 2) != 0 || memcmp(s + n - 2, "**", 2) != 0) return false;
    for (size_t i = 2; i + 3 < n; i++)
        if (s[i] == '*' && s[i + 1] == '*') return false; /* bold words, others between them */
    return says_something(s, n, '*');
}

static void find_headings(const char *s, size_t n, uint8_t *kind)
{
    for (size_t begin = 0, next; begin < n; begin = next) {
        const char *stop = memchr(s + begin, '\n', n - begin);
        size_t end = stop ? (size_t)(stop - s) : n;
        next = end + 1;
        while (begin < end && is_blank(s[begin])) begin++;
        while (begin < end && is_blank(s[end - 1])) end--;
        if (is_heading(s + begin, end - begin))
            memset(kind + begin, LTD_TOKEN_HEADING, end - begin);
    }
}

/* Bytes of "[12]" at s[0..n), 0: it isn't one. */
static size_t mark_length(const char *s, size_t n)
{
    size_t i = 1;
    if (s[0] != '[') return 0;
    while (i < n && s[i] >= '0' && s[i] <= '9') i++;
    return i > 1 && i < n && s[i] == ']' ? i + 1 : 0;
}

/* None of them has a line break, so a mark lies in a heading or outside, never across. */
static void find_marks(const char *s, size_t n, uint8_t *kind)
{
    for (size_t i = 0, length; i < n; i += length ? length : 1) {
        length = mark_length(s + i, n - i);
        if (length && kind[i] == LTD_TOKEN_OTHER) memset(kind + i, LTD_TOKEN_CITATION, length);
    }
}

/* Headings, citations and the rest. */
static int by_bytes(const ltd_tokenizer *tok, const int32_t *answer, size_t n, uint8_t *kind,
                    ltd_err *err)
{
    ltd_str text = LTD_STR_INIT;
    size_t *end = ltd_mem_zeros(n, sizeof *end);
    for (size_t i = 0; end && i < n; i++) {
        ltd_tokenizer_decode(tok, answer[i], false, &text);
        end[i] = text.len;
    }
    uint8_t *byte = ltd_mem_zeros(text.len, 1);
    bool ok = end && byte && !text.failed;
    if (ok) {
        memset(byte, LTD_TOKEN_OTHER, text.len);
        find_headings(ltd_str_text(&text), text.len, byte);
        find_marks(ltd_str_text(&text), text.len, byte);
        for (size_t i = 0, at = 0; i < n; i++)
            for (kind[i] = LTD_TOKEN_OTHER; at < end[i]; at++)
                if (byte[at] < kind[i]) kind[i] = byte[at];
    }
    free(byte);
    free(end);
    ltd_str_fini(&text);
    return ok ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "token classes: no memory for %zu tokens", n);
}

/* --- copies --- */

/* Stretches of the prompt, each kept once. */
typedef struct stretches {
    const int32_t *ids;
    size_t *slot; /* [mask + 1] place in ids + 1; 0: free */
    size_t mask;
} stretches;

/* Where the stretch is kept, or would be. */
static size_t *look_up(const stretches *t, const int32_t *ids)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (int i = 0; i < LTD_COPY_RUN; i++) h = (h ^ (uint32_t)ids[i]) * 0x100000001b3u;
    size_t at = (size_t)(h ^ h >> 32) & t->mask;
    while (t->slot[at] && memcmp(t->ids + t->slot[at] - 1, ids, LTD_COPY_RUN * sizeof *ids) != 0)
        at = (at + 1) & t->mask;
    return &t->slot[at];
}

static int find_copies(const int32_t *prompt, size_t n_prompt, const int32_t *answer, size_t n,
                       uint8_t *kind, ltd_err *err)
{
    stretches t = {.ids = prompt, .mask = 1};
    if (n_prompt < LTD_COPY_RUN || n < LTD_COPY_RUN) return LTD_OK;
    while (t.mask < 2 * n_prompt) t.mask = 2 * t.mask + 1;
    t.slot = ltd_mem_zeros(t.mask + 1, sizeof *t.slot);
    if (!t.slot)
        return ltd_fail(err, LTD_ENOMEM, "token classes: no memory for %zu tokens", n_prompt);
    for (size_t i = 0; i + LTD_COPY_RUN <= n_prompt; i++) *look_up(&t, prompt + i) = i + 1;
    for (size_t i = 0, done = 0; i + LTD_COPY_RUN <= n; i++) {
        if (!*look_up(&t, answer + i)) continue;
        for (done = done > i ? done : i; done < i + LTD_COPY_RUN; done++)
            if (kind[done] == LTD_TOKEN_OTHER) kind[done] = LTD_TOKEN_COPIED;
    }
    free(t.slot);
    return LTD_OK;
}

int ltd_token_classes(const ltd_tokenizer *tok, const int32_t *prompt, size_t n_prompt,
                      const int32_t *answer, size_t n, uint8_t *kind, ltd_err *err)
{
    int rc = by_bytes(tok, answer, n, kind, err);
    return rc == LTD_OK ? find_copies(prompt, n_prompt, answer, n, kind, err) : rc;
}
