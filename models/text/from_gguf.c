/* A tokenizer from a GGUF file's metadata, tokenizer.ggml.*: "gpt2" is byte-level BPE by merges,
 * "llama" SentencePiece's BPE by scores. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/text/tokenizer_priv.h"

#define KEY(name) "tokenizer.ggml." name

struct source {
    const ltd_gguf *file;
    const char *path;
    bool scores;       /* model "llama" */
    ltd_piece *pieces; /* [n] */
    int32_t n;
};

/* An array of the metadata, of strings or of numbers. */
static int get_array(const ltd_gguf_value **ret, const struct source *s, const char *key,
                     bool strings, ltd_err *err)
{
    const ltd_gguf_value *v = ltd_gguf_find(s->file, key);
    if (!v) return ltd_fail(err, LTD_EFORMAT, "%s: %s is missing", s->path, key);
    if (!v->is_array || (v->type == LTD_GGUF_STRING) != strings)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s is not an array of %s", s->path, key,
                        strings ? "strings" : "numbers");
    if (v->count >= INT32_MAX)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s has %" PRIu64 " elements, expected below 2^31",
                        s->path, key, v->count);
    *ret = v;
    return LTD_OK;
}

/* Numbers, one for each token. */
static int get_numbers(const ltd_gguf_value **ret, const struct source *s, const char *key,
                       ltd_err *err)
{
    int status = get_array(ret, s, key, false, err);
    if (status < 0) return status;
    if ((*ret)->count != (uint64_t)s->n)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: %s has %" PRIu64 " elements, expected %" PRId32 " as " KEY("tokens"),
                        s->path, key, (*ret)->count, s->n);
    return LTD_OK;
}

static int read_tokens(struct source *s, ltd_err *err)
{
    const ltd_gguf_value *v = NULL;
    int status = get_array(&v, s, KEY("tokens"), true, err);
    if (status < 0) return status;
    s->n = (int32_t)v->count;
    s->pieces = ltd_mem_zeros((size_t)s->n, sizeof *s->pieces);
    if (!s->pieces) return ltd_fail(err, LTD_ENOMEM, "%s: %" PRId32 " tokens", s->path, s->n);
    for (int32_t id = 0; id < s->n; id++) {
        s->pieces[id].text = v->strings[id].len ? v->strings[id].data : "";
        s->pieces[id].len = v->strings[id].len;
    }
    status = get_numbers(&v, s, KEY("token_type"), err);
    if (status < 0) return status;
    for (int32_t id = 0; id < s->n; id++) {
        double type = ltd_gguf_number(v, (uint64_t)id);
        if (!(type >= LTD_TOKEN_NORMAL && type <= LTD_TOKEN_BYTE))
            return ltd_fail(err, LTD_EFORMAT,
                            "%s: " KEY("token_type") "[%" PRId32 "] is %g, expected 1 to 6",
                            s->path, id, type);
        s->pieces[id].type = (uint8_t)type;
    }
    return LTD_OK;
}

static int read_scores(struct source *s, ltd_err *err)
{
    const ltd_gguf_value *v = NULL;
    int status = get_numbers(&v, s, KEY("scores"), err);
    if (status < 0) return status;
    for (int32_t id = 0; id < s->n; id++) {
        s->pieces[id].score = (float)ltd_gguf_number(v, (uint64_t)id);
        if (!isfinite(s->pieces[id].score))
            return ltd_fail(err, LTD_EFORMAT,
                            "%s: " KEY("scores") "[%" PRId32 "] is %g, expected a finite number",
                            s->path, id, (double)s->pieces[id].score);
    }
    return LTD_OK;
}

static int read_merges(ltd_tokenizer *tok, const struct source *s, ltd_err *err)
{
    const ltd_gguf_value *v = NULL;
    int status = get_array(&v, s, KEY("merges"), true, err);
    if (status == LTD_OK) status = ltd_vocab_begin_merges(tok, s->path, (size_t)v->count, err);
    for (uint64_t i = 0; status == LTD_OK && i < v->count; i++)
        status = ltd_vocab_add_merge_line(tok, s->path, KEY("merges"), v->strings[i].data,
                                          v->strings[i].len, err);
    return status;
}

/* An id of the metadata; *ret stays as it is when the key is absent. */
static int read_id(int32_t *ret, const struct source *s, const char *key, ltd_err *err)
{
    int64_t id = 0;
    int status = ltd_gguf_get_i64(s->file, key, &id, err);
    if (status < 0) return status;
    if (status == LTD_GGUF_ABSENT) return LTD_OK;
    if (id < 0 || id >= s->n)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s is %" PRId64 ", expected below %" PRId32, s->path,
                        key, id, s->n);
    *ret = (int32_t)id;
    return LTD_OK;
}

/* A flag of the metadata, likewise. */
static int read_flag(bool *ret, const struct source *s, const char *key, ltd_err *err)
{
    int status = ltd_gguf_get_bool(s->file, key, ret, err);
    return status < 0 ? status : LTD_OK;
}

