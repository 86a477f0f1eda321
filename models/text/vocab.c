/* The vocabulary from a file's metadata.  Everything the file says is checked here, once, so that
 * encode and decode can trust it. */
#include "models/text/tokenizer_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define KEY(name) "tokenizer.ggml." name

/* --- bytes as printable characters (GPT-2's byte_encoder) ---
 * Printable Latin-1 stands for itself; the 68 other bytes are U+0100 and on, in byte order. */

static bool printable(uint32_t c)
{
    return (c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xac) || (c >= 0xae && c <= 0xff);
}

uint32_t ltd_byte_symbol(uint8_t b)
{
    if (printable(b)) return b;
    if (b <= 0x20) return 0x100u + b;
    return b == 0xad ? 0x143u : 0x121u + (b - 0x7fu);
}

int ltd_symbol_byte(uint32_t c)
{
    if (c < 0x100) return printable(c) ? (int)c : -1;
    if (c <= 0x120) return (int)(c - 0x100);
    if (c <= 0x142) return (int)(c - 0x121 + 0x7f);
    return c == 0x143 ? 0xad : -1;
}

size_t ltd_symbol_write(char ret[2], uint32_t c)
{
    if (c < 0x80) {
        ret[0] = (char)c;
        return 1;
    }
    ret[0] = (char)(0xc0 | c >> 6);
    ret[1] = (char)(0x80 | (c & 0x3f));
    return 2;
}

/* --- tokens by text --- */
static uint64_t hash(uint64_t h, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ (uint8_t)s[i]) * 0x100000001b3u; /* FNV-1a */
    return h;
}

static uint64_t hash_pair(const char *a, size_t na, const char *b, size_t nb)
{
    return hash(hash(0xcbf29ce484222325u, a, na), b, nb);
}

static bool equal(const char *s, const char *with, size_t n)
{
    return n == 0 || memcmp(s, with, n) == 0;
}

int32_t ltd_vocab_find(const ltd_tokenizer *tok, const char *a, size_t na, const char *b, size_t nb)
{
    uint64_t key = hash_pair(a, na, b, nb);
    size_t slot = 0;
    for (int32_t id = ltd_map_first(&tok->by_text, key, &slot); id >= 0;
         id = ltd_map_next(&tok->by_text, key, &slot)) {
        const char *text = tok->text + tok->text_at[id];
        if (tok->text_at[id + 1] - tok->text_at[id] == na + nb && equal(text, a, na) &&
            equal(text + na, b, nb))
            return id;
    }
    return -1;
}

/* --- reading --- */
/* An array of the metadata, of strings or of numbers. */
static int get_array(const ltd_gguf_value **ret, const ltd_gguf *file, const char *key,
                     bool strings, ltd_err *err)
{
    const ltd_gguf_value *v = ltd_gguf_find(file, key);
    const char *path = ltd_gguf_path(file);
    if (!v) return ltd_fail(err, LTD_EFORMAT, "%s: %s is missing", path, key);
    if (!v->is_array || (v->type == LTD_GGUF_STRING) != strings)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s is not an array of %s", path, key,
                        strings ? "strings" : "numbers");
    if (v->count >= INT32_MAX)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s has %" PRIu64 " elements, expected below 2^31",
                        path, key, v->count);
    *ret = v;
    return LTD_OK;
}

static int read_tokens(ltd_tokenizer *tok, const ltd_gguf *file, ltd_err *err)
{
    const ltd_gguf_value *v;
    int status = get_array(&v, file, KEY("tokens"), true, err);
    if (status < 0) return status;
    if (v->count == 0)
        return ltd_fail(err, LTD_EFORMAT, "%s: " KEY("tokens") " is empty", ltd_gguf_path(file));

    size_t bytes = 0;
    for (uint64_t i = 0; i < v->count; i++)
        if (__builtin_add_overflow(bytes, v->strings[i].len, &bytes))
            return ltd_fail(err, LTD_ENOMEM, "%s: tokens overflow", ltd_gguf_path(file));
    tok->text = ltd_mem_zeros(bytes, 1);
    tok->text_at = ltd_mem_zeros((size_t)v->count + 1, sizeof *tok->text_at);
    tok->type = ltd_mem_zeros((size_t)v->count, 1);
    if (!tok->text || !tok->text_at || !tok->type)
        return ltd_fail(err, LTD_ENOMEM, "%s: %" PRIu64 " tokens", ltd_gguf_path(file), v->count);
    status = ltd_map_init(&tok->by_text, (size_t)v->count, err);
    if (status < 0) return status;

    for (int32_t id = 0; id < (int32_t)v->count; id++) {
        const ltd_gguf_string *s = &v->strings[id];
        char *text = tok->text + tok->text_at[id];
        if (s->len) memcpy(text, s->data, s->len);
        tok->text_at[id + 1] = tok->text_at[id] + s->len;
        tok->n = id + 1;
        if (ltd_vocab_find(tok, text, s->len, NULL, 0) < 0) /* twice: the first one counts */
            ltd_map_put(&tok->by_text, hash_pair(text, s->len, NULL, 0), id);
    }
    for (int b = 0; b < 256; b++) {
        char symbol[2];
        size_t len = ltd_symbol_write(symbol, ltd_byte_symbol((uint8_t)b));
        tok->byte_id[b] = ltd_vocab_find(tok, symbol, len, NULL, 0);
    }
    return LTD_OK;
}

