/* Normalizers, pre-tokenizers, decoders and post-processors of a tokenizer.json, by the names of
 * the Hugging Face library "tokenizers". */
#include "models/text/json_parts_priv.h"

#include <inttypes.h>
#include <string.h>

int ltd_json_read_flag(ltd_json object, const char *key, bool missing, bool *ret, ltd_err *err)
{
    *ret = missing;
    return ltd_json_has(object, key) ? ltd_json_get_bool(object, key, ret, err) : LTD_OK;
}

static int refuse(ltd_json part, const char *kind, const char *type, ltd_err *err)
{
    return ltd_fail(err, LTD_EUNSUPPORTED, "%s: %s '%.60s' is not supported", part.name, kind,
                    type);
}

/* A string without NUL bytes, which names and marks never have. */
static int read_text(ltd_json part, const char *key, const char **ret, ltd_err *err)
{
    int status = ltd_json_get_string(part, key, ret, err);
    if (status < 0) return status;
    size_t len;
    ltd_json_text(ltd_json_member(part, key), &len);
    if (strlen(*ret) != len)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: key '%s': a NUL byte", part.name, key);
    return LTD_OK;
}

typedef int (*part_fn)(ltd_tokenizer *tok, ltd_json part, ltd_err *err);

/* Every element of part[key], in order. */
static int each(ltd_tokenizer *tok, ltd_json part, const char *key, part_fn fn, ltd_err *err)
{
    ltd_json list;
    int status = ltd_json_get_array(part, key, &list, err);
    for (size_t i = 0; status == LTD_OK && i < ltd_json_count(list); i++)
        status = fn(tok, ltd_json_at(list, i), err);
    return status;
}

/* --- normalizers --- */
static int read_replace(ltd_json part, const char **from, const char **to, ltd_err *err)
{
    ltd_json pattern;
    int status = ltd_json_get_object(part, "pattern", &pattern, err);
    if (status < 0) return status;
    if (!ltd_json_has(pattern, "String"))
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: Replace by a pattern that is no plain string is not supported",
                        part.name);
    status = read_text(pattern, "String", from, err);
    return status < 0 ? status : read_text(part, "content", to, err);
}

int ltd_json_read_normalizer(ltd_tokenizer *tok, ltd_json part, ltd_err *err)
{
    const char *type, *from, *to;
    if (ltd_json_type_of(part) == LTD_JSON_NULL) return LTD_OK;
    int status = ltd_json_get_string(part, "type", &type, err);
    if (status < 0) return status;
    if (strcmp(type, "Sequence") == 0)
        return each(tok, part, "normalizers", ltd_json_read_normalizer, err);
    if (strcmp(type, "NFC") == 0)
        return ltd_norm_add(tok, part.name, LTD_NORM_NFC, NULL, NULL, err);
    if (strcmp(type, "Prepend") == 0) {
        status = read_text(part, "prepend", &to, err);
        return status < 0 ? status : ltd_norm_add(tok, part.name, LTD_NORM_PREPEND, NULL, to, err);
    }
    if (strcmp(type, "Replace") == 0) {
        status = read_replace(part, &from, &to, err);
        return status < 0 ? status : ltd_norm_add(tok, part.name, LTD_NORM_REPLACE, from, to, err);
    }
    return refuse(part, "normalizer", type, err);
}

/* --- pre-tokenizers --- */
static int read_split(ltd_tokenizer *tok, ltd_json part, ltd_err *err)
{
    static const char *const names[] = {"Isolated", "Removed", "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous"};
    ltd_json pattern;
    const char *behavior;
    bool invert;
    int status = ltd_json_get_object(part, "pattern", &pattern, err);
    if (status == LTD_OK) status = ltd_json_get_string(part, "behavior", &behavior, err);
    if (status == LTD_OK) status = ltd_json_read_flag(part, "invert", false, &invert, err);
    if (status < 0) return status;
    bool literal = ltd_json_has(pattern, "String");
    const char *key = literal ? "String" : "Regex", *text;
    status = ltd_json_get_string(pattern, key, &text, err);
    if (status < 0) return status;
    size_t how = 0, n_names = sizeof names / sizeof *names, len;
    while (how < n_names && strcmp(names[how], behavior) != 0) how++;
    if (how == n_names) return refuse(part, "Split with behavior", behavior, err);
    text = ltd_json_text(ltd_json_member(pattern, key), &len);
    return ltd_split_add(tok, part.name, text, len, literal, (ltd_split_how)how, invert, err);
}