static int read_ids(ltd_tokenizer *tok, const struct source *s, ltd_err *err)
{
    int32_t eot = -1;
    int status = read_id(&tok->bos, s, KEY("bos_token_id"), err);
    if (status == LTD_OK) status = read_id(&tok->eos, s, KEY("eos_token_id"), err);
    if (status == LTD_OK) status = read_id(&tok->pad, s, KEY("padding_token_id"), err);
    if (status == LTD_OK) status = read_id(&eot, s, KEY("eot_token_id"), err);
    if (status == LTD_OK) status = read_flag(&tok->add_bos, s, KEY("add_bos_token"), err);
    if (status < 0) return status;
    ltd_vocab_add_end(tok, tok->eos);
    ltd_vocab_add_end(tok, eot);
    ltd_vocab_add_usual_ends(tok);
    return LTD_OK;
}

/* Model "llama": spaces are written as another character, one is put first. */
static int read_sentencepiece(ltd_tokenizer *tok, const struct source *s, ltd_err *err)
{
    bool prefix = true;
    tok->fallback = tok->fuse_unknown = tok->spaces = tok->add_bos = true;
    int status = read_flag(&prefix, s, KEY("add_space_prefix"), err);
    if (status == LTD_OK) status = read_id(&tok->unknown, s, KEY("unknown_token_id"), err);
    if (status == LTD_OK && prefix)
        status = ltd_norm_add(tok, s->path, LTD_NORM_PREPEND, NULL, LTD_SPACE_MARK, err);
    if (status == LTD_OK)
        status = ltd_norm_add(tok, s->path, LTD_NORM_REPLACE, " ", LTD_SPACE_MARK, err);
    tok->strip = prefix;
    return status;
}

/* Which kind of tokenizer the file asks for. */
static int read_kind(ltd_tokenizer *tok, struct source *s, ltd_err *err)
{
    ltd_gguf_string model = {0}, pre = {.data = "default", .len = 7};
    int status = ltd_gguf_get_string(s->file, KEY("model"), &model, err);
    if (status < 0) return status;
    if (status == LTD_GGUF_ABSENT)
        return ltd_fail(err, LTD_EFORMAT, "%s: " KEY("model") " is missing", s->path);
    s->scores = model.len == 5 && memcmp(model.data, "llama", 5) == 0;
    tok->bytes = model.len == 4 && memcmp(model.data, "gpt2", 4) == 0;
    if (!s->scores && !tok->bytes)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: " KEY("model") " is '%.*s', only 'gpt2' (byte-level BPE) and 'llama' "
                                            "(SentencePiece) are known",
                        s->path, model.len < 60 ? (int)model.len : 60, model.data);
    if (s->scores) return LTD_OK;
    status = ltd_gguf_get_string(s->file, KEY("pre"), &pre, err);
    return status < 0 ? status : ltd_split_add_named(tok, s->path, pre.data, pre.len, err);
}

static int read_template(ltd_tokenizer *tok, const struct source *s, ltd_err *err)
{
    ltd_gguf_string text = {0};
    int status = ltd_gguf_get_string(s->file, "tokenizer.chat_template", &text, err);
    if (status != LTD_OK) return status < 0 ? status : LTD_OK;
    tok->chat_template = ltd_mem_zeros(text.len + 1, 1);
    if (!tok->chat_template) return ltd_fail(err, LTD_ENOMEM, "%s: chat template", s->path);
    if (text.len) memcpy(tok->chat_template, text.data, text.len);
    return LTD_OK;
}

/* A hint for files without a chat template; a name of another type is none. */
static void read_label(ltd_tokenizer *tok, const struct source *s)
{
    ltd_gguf_string name = {0};
    if (ltd_gguf_get_string(s->file, "general.name", &name, NULL) != LTD_OK) return;
    size_t n = name.len < sizeof tok->label ? name.len : sizeof tok->label - 1;
    if (n) memcpy(tok->label, name.data, n);
}

static int read_all(ltd_tokenizer *tok, struct source *s, ltd_err *err)
{
    int status = read_kind(tok, s, err);
    if (status == LTD_OK) status = read_tokens(s, err);
    if (status == LTD_OK && s->scores) status = read_scores(s, err);
    if (status == LTD_OK && s->scores) status = read_sentencepiece(tok, s, err);
    if (status == LTD_OK) status = ltd_vocab_build(tok, s->path, s->pieces, s->n, err);
    if (status == LTD_OK)
        status =
            s->scores ? ltd_vocab_rank(tok, s->path, s->pieces, err) : read_merges(tok, s, err);
    if (status == LTD_OK) status = read_ids(tok, s, err);
    if (status == LTD_OK) status = read_template(tok, s, err);
    if (status == LTD_OK) read_label(tok, s);
    return status;
}

int ltd_tokenizer_from_gguf(ltd_tokenizer **ret, const ltd_gguf *file, ltd_err *err)
{
    *ret = NULL;
    struct source s = {.file = file, .path = ltd_gguf_path(file)};
    ltd_tokenizer *tok = ltd_vocab_new();
    int status = tok ? read_all(tok, &s, err) : ltd_fail(err, LTD_ENOMEM, "tokeniser");
    free(s.pieces);
    if (status < 0) {
        ltd_tokenizer_free(tok);
        return status;
    }
    *ret = tok;
    return LTD_OK;
}