static int read_types(ltd_tokenizer *tok, const ltd_gguf *file, ltd_err *err)
{
    const ltd_gguf_value *v;
    int status = get_array(&v, file, KEY("token_type"), false, err);
    if (status < 0) return status;
    if (v->count != (uint64_t)tok->n)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: " KEY("token_type") " has %" PRIu64 " elements, expected %" PRId32
                                                 " as " KEY("tokens"),
                        ltd_gguf_path(file), v->count, tok->n);
    for (int32_t id = 0; id < tok->n; id++) {
        double type = ltd_gguf_number(v, (uint64_t)id);
        if (!(type >= LTD_TOKEN_NORMAL && type <= LTD_TOKEN_BYTE))
            return ltd_fail(err, LTD_EFORMAT,
                            "%s: " KEY("token_type") "[%" PRId32 "] is %g, expected 1 to 6",
                            ltd_gguf_path(file), id, type);
        tok->type[id] = (uint8_t)type;
    }
    return LTD_OK;
}

/* One line "left right" of the merges. */
static int read_merge(ltd_tokenizer *tok, const ltd_gguf *file, int32_t i, const ltd_gguf_string *s,
                      ltd_err *err)
{
    const char *path = ltd_gguf_path(file);
    int shown = s->len < 60 ? (int)s->len : 60;
    const char *space = s->len > 2 ? memchr(s->data + 1, ' ', s->len - 2) : NULL;
    if (!space)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: " KEY("merges") "[%" PRId32 "] is '%.*s', expected two tokens with a "
                                             "space between them",
                        path, i, shown, s->data);
    size_t n_left = (size_t)(space - s->data), n_right = s->len - n_left - 1;
    const char *right = space + 1;
    ltd_merge *m = &tok->merges[i];
    m->left = ltd_vocab_find(tok, s->data, n_left, NULL, 0);
    m->right = ltd_vocab_find(tok, right, n_right, NULL, 0);
    m->id = ltd_vocab_find(tok, s->data, n_left, right, n_right);
    if (m->left < 0 || m->right < 0 || m->id < 0)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: " KEY("merges") "[%" PRId32 "] is '%.*s': its %s is no token", path, i,
                        shown, s->data,
                        m->left < 0    ? "left part"
                        : m->right < 0 ? "right part"
                                       : "result");
    uint64_t key = (uint64_t)m->left << 32 | (uint32_t)m->right;
    size_t slot;
    if (ltd_map_first(&tok->by_pair, key, &slot) < 0) ltd_map_put(&tok->by_pair, key, i);
    return LTD_OK;
}

static int read_merges(ltd_tokenizer *tok, const ltd_gguf *file, ltd_err *err)
{
    const ltd_gguf_value *v;
    int status = get_array(&v, file, KEY("merges"), true, err);
    if (status < 0) return status;
    tok->merges = ltd_mem_zeros((size_t)v->count, sizeof *tok->merges);
    if (!tok->merges)
        return ltd_fail(err, LTD_ENOMEM, "%s: %" PRIu64 " merges", ltd_gguf_path(file), v->count);
    status = ltd_map_init(&tok->by_pair, (size_t)v->count, err);
    if (status < 0) return status;
    tok->n_merges = (int32_t)v->count;
    for (int32_t i = 0; i < tok->n_merges && status == LTD_OK; i++)
        status = read_merge(tok, file, i, &v->strings[i], err);
    return status;
}

/* An id of the metadata; *ret stays as it is when the key is absent. */
static int read_id(int32_t *ret, const ltd_tokenizer *tok, const ltd_gguf *file, const char *key,
                   ltd_err *err)
{
    int64_t id = 0;
    int status = ltd_gguf_get_i64(file, key, &id, err);
    if (status < 0) return status;
    if (status == LTD_GGUF_ABSENT) return LTD_OK;
    if (id < 0 || id >= tok->n)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s is %" PRId64 ", expected below %" PRId32,
                        ltd_gguf_path(file), key, id, tok->n);
    *ret = (int32_t)id;
    return LTD_OK;
}

