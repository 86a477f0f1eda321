/* Text -> words, the stretches inside which BPE may merge.
 *
 * The patterns are written for PCRE2 with UCP.  Its \s has U+180E, which is no white space in
 * Unicode since 6.3, so the class is spelled out.  The text is checked for UTF-8 once, here: the
 * library's own check would run again from each word to the end of the text. */
#include "models/text/tokenizer_priv.h"

#include <string.h>

/* Unicode White_Space, for use inside a class. */
#define SPACE                                                                                      \
    "\\x{09}-\\x{0d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}"           \
    "\\x{202f}\\x{205f}\\x{3000}"

#define CONTRACTIONS "'s|'t|'re|'ve|'m|'ll|'d|"
#define OTHER " ?[^" SPACE "\\p{L}\\p{N}]+|"
#define SPACES "[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+"

static const char GPT2[] = CONTRACTIONS " ?\\p{L}+| ?\\p{N}+|" OTHER SPACES;
/* Every digit is first cut out on its own; what is left goes through GPT-2's pattern, so that a
 * digit ends a run of spaces as the end of the text does. */
static const char SMOLLM[] =
    "\\p{N}|" CONTRACTIONS " ?\\p{L}+|" OTHER "[" SPACE "]+(?![^" SPACE "\\p{N}])|[" SPACE "]+";

/* Llama 3: digits in groups of three, a run of spaces never keeps a line break inside. */
#define LLAMA3(digits)                                                                             \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits "| ?[^" SPACE             \
    "\\p{L}\\p{N}]+[\\r\\n]*|[" SPACE "]*[\\r\\n]+|" SPACES

/* The names are llama.cpp's.  Qwen's own tokeniser composes characters (NFC) first; GGUF users
 * don't, and neither do we: text in decomposed form gives other ids there. */
static const ltd_split_rule rules[] = {
    {"gpt-2", GPT2, false},
    {"default", GPT2, false},
    {"smollm", SMOLLM, false},
    {"llama-bpe", LLAMA3("\\p{N}{1,3}"), true},
    {"qwen2", LLAMA3("\\p{N}"), false},
};

const ltd_split_rule *ltd_split_find(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strlen(rules[i].name) == len && memcmp(rules[i].name, name, len) == 0) return &rules[i];
    return NULL;
}

int ltd_split_compile(pcre2_code **ret, const ltd_split_rule *rule, ltd_err *err)
{
    int code = 0;
    PCRE2_SIZE where = 0;
    *ret = pcre2_compile((PCRE2_SPTR)rule->pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP,
                         &code, &where, NULL);
    if (!*ret) {
        PCRE2_UCHAR text[120] = "";
        pcre2_get_error_message(code, text, sizeof text);
        return ltd_fail(err, LTD_EUNSUPPORTED, "pre-tokeniser '%s': %s at %zu", rule->name,
                        (const char *)text, (size_t)where);
    }
    /* Without JIT the library interprets: slower, the same words. */
    (void)pcre2_jit_compile(*ret, PCRE2_JIT_COMPLETE);
    return LTD_OK;
}

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

/* Words of a stretch of valid UTF-8. */
static int split_valid(const pcre2_code *code, pcre2_match_data *match, const char *text, size_t n,
                       ltd_word_fn fn, void *ctx, ltd_err *err)
{
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(match);
    size_t at = 0;
    while (at < n) {
        int rc = pcre2_match(code, (PCRE2_SPTR)text, n, at, PCRE2_NO_UTF_CHECK, match, NULL);
        if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
            PCRE2_UCHAR why[120] = "";
            pcre2_get_error_message(rc, why, sizeof why);
            return ltd_fail(err, rc == PCRE2_ERROR_NOMEMORY ? LTD_ENOMEM : LTD_EUNSUPPORTED,
                            "pre-tokeniser stopped at byte %zu: %s", at, (const char *)why);
        }
        /* Every character is in some alternative, so matches touch; if a pattern ever leaves one
         * out, it becomes a word. */
        size_t begin = rc < 0 ? n : span[0], end = rc < 0 ? n : span[1];
        int status = LTD_OK;
        if (begin > at) status = fn(ctx, text + at, begin - at, err);
        if (status == LTD_OK && end > begin) status = fn(ctx, text + begin, end - begin, err);
        if (status < 0) return status;
        if (end <= at) return ltd_fail(err, LTD_EUNSUPPORTED, "pre-tokeniser matched nothing");
        at = end;
    }
    return LTD_OK;
}

int ltd_split_words(const pcre2_code *code, pcre2_match_data *match, const char *text, size_t n,
                    ltd_word_fn fn, void *ctx, ltd_err *err)
{
    size_t at = 0;
    int status = LTD_OK;
    while (at < n && status == LTD_OK) {
        size_t end = at, len;
        while (end < n && (len = ltd_utf8_length(text + end, n - end)) > 0) end += len;
        if (end > at) status = split_valid(code, match, text + at, end - at, fn, ctx, err);
        at = end;
        while (end < n && ltd_utf8_length(text + end, n - end) == 0) end++;
        if (status == LTD_OK && end > at) status = fn(ctx, text + at, end - at, err);
        at = end;
    }
    return status;
}
