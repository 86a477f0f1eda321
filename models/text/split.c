/* Text -> words, the stretches inside which merges may happen: one step after the other, each over
 * the pieces of the one before.  A piece is matched as a text of its own, so that a look-ahead ends
 * where the piece does.
 *
 * The text is checked for UTF-8 once, here: the library's own check would run again from each word
 * to the end of the text. */
#include "models/text/tokenizer_priv.h"

#include <string.h>

/* --- adding steps --- */
int ltd_split_add_step(ltd_tokenizer *tok, const char *name, const ltd_step *step, ltd_err *err)
{
    if (tok->n_steps == LTD_TOKENIZER_MAX_STEPS)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: more than %d steps of pre-tokenising", name,
                        LTD_TOKENIZER_MAX_STEPS);
    tok->steps[tok->n_steps++] = *step;
    return LTD_OK;
}

/* A pattern that matches this text and nothing else. */
static int quote(ltd_str *out, const char *name, const char *text, size_t n, ltd_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if ((uint8_t)text[i] < 0x80 && strchr("\\^$.[]|()?*+{}-#&~/'\"", text[i]))
            ltd_str_puts(out, "\\");
        ltd_str_push(out, text + i, 1);
    }
    if (n == 0) return ltd_fail(err, LTD_EUNSUPPORTED, "%s: a split at an empty text", name);
    return out->failed ? ltd_fail(err, LTD_ENOMEM, "%s: pattern", name) : LTD_OK;
}

int ltd_split_add(ltd_tokenizer *tok, const char *name, const char *pattern, size_t n, bool literal,
                  ltd_split_how how, bool invert, ltd_err *err)
{
    ltd_step step = {.kind = LTD_STEP_SPLIT, .how = how, .invert = invert};
    ltd_str quoted = LTD_STR_INIT;
    int status = LTD_OK;
    if (literal) {
        status = quote(&quoted, name, pattern, n, err);
        pattern = ltd_str_text(&quoted);
        n = quoted.len;
    }
    if (status == LTD_OK) status = ltd_regex_compile(&step.code, name, pattern, n, err);
    ltd_str_fini(&quoted);
    if (status == LTD_OK) status = ltd_split_add_step(tok, name, &step, err);
    if (status < 0) pcre2_code_free(step.code);
    return status;
}

/* --- characters --- */
size_t ltd_utf8_length(const char *text, size_t n)
{
    const uint8_t *s = (const uint8_t *)text;
    if (s[0] < 0x80) return 1;
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || len > n) return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (s[0] == 0xe0 && s[1] < 0xa0) return 0; /* longer than needed */
    if (s[0] == 0xed && s[1] > 0x9f) return 0; /* surrogates */
    if (s[0] == 0xf0 && s[1] < 0x90) return 0;
    if (s[0] == 0xf4 && s[1] > 0x8f) return 0; /* past U+10FFFF */
    return len;
}

/* --- walking --- */
static int run_step(ltd_splitter *sp, const ltd_tokenizer *tok, int step, const char *text,
                    size_t n, bool first, ltd_err *err);

/* Stretches of one piece, in order, matching or not, on their way to the next step.  The last one
 * is held back until it is known whether the next one joins it. */
struct cutter {
    ltd_splitter *sp;
    const ltd_tokenizer *tok;
    const char *text; /* the piece */
    int step;
    bool first;
    size_t begin, end; /* held back, empty at first */
    bool last;         /* the stretch added last was a match */
};

static int flush(struct cutter *c, ltd_err *err)
{
    const ltd_step *step = &c->tok->steps[c->step];
    size_t begin = c->begin, n = c->end - begin;
    c->begin = c->end;
    if (n == 0 || (step->how == LTD_SPLIT_REMOVED && c->last)) return LTD_OK;
    return run_step(c->sp, c->tok, c->step + 1, c->text + begin, n, c->first && begin == 0, err);
}

/* Add the stretch from where the last one ended. */
static int add(struct cutter *c, size_t end, bool match, ltd_err *err)
{
    const ltd_step *step = &c->tok->steps[c->step];
    match = match != step->invert;
    bool held = c->end > c->begin, joins = false;
    switch (step->how) {
    case LTD_SPLIT_ISOLATED:
    case LTD_SPLIT_REMOVED: break;
    case LTD_SPLIT_WITH_PREVIOUS: joins = match && !c->last; break;
    case LTD_SPLIT_WITH_NEXT: joins = !match && c->last; break;
    case LTD_SPLIT_CONTIGUOUS: joins = match == c->last; break;
    }
    int status = held && !joins ? flush(c, err) : LTD_OK;
    c->end = end;
    c->last = match;
    return status;
}

static int next_match(const pcre2_code *code, pcre2_match_data *match, const char *text, size_t n,
                      size_t at)
{
    int rc = pcre2_match(code, (PCRE2_SPTR)text, n, at, PCRE2_NO_UTF_CHECK, match, NULL);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(code, (PCRE2_SPTR)text, n, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, match,
                         NULL);
    return rc;
}

