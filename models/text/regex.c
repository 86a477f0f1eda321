/* The patterns of pre-tokenisers, written for Oniguruma in its Ruby syntax, compiled by PCRE2.
 *
 * Both agree on most of the language.  Where they don't, the pattern is rewritten, or refused: a
 * word cut differently would give other ids without a sign.
 *
 *   \s \S    are spelled out as Unicode's White_Space: PCRE2's \s has U+180E, which is none since
 *            Unicode 6.3
 *   ^ $      are at every line, as in Ruby
 *   escapes, groups and quantifiers that one of them lacks or reads otherwise are refused */
#include "models/text/tokenizer_priv.h"

#include <string.h>

/* Unicode White_Space, for use inside a class. */
#define SPACE                                                                                      \
    "\\x{09}-\\x{0d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}"           \
    "\\x{202f}\\x{205f}\\x{3000}"

struct rewriter {
    const char *name; /* of the file, for messages */
    const char *pattern;
    size_t n, at;
    bool in_class;
    ltd_str out;
};

/* Whether the rest begins with `text`. */
static bool ahead(const struct rewriter *r, const char *text)
{
    size_t len = strlen(text);
    return r->n - r->at >= len && memcmp(r->pattern + r->at, text, len) == 0;
}

static int refuse(const struct rewriter *r, const char *what, ltd_err *err)
{
    return ltd_fail(err, LTD_EUNSUPPORTED, "%s: pattern '%.*s': %s at byte %zu is not known",
                    r->name, r->n < 80 ? (int)r->n : 80, r->pattern, what, r->at);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* An escape that both read alike: punctuation that stands for itself, and a few letters. */
static bool is_simple(char c)
{
    if ((uint8_t)c <= 0x20 || (uint8_t)c >= 0x7f) return false;
    return !is_alnum(c) || strchr("dDrntf", c);
}

/* \p{Name}, \P{Name}, \x{2581}: copied with their braces. */
static int rewrite_braced(struct rewriter *r, ltd_err *err)
{
    const char *open = r->pattern + r->at + 2;
    const char *close = memchr(open, '}', r->n - r->at - 2);
    if (*open != '{' || !close) return refuse(r, "an escape without braces", err);
    for (const char *c = open + 1; c < close; c++)
        if (!is_alnum(*c) && *c != '_' && *c != '^') return refuse(r, "a property's name", err);
    size_t len = (size_t)(close - r->pattern) + 1 - r->at;
    ltd_str_push(&r->out, r->pattern + r->at, len);
    r->at += len;
    return LTD_OK;
}

static int rewrite_escape(struct rewriter *r, ltd_err *err)
{
    if (r->n - r->at < 2) return refuse(r, "a backslash at the end", err);
    char c = r->pattern[r->at + 1];
    bool is_set = c == 's' || c == 'S' || c == 'd' || c == 'D' || c == 'p' || c == 'P';
    if ((c == 'p' || c == 'P' || c == 'x') && r->n - r->at > 2) {
        int status = rewrite_braced(r, err);
        if (status < 0) return status;
    } else if (c == 's' || c == 'S') {
        if (!r->in_class)
            ltd_str_puts(&r->out, c == 's' ? "[" SPACE "]" : "[^" SPACE "]");
        else
            ltd_str_puts(&r->out, c == 's' ? SPACE : "\\P{White_Space}");
        r->at += 2;
    } else if (c == 'u') {
        if (r->n - r->at < 6) return refuse(r, "the escape \\u", err);
        for (size_t i = 2; i < 6; i++)
            if (!is_hex(r->pattern[r->at + i])) return refuse(r, "the escape \\u", err);
        ltd_str_printf(&r->out, "\\x{%.4s}", r->pattern + r->at + 2);
        r->at += 6;
    } else if (is_simple(c) || (!r->in_class && (c == 'A' || c == 'z'))) {
        ltd_str_push(&r->out, r->pattern + r->at, 2);
        r->at += 2;
    } else {
        return refuse(r, "an escape", err);
    }
    /* A set can't begin a range; spelled out it would seem to. */
    if (r->in_class && is_set && ahead(r, "-") && !ahead(r, "-]"))
        return refuse(r, "a range that begins with a set", err);
    return LTD_OK;
}

static int rewrite_class(struct rewriter *r, ltd_err *err)
{
    const char *open = ahead(r, "[^") ? "[^" : "[";
    ltd_str_puts(&r->out, open);
    r->at += strlen(open);
    if (ahead(r, "]")) return refuse(r, "']' first in a class", err);
    r->in_class = true;
    while (r->at < r->n && r->pattern[r->at] != ']') {
        if (ahead(r, "[")) return refuse(r, "a class within a class", err);
        if (ahead(r, "&&")) return refuse(r, "an intersection of classes", err);
        if (ahead(r, "\\")) {
            int status = rewrite_escape(r, err);
            if (status < 0) return status;
            continue;
        }
        ltd_str_push(&r->out, r->pattern + r->at++, 1);
    }
    if (r->at == r->n) return refuse(r, "a class without end", err);
    r->in_class = false;
    ltd_str_push(&r->out, r->pattern + r->at++, 1);
    return LTD_OK;
}

static int rewrite_group(struct rewriter *r, ltd_err *err)
{
    static const char *const known[] = {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?>"};
    const char *open = ahead(r, "(?") || ahead(r, "(*") ? NULL : "(";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (ahead(r, known[i])) open = known[i];
    if (!open) return refuse(r, "a group", err);
    ltd_str_puts(&r->out, open);
    r->at += strlen(open);
    return LTD_OK;
}

static int rewrite(struct rewriter *r, ltd_err *err)
{
    int status = LTD_OK;
    while (r->at < r->n && status == LTD_OK) {
        switch (r->pattern[r->at]) {
        case '\\': status = rewrite_escape(r, err); break;
        case '[': status = rewrite_class(r, err); break;
        case '(': status = rewrite_group(r, err); break;
        default:
            if (ahead(r, "{,") || ahead(r, "}+") || ahead(r, "}?"))
                return refuse(r, "a quantifier", err);
            ltd_str_push(&r->out, r->pattern + r->at++, 1);
        }
    }
    return status;
}

static int compile(pcre2_code **ret, const struct rewriter *r, ltd_err *err)
{
    int code = 0;
    PCRE2_SIZE where = 0;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) return ltd_fail(err, LTD_ENOMEM, "%s: pattern", r->name);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    *ret = pcre2_compile((PCRE2_SPTR)ltd_str_text(&r->out), r->out.len,
                         PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code,
                         &where, context);
    pcre2_compile_context_free(context);
    if (!*ret) {
        PCRE2_UCHAR text[120] = "";
        pcre2_get_error_message(code, text, sizeof text);
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: pattern '%.*s': %s", r->name,
                        r->n < 80 ? (int)r->n : 80, r->pattern, (const char *)text);
    }
    /* Without JIT the library interprets: slower, the same words. */
    (void)pcre2_jit_compile(*ret, PCRE2_JIT_COMPLETE);
    return LTD_OK;
}

int ltd_regex_compile(pcre2_code **ret, const char *name, const char *pattern, size_t n,
                      ltd_err *err)
{
    *ret = NULL;
    struct rewriter r = {.name = name, .pattern = pattern, .n = n, .out = LTD_STR_INIT};
    int status = rewrite(&r, err);
    if (status == LTD_OK && r.out.failed) status = ltd_fail(err, LTD_ENOMEM, "%s: pattern", name);
    if (status == LTD_OK) status = compile(ret, &r, err);
    ltd_str_fini(&r.out);
    return status;
}