static void add_end(ltd_tokenizer *tok, int32_t id)
{
    if (id < 0 || ltd_tokenizer_is_end(tok, id)) return;
    if (tok->n_ends < LTD_TOKENIZER_MAX_ENDS) tok->ends[tok->n_ends++] = id;
}

static int read_ids(ltd_tokenizer *tok, const ltd_gguf *file, ltd_err *err)
{
    static const char *const names[] = {"<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>"};
    int32_t eot = -1;
    tok->bos = tok->eos = -1;
    int status = read_id(&tok->bos, tok, file, KEY("bos_token_id"), err);
    if (status == LTD_OK) status = read_id(&tok->eos, tok, file, KEY("eos_token_id"), err);
    if (status == LTD_OK) status = read_id(&eot, tok, file, KEY("eot_token_id"), err);
    if (status < 0) return status;
    add_end(tok, tok->eos);
    add_end(tok, eot);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int32_t id = ltd_tokenizer_find(tok, names[i]);
        /* "</s>" as a plain token is mark-up, not an end. */
        if (id >= 0 && tok->type[id] != LTD_TOKEN_NORMAL) add_end(tok, id);
    }
    return LTD_OK;
}

/* Which kind of tokenizer the file asks for. */
static int read_kind(ltd_tokenizer *tok, const ltd_gguf *file, ltd_err *err)
{
    ltd_gguf_string model = {0}, pre = {.data = "default", .len = 7};
    int status = ltd_gguf_get_string(file, KEY("model"), &model, err);
    if (status < 0) return status;
    if (status == LTD_GGUF_ABSENT)
        return ltd_fail(err, LTD_EFORMAT, "%s: " KEY("model") " is missing", ltd_gguf_path(file));
    if (model.len != 4 || memcmp(model.data, "gpt2", 4) != 0)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: " KEY("model") " is '%.*s', only 'gpt2' (byte-level BPE) is known",
                        ltd_gguf_path(file), model.len < 60 ? (int)model.len : 60, model.data);
    status = ltd_gguf_get_string(file, KEY("pre"), &pre, err);
    if (status < 0) return status;
    tok->rule = ltd_split_find(pre.data, pre.len);
    if (!tok->rule)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: " KEY("pre") " is '%.*s', a pre-tokeniser that is not known",
                        ltd_gguf_path(file), pre.len < 60 ? (int)pre.len : 60, pre.data);
    return ltd_split_compile(&tok->split, tok->rule, err);
}

static int read_template(ltd_tokenizer *tok, const ltd_gguf *file, ltd_err *err)
{
    ltd_gguf_string text = {0};
    int status = ltd_gguf_get_string(file, "tokenizer.chat_template", &text, err);
    if (status != LTD_OK) return status < 0 ? status : LTD_OK;
    tok->chat_template = ltd_mem_zeros(text.len + 1, 1);
    if (!tok->chat_template)
        return ltd_fail(err, LTD_ENOMEM, "%s: chat template", ltd_gguf_path(file));
    if (text.len) memcpy(tok->chat_template, text.data, text.len);
    return LTD_OK;
}

int ltd_tokenizer_from_gguf(ltd_tokenizer **ret, const ltd_gguf *file, ltd_err *err)
{
    *ret = NULL;
    ltd_tokenizer *tok = ltd_mem_zeros(1, sizeof *tok);
    if (!tok) return ltd_fail(err, LTD_ENOMEM, "tokeniser");
    int status = read_kind(tok, file, err);
    if (status == LTD_OK) status = read_tokens(tok, file, err);
    if (status == LTD_OK) status = read_types(tok, file, err);
    if (status == LTD_OK) status = read_merges(tok, file, err);
    if (status == LTD_OK) status = read_ids(tok, file, err);
    if (status == LTD_OK) status = read_template(tok, file, err);
    if (status == LTD_OK) status = ltd_specials_init(&tok->specials, tok, err);
    if (status < 0) {
        ltd_tokenizer_free(tok);
        return status;
    }
    *ret = tok;
    return LTD_OK;
}

void ltd_tokenizer_free(ltd_tokenizer *tok)
{
    if (!tok) return;
    free(tok->text);
    free(tok->text_at);
    free(tok->type);
    ltd_map_fini(&tok->by_text);
    free(tok->merges);
    ltd_map_fini(&tok->by_pair);
    ltd_specials_fini(&tok->specials);
    pcre2_code_free(tok->split);
    free(tok->chat_template);
    free(tok);
}
