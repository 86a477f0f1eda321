/* The pre-tokenisers that a GGUF file only names (tokenizer.ggml.pre).  The names are llama.cpp's;
 * the patterns are those of the models' own tokenizer.json, as its sources quote them (MIT). */
#include "models/text/tokenizer_priv.h"

#include <string.h>

#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define DIGIT "\\p{N}"

/* Llama 3: a run of spaces never keeps a line break inside. */
#define LLAMA3(digits)                                                                             \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits                           \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* Letters with case, of all scripts that have it. */
#define CASED                                                                                      \
    "A-Za-z\\u00b5\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u01ba\\u01bc-\\u01bf\\u01c4-\\u0293"     \
    "\\u0295-\\u02af\\u0370-\\u0373\\u0376\\u0377\\u037b-\\u037d\\u037f\\u0386\\u0388-\\u038a"     \
    "\\u038c\\u038e-\\u03a1\\u03a3-\\u03f5\\u03f7-\\u0481\\u048a-\\u052f\\u0531-\\u0556"           \
    "\\u10a0-\\u10c5\\u13a0-\\u13f5\\u13f8-\\u13fd\\u1c90-\\u1cba\\u1cbd-\\u1cbf\\u1d00-\\u1d2b"   \
    "\\u1d6b-\\u1d77\\u1d79-\\u1d9a\\u1e00-\\u1f15\\u1f18-\\u1f1d\\u1f20-\\u1f45\\u1f48-\\u1f4d"   \
    "\\u1f50-\\u1f57\\u1f59\\u1f5b\\u1f5d\\u1f5f-\\u1f7d\\u1f80-\\u1fb4\\u1fb6-\\u1fbc\\u1fbe"     \
    "\\u1fc2-\\u1fc4\\u1fc6-\\u1fcc\\u1fd0-\\u1fd3\\u1fd6-\\u1fdb\\u1fe0-\\u1fec\\u1ff2-\\u1ff4"   \
    "\\u1ff6-\\u1ffc\\u2102\\u2107\\u210a-\\u2113\\u2115\\u2119-\\u211d\\u2124\\u2126\\u2128"      \
    "\\u212a-\\u212d\\u212f-\\u2134\\u2139\\u213c-\\u213f\\u2145-\\u2149\\u214e\\u2183\\u2184"     \
    "\\u2c00-\\u2c7b\\u2c7e-\\u2ce4\\u2ceb-\\u2cee\\u2cf2\\u2cf3\\ua640-\\ua66d\\ua680-\\ua69b"    \
    "\\ua722-\\ua76f\\ua771-\\ua787\\ua78b-\\ua78e\\uab70-\\uabbf\\ufb00-\\ufb06\\ufb13-\\ufb17"   \
    "\\uff21-\\uff3a\\uff41-\\uff5a\\x{10400}-\\x{1044f}\\x{104b0}-\\x{104d3}"                     \
    "\\x{104d8}-\\x{104fb}\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}\\x{118a0}-\\x{118df}"         \
    "\\x{1e900}-\\x{1e943}"
#define HAN_OR_HANGUL "[\\u4e00-\\u9fa5\\u0800-\\u4e00\\uac00-\\ud7ff]+"

enum { MAX_PATTERNS = 6 };

static const struct rule {
    const char *name;
    const char *patterns[MAX_PATTERNS]; /* one split after the other, NULL-terminated */
    bool whole_words;
    bool add_bos; /* where the file does not say */
    bool nfc;     /* Qwen's own tokeniser composes characters first; llama.cpp does not */
} rules[] = {
    {.name = "gpt-2", .patterns = {GPT2}},
    {.name = "default",
     .patterns = {"[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}},
    {.name = "smollm", .patterns = {DIGIT, GPT2}},
    {.name = "starcoder", .patterns = {DIGIT, GPT2}},
    {.name = "llama-bpe",
     .patterns = {LLAMA3("\\p{N}{1,3}")},
     .whole_words = true,
     .add_bos = true},
    {.name = "llama3", .patterns = {LLAMA3("\\p{N}{1,3}")}, .whole_words = true, .add_bos = true},
    {.name = "llama-v3", .patterns = {LLAMA3("\\p{N}{1,3}")}, .whole_words = true, .add_bos = true},
    {.name = "qwen2", .patterns = {LLAMA3(DIGIT)}, .nfc = true},
    {.name = "deepseek-r1-qwen", .patterns = {LLAMA3(DIGIT)}, .nfc = true},
    {.name = "deepseek-llm",
     .patterns = {"[\\r\\n]", "\\s?[" CASED "]+",
                  "\\s?[!-/:-~\\uff01-\\uff0f\\uff1a-\\uff5e\\u2018-\\u201f\\u3000-\\u3002]+",
                  "\\s+$", HAN_OR_HANGUL, "\\p{N}+"}},
    {.name = "deepseek-coder",
     .patterns = {"[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", HAN_OR_HANGUL, DIGIT}},
    {.name = "deepseek-v3",
     .patterns = {"\\p{N}{1,3}", "[\\u4e00-\\u9fa5\\u3040-\\u309f\\u30a0-\\u30ff]+",
                  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}"
                  "\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|"
                  "\\s+"}},
};

int ltd_split_add_gpt2(ltd_tokenizer *tok, const char *name, ltd_err *err)
{
    return ltd_split_add(tok, name, GPT2, strlen(GPT2), false, LTD_SPLIT_ISOLATED, false, err);
}

int ltd_split_add_named(ltd_tokenizer *tok, const char *name, const char *pre, size_t len,
                        ltd_err *err)
{
    const struct rule *rule = NULL;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strlen(rules[i].name) == len && memcmp(rules[i].name, pre, len) == 0) rule = &rules[i];
    if (!rule)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: tokenizer.ggml.pre is '%.*s', a pre-tokeniser that is not known", name,
                        len < 60 ? (int)len : 60, pre);
    tok->whole_words = rule->whole_words;
    tok->add_bos = rule->add_bos;
    int status = rule->nfc ? ltd_norm_add(tok, name, LTD_NORM_NFC, NULL, NULL, err) : LTD_OK;
    for (int i = 0; i < MAX_PATTERNS && rule->patterns[i] && status == LTD_OK; i++)
        status = ltd_split_add(tok, name, rule->patterns[i], strlen(rule->patterns[i]), false,
                               LTD_SPLIT_ISOLATED, false, err);
    return status;
}
