/* Normalisers: what happens to a text before it is cut into words.
 *
 * NFC is libutf8proc's, but for the canonical ordering of combining marks: the library sorts them
 * by insertion, which a text of many marks makes quadratic. */
#include "models/text/tokenizer_priv.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/mem.h"

enum { MAX_OPERAND = 64, MAX_TEXT = INT32_MAX / 2 };

int ltd_norm_add(ltd_tokenizer *tok, const char *name, ltd_norm_kind kind, const char *from,
                 const char *to, ltd_err *err)
{
    if (tok->n_norms == LTD_TOKENIZER_MAX_NORMS)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: more than %d normalisers", name,
                        LTD_TOKENIZER_MAX_NORMS);
    const char *operands[] = {from, to};
    for (int i = 0; i < 2; i++)
        if (operands[i] && strlen(operands[i]) > MAX_OPERAND)
            return ltd_fail(err, LTD_EUNSUPPORTED,
                            "%s: a normaliser's text of %zu bytes, expected at most %d", name,
                            strlen(operands[i]), MAX_OPERAND);
    if (kind == LTD_NORM_REPLACE && (!from || !from[0]))
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: normaliser Replace of an empty text", name);
    ltd_norm norm = {.kind = kind,
                     .from = from ? ltd_mem_strdup(from) : NULL,
                     .to = to ? ltd_mem_strdup(to) : NULL};
    if ((from && !norm.from) || (to && !norm.to)) {
        ltd_norm_fini(&norm);
        return ltd_fail(err, LTD_ENOMEM, "%s: normaliser", name);
    }
    tok->norms[tok->n_norms++] = norm;
    return LTD_OK;
}

void ltd_norm_fini(ltd_norm *norm)
{
    free(norm->from);
    free(norm->to);
    *norm = (ltd_norm){0};
}

/* --- replacing --- */
static void replace(const char *text, size_t n, const char *from, const char *to, ltd_str *out)
{
    size_t n_from = strlen(from), n_to = strlen(to), kept = 0;
    for (size_t at = 0; at + n_from <= n;) {
        const char *hit = memchr(text + at, from[0], n - n_from - at + 1);
        if (!hit) break;
        at = (size_t)(hit - text);
        if (memcmp(hit, from, n_from) != 0) {
            at++;
            continue;
        }
        ltd_str_push(out, text + kept, at - kept);
        ltd_str_push(out, to, n_to);
        at += n_from;
        kept = at;
    }
    ltd_str_push(out, text + kept, n - kept);
}

/* --- composing --- */
/* The number of code points below U+0300 is what most texts have: nothing there composes. */
static bool is_composed(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)text[i] >= 0xcc) return false;
    return true;
}

static int class_of(int32_t c)
{
    return utf8proc_get_property(c)->combining_class;
}

/* Put marks in the order of their class, those of one class as they stand: a counting sort. */
static void order_marks(int32_t *marks, size_t n, int32_t *room)
{
    size_t at[257] = {0};
    for (size_t i = 0; i < n; i++) at[class_of(marks[i]) + 1]++;
    for (int k = 0; k < 256; k++) at[k + 1] += at[k];
    for (size_t i = 0; i < n; i++) room[at[class_of(marks[i])]++] = marks[i];
    memcpy(marks, room, n * sizeof *marks);
}

struct code_points {
    int32_t *list, *room; /* [cap] */
    size_t n, cap;
};

/* Append the canonical decomposition of a character. */
static int decompose(struct code_points *cp, int32_t c, ltd_err *err)
{
    enum { MOST = 32 };
    if (cp->n + MOST > cp->cap) {
        size_t cap = cp->cap ? 2 * cp->cap : 1024;
        int32_t *list = ltd_mem_resize(cp->list, cap, sizeof *list);
        if (list) cp->list = list;
        int32_t *room = list ? ltd_mem_resize(cp->room, cap, sizeof *room) : NULL;
        if (!room) return ltd_fail(err, LTD_ENOMEM, "tokeniser: text of %zu characters", cp->n);
        cp->room = room;
        cp->cap = cap;
    }
    int last = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(c, cp->list + cp->n, MOST,
                                                 UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, &last);
    if (n < 0 || n > MOST) { /* not assigned: it stands for itself */
        cp->list[cp->n] = c;
        n = 1;
    }
    cp->n += (size_t)n;
    return LTD_OK;
}

/* The NFC of what is in cp, as UTF-8. */
static void compose(struct code_points *cp, ltd_str *out)
{
    for (size_t i = 0; i < cp->n;) {
        size_t end = i;
        while (end < cp->n && class_of(cp->list[end]) > 0) end++;
        if (end - i > 1) order_marks(cp->list + i, end - i, cp->room);
        i = end + 1;
    }
    utf8proc_ssize_t n = utf8proc_normalize_utf32(cp->list, (utf8proc_ssize_t)cp->n,
                                                  UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        uint8_t bytes[4];
        utf8proc_ssize_t len = utf8proc_encode_char(cp->list[i], bytes);
        ltd_str_push(out, (const char *)bytes, (size_t)len);
    }
    cp->n = 0;
}

/* Bytes that are no UTF-8 stay, and nothing composes across them. */
static int to_nfc(const char *text, size_t n, ltd_str *out, ltd_err *err)
{
    struct code_points cp = {0};
    int status = LTD_OK;
    for (size_t i = 0, len; i < n && status == LTD_OK; i += len) {
        len = ltd_utf8_length(text + i, n - i);
        if (len == 0) {
            len = 1;
            compose(&cp, out);
            ltd_str_push(out, text + i, 1);
            continue;
        }
        int32_t c = 0;
        utf8proc_iterate((const uint8_t *)text + i, (utf8proc_ssize_t)len, &c);
        status = decompose(&cp, c, err);
    }
    if (status == LTD_OK) compose(&cp, out);
    free(cp.list);
    free(cp.room);
    return status;
}

int ltd_norm_text(const ltd_tokenizer *tok, const char *text, size_t n, ltd_str buffers[2],
                  const char **ret, size_t *n_ret, ltd_err *err)
{
    int status = LTD_OK, into = 0;
    for (int i = 0; i < tok->n_norms && n > 0; i++) {
        const ltd_norm *norm = &tok->norms[i];
        if (norm->kind == LTD_NORM_NFC && is_composed(text, n)) continue;
        ltd_str *out = &buffers[into];
        into = !into;
        ltd_str_clear(out);
        switch (norm->kind) {
        case LTD_NORM_NFC: status = to_nfc(text, n, out, err); break;
        case LTD_NORM_PREPEND:
            ltd_str_puts(out, norm->to);
            ltd_str_push(out, text, n);
            break;
        case LTD_NORM_REPLACE: replace(text, n, norm->from, norm->to, out); break;
        }
        if (status < 0) return status;
        if (out->failed || out->len > MAX_TEXT)
            return ltd_fail(err, LTD_ENOMEM, "tokeniser: normalised text of %zu bytes", out->len);
        text = ltd_str_text(out);
        n = out->len;
    }
    *ret = text;
    *n_ret = n;
    return LTD_OK;
}