/* Stretches c->end to n of valid UTF-8. */
static int cut_valid(struct cutter *c, size_t n, ltd_err *err)
{
    const ltd_step *step = &c->tok->steps[c->step];
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(c->sp->match);
    const char *text = c->text + c->end;
    size_t base = c->end, size = n - c->end, at = 0, done = 0;
    bool any = false;
    int status = LTD_OK;
    while (at <= size && status == LTD_OK) {
        int rc = next_match(step->code, c->sp->match, text, size, at);
        if (rc == PCRE2_ERROR_NOMATCH) break;
        if (rc < 0) {
            PCRE2_UCHAR why[120] = "";
            pcre2_get_error_message(rc, why, sizeof why);
            return ltd_fail(err, rc == PCRE2_ERROR_NOMEMORY ? LTD_ENOMEM : LTD_EUNSUPPORTED,
                            "pre-tokeniser stopped at byte %zu: %s", at, (const char *)why);
        }
        size_t begin = span[0], end = span[1];
        if (end <= begin && any && end == done) { /* nothing, where the last match ended */
            at = done < size ? done + ltd_utf8_length(text + done, size - done) : size + 1;
            continue;
        }
        if (begin > done) status = add(c, base + begin, false, err);
        if (status == LTD_OK) status = add(c, base + end, true, err);
        at = done = end;
        any = true;
    }
    if (status == LTD_OK && done < size) status = add(c, n, false, err);
    return status;
}

static int split(ltd_splitter *sp, const ltd_tokenizer *tok, int step, const char *text, size_t n,
                 bool first, ltd_err *err)
{
    struct cutter c = {.sp = sp, .tok = tok, .text = text, .step = step, .first = first};
    int status = LTD_OK;
    size_t at = 0;
    while (at < n && status == LTD_OK) {
        size_t end = at, len;
        while (end < n && (len = ltd_utf8_length(text + end, n - end)) > 0) end += len;
        if (end > at) status = cut_valid(&c, end, err);
        if (status == LTD_OK) status = flush(&c, err);
        at = end;
        while (end < n && ltd_utf8_length(text + end, n - end) == 0) end++;
        if (status == LTD_OK && end > at)
            status = run_step(sp, tok, step + 1, text + at, end - at, first && at == 0, err);
        at = c.begin = c.end = end;
        c.last = false;
    }
    return status;
}

/* The piece as a step changes it; false when memory ran out. */
static bool change(ltd_str *out, const ltd_step *step, const char *text, size_t n, bool first)
{
    ltd_str_clear(out);
    if (step->kind == LTD_STEP_PREFIX) {
        if (text[0] != ' ') ltd_str_puts(out, " ");
        ltd_str_push(out, text, n);
        return !out->failed;
    }
    size_t mark = strlen(LTD_SPACE_MARK);
    bool has = text[0] == ' ' || (n >= mark && memcmp(text, LTD_SPACE_MARK, mark) == 0);
    if (!has && (step->prefix == LTD_PREFIX_ALWAYS || (step->prefix == LTD_PREFIX_FIRST && first)))
        ltd_str_puts(out, LTD_SPACE_MARK);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == ' ')
            ltd_str_puts(out, LTD_SPACE_MARK);
        else
            ltd_str_push(out, text + i, 1);
    }
    return !out->failed;
}

static int run_step(ltd_splitter *sp, const ltd_tokenizer *tok, int step, const char *text,
                    size_t n, bool first, ltd_err *err)
{
    if (step == tok->n_steps) return sp->fn(sp->ctx, text, n, err);
    const ltd_step *s = &tok->steps[step];
    if (s->kind == LTD_STEP_SPLIT) return split(sp, tok, step, text, n, first, err);
    ltd_str *out = &sp->scratch[step];
    if (!change(out, s, text, n, first))
        return ltd_fail(err, LTD_ENOMEM, "tokeniser: piece of %zu bytes", n);
    return run_step(sp, tok, step + 1, ltd_str_text(out), out->len, first, err);
}

int ltd_split_words(ltd_splitter *sp, const ltd_tokenizer *tok, const char *text, size_t n,
                    bool first, ltd_err *err)
{
    if (n == 0) return LTD_OK;
    if (!sp->match) sp->match = pcre2_match_data_create(1, NULL);
    if (!sp->match) return ltd_fail(err, LTD_ENOMEM, "tokeniser");
    return run_step(sp, tok, 0, text, n, first, err);
}

void ltd_splitter_fini(ltd_splitter *sp)
{
    pcre2_match_data_free(sp->match);
    for (int i = 0; i < LTD_TOKENIZER_MAX_STEPS; i++) ltd_str_fini(&sp->scratch[i]);
    sp->match = NULL;
}