static int read_byte_level(ltd_tokenizer *tok, ltd_json part, ltd_err *err)
{
    const ltd_step prefix = {.kind = LTD_STEP_PREFIX};
    bool add_prefix, use_regex;
    int status = ltd_json_read_flag(part, "add_prefix_space", true, &add_prefix, err);
    if (status == LTD_OK) status = ltd_json_read_flag(part, "use_regex", true, &use_regex, err);
    if (status == LTD_OK && add_prefix) status = ltd_split_add_step(tok, part.name, &prefix, err);
    if (status == LTD_OK && use_regex) status = ltd_split_add_gpt2(tok, part.name, err);
    tok->bytes = true;
    return status;
}

static int read_digits(ltd_tokenizer *tok, ltd_json part, ltd_err *err)
{
    bool each_digit;
    int status = ltd_json_read_flag(part, "individual_digits", false, &each_digit, err);
    if (status < 0) return status;
    return ltd_split_add(tok, part.name, "\\p{N}", 5, false,
                         each_digit ? LTD_SPLIT_ISOLATED : LTD_SPLIT_CONTIGUOUS, false, err);
}

/* "always", "first", "never"; older files have add_prefix_space instead. */
static int read_prefix(ltd_json part, ltd_step_prefix *ret, ltd_err *err)
{
    const char *scheme = "always", *mark;
    bool add_prefix;
    int status = ltd_json_get_string(part, "replacement", &mark, err);
    if (status == LTD_OK && ltd_json_has(part, "prepend_scheme"))
        status = ltd_json_get_string(part, "prepend_scheme", &scheme, err);
    if (status == LTD_OK)
        status = ltd_json_read_flag(part, "add_prefix_space", true, &add_prefix, err);
    if (status < 0) return status;
    if (strcmp(mark, LTD_SPACE_MARK) != 0)
        return refuse(part, "Metaspace with replacement", mark, err);
    if (!add_prefix || strcmp(scheme, "never") == 0)
        *ret = LTD_PREFIX_NEVER;
    else if (strcmp(scheme, "first") == 0)
        *ret = LTD_PREFIX_FIRST;
    else if (strcmp(scheme, "always") == 0)
        *ret = LTD_PREFIX_ALWAYS;
    else
        return refuse(part, "Metaspace with prepend_scheme", scheme, err);
    return LTD_OK;
}

static int read_metaspace(ltd_tokenizer *tok, ltd_json part, ltd_err *err)
{
    ltd_step step = {.kind = LTD_STEP_SPACES};
    bool split;
    int status = read_prefix(part, &step.prefix, err);
    if (status == LTD_OK) status = ltd_json_read_flag(part, "split", true, &split, err);
    if (status == LTD_OK) status = ltd_split_add_step(tok, part.name, &step, err);
    if (status == LTD_OK && split)
        status = ltd_split_add(tok, part.name, LTD_SPACE_MARK, strlen(LTD_SPACE_MARK), true,
                               LTD_SPLIT_WITH_NEXT, false, err);
    return status;
}

int ltd_json_read_pre_tokenizer(ltd_tokenizer *tok, ltd_json part, ltd_err *err)
{
    static const struct {
        const char *type;
        part_fn read;
    } known[] = {{"Split", read_split},
                 {"ByteLevel", read_byte_level},
                 {"Digits", read_digits},
                 {"Metaspace", read_metaspace}};
    const char *type;
    if (ltd_json_type_of(part) == LTD_JSON_NULL) return LTD_OK;
    int status = ltd_json_get_string(part, "type", &type, err);
    if (status < 0) return status;
    if (strcmp(type, "Sequence") == 0)
        return each(tok, part, "pretokenizers", ltd_json_read_pre_tokenizer, err);
    /* ByteLevel rewrites the text: a step behind it would see other characters. */
    if (tok->bytes) return refuse(part, "pre-tokenizer behind ByteLevel:", type, err);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].type, type) == 0) return known[i].read(tok, part, err);
    return refuse(part, "pre-tokenizer", type, err);
}

/* --- decoders --- */
static int read_strip(ltd_tokenizer *tok, ltd_json part, ltd_err *err)
{
    const char *content;
    int64_t start, stop;
    int status = ltd_json_get_string(part, "content", &content, err);
    if (status == LTD_OK) status = ltd_json_get_int(part, "start", 0, 1000, &start, err);
    if (status == LTD_OK) status = ltd_json_get_int(part, "stop", 0, 1000, &stop, err);
    if (status < 0) return status;
    if (strcmp(content, " ") != 0 || stop != 0)
        return refuse(part, "decoder", "Strip of something else than leading spaces", err);
    tok->strip = (int)start;
    return LTD_OK;
}

static int read_one_decoder(ltd_tokenizer *tok, ltd_json part, ltd_err *err)
{
    const char *type, *from, *to;
    int status = ltd_json_get_string(part, "type", &type, err);
    if (status < 0) return status;
    if (strcmp(type, "Sequence") == 0) return each(tok, part, "decoders", read_one_decoder, err);
    if (tok->bytes)
        return strcmp(type, "ByteLevel") == 0 ? LTD_OK : refuse(part, "decoder", type, err);
    if (strcmp(type, "ByteFallback") == 0 || strcmp(type, "Fuse") == 0) return LTD_OK;
    if (strcmp(type, "Strip") == 0) return read_strip(tok, part, err);
    if (strcmp(type, "Metaspace") == 0) {
        ltd_step_prefix prefix = LTD_PREFIX_NEVER;
        status = read_prefix(part, &prefix, err);
        if (status < 0) return status;
        tok->spaces = true;
        tok->strip = prefix != LTD_PREFIX_NEVER;
        return LTD_OK;
    }
    if (strcmp(type, "Replace") == 0) {
        status = read_replace(part, &from, &to, err);
        if (status < 0) return status;
        tok->spaces = true;
        return strcmp(from, LTD_SPACE_MARK) == 0 && strcmp(to, " ") == 0
                   ? LTD_OK
                   : refuse(part, "decoder", "Replace of something else than spaces", err);
    }
    return refuse(part, "decoder", type, err);
}

int ltd_json_read_decoder(ltd_tokenizer *tok, ltd_json part, ltd_err *err)
{
    if (ltd_json_type_of(part) == LTD_JSON_NULL)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: key 'decoder': missing, expected one",
                        part.name);
    return read_one_decoder(tok, part, err);
}

/* --- post-processors --- */

/* The one id that a special token of a template stands for. */
static int read_template_id(ltd_tokenizer *tok, ltd_json part, const char *name, ltd_err *err)
{
    ltd_json specials, special, ids;
    int64_t id;
    int status = ltd_json_get_object(part, "special_tokens", &specials, err);
    if (status == LTD_OK) status = ltd_json_get_object(specials, name, &special, err);
    if (status == LTD_OK) status = ltd_json_get_array(special, "ids", &ids, err);
    if (status < 0) return status;
    if (ltd_json_count(ids) != 1)
        return refuse(part, "TemplateProcessing with several ids for", name, err);
    status = ltd_json_as_int(ltd_json_at(ids, 0), "special_tokens", 0, tok->n - 1, &id, err);
    if (status < 0) return status;
    tok->bos = (int32_t)id;
    tok->add_bos = true;
    return LTD_OK;
}

/* One token before the text, none behind it. */
static int read_template(ltd_tokenizer *tok, ltd_json part, ltd_err *err)
{
    ltd_json single, item;
    bool text = false, token = false;
    int status = ltd_json_get_array(part, "single", &single, err);
    for (size_t i = 0; status == LTD_OK && i < ltd_json_count(single); i++) {
        ltd_json at = ltd_json_at(single, i);
        if (ltd_json_has(at, "Sequence")) {
            if (text) return refuse(part, "TemplateProcessing with", "the text twice", err);
            text = true;
            continue;
        }
        const char *name;
        status = ltd_json_get_object(at, "SpecialToken", &item, err);
        if (status == LTD_OK) status = ltd_json_get_string(item, "id", &name, err);
        if (status < 0) return status;
        if (text || token)
            return refuse(
                part, "TemplateProcessing with more than one token before the text:", name, err);
        token = true;
        status = read_template_id(tok, part, name, err);
    }
    return status;
}

int ltd_json_read_post_processor(ltd_tokenizer *tok, ltd_json part, ltd_err *err)
{
    const char *type;
    if (ltd_json_type_of(part) == LTD_JSON_NULL) return LTD_OK;
    int status = ltd_json_get_string(part, "type", &type, err);
    if (status < 0) return status;
    if (strcmp(type, "Sequence") == 0)
        return each(tok, part, "processors", ltd_json_read_post_processor, err);
    if (strcmp(type, "ByteLevel") == 0) return LTD_OK; /* offsets only */
    if (strcmp(type, "TemplateProcessing") == 0) return read_template(tok, part, err);
    return refuse(part, "post-processor", type, err);
}
