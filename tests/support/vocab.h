/* A small byte-level BPE vocabulary as the bytes of a GGUF file, for tests that need a tokenizer
 * and no model: the 256 byte symbols (less those in `drop`), the merges, the special tokens.
 *
 *     vocab_spec spec = VOCAB_DEFAULT;
 *     ltd_str bytes = vocab_bytes(&spec);
 *     ltd_gguf_parse(&file, bytes.data, bytes.len, "tiny", &err);
 *
 * Static functions: a test is one file.  Damage is done by the fields of the spec. */
#ifndef LTD_TESTS_SUPPORT_VOCAB_H
#define LTD_TESTS_SUPPORT_VOCAB_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "models/files/gguf.h"
#include "models/text/tokenizer.h"

enum { VOCAB_U32 = 4, VOCAB_I32 = 5, VOCAB_STRING = 8, VOCAB_ARRAY = 9 }; /* GGUF type codes */

typedef struct vocab_spec {
    const char *model, *pre;    /* NULL: left out */
    const char *const *merges;  /* NULL-terminated; their results become tokens */
    const char *const *control; /* NULL-terminated */
    const char *const *user;
    const char *chat_template; /* NULL: left out */
    const char *name;          /* general.name, NULL: left out */
    const char *drop;          /* bytes without a token */
    int64_t bos, eos;          /* below 0: left out */
    bool no_tokens, no_types, no_merges;
    int types_less;          /* token types left out at the end */
    int type_value;          /* != 0: the type of token 0 */
    const char *extra_merge; /* written last; brings no token */
} vocab_spec;

static const char *const vocab_merges[] = {"a a", "aa aa",        "aaaa aaaa", "h e",
                                           "l l", "ll o",         "he llo",    "\xc4\xa0 w",
                                           "o r", "\xc4\xa0w or", NULL};
static const char *const vocab_control[] = {"<|im_start|>", "<|im_end|>", "<|im_end|>x", NULL};
static const char *const vocab_user[] = {"<think>", NULL};

#define VOCAB_DEFAULT                                                                              \
    {                                                                                              \
        .model = "gpt2", .pre = "smollm", .merges = vocab_merges, .control = vocab_control,        \
        .user = vocab_user, .drop = "\x01", .bos = 0, .eos = 1                                     \
    }

static void vocab_u32(ltd_str *s, uint32_t v)
{
    char b[4] = {(char)v, (char)(v >> 8), (char)(v >> 16), (char)(v >> 24)};
    ltd_str_push(s, b, 4);
}

static void vocab_u64(ltd_str *s, uint64_t v)
{
    vocab_u32(s, (uint32_t)v);
    vocab_u32(s, (uint32_t)(v >> 32));
}

static void vocab_text(ltd_str *s, const char *text, size_t n)
{
    vocab_u64(s, n);
    ltd_str_push(s, text, n);
}

/* The head of a key; the value follows. */
static void vocab_key(ltd_str *s, int *n_keys, const char *key, int type)
{
    vocab_text(s, key, strlen(key));
    vocab_u32(s, (uint32_t)type);
    ++*n_keys;
}

static void vocab_array(ltd_str *s, int *n_keys, const char *key, int type, size_t n,
                        const ltd_str *elements)
{
    vocab_key(s, n_keys, key, VOCAB_ARRAY);
    vocab_u32(s, (uint32_t)type);
    vocab_u64(s, n);
    ltd_str_push(s, elements->data, elements->len);
}

typedef struct vocab_lists {
    ltd_str tokens, types, merges;
    size_t n, n_merges;
} vocab_lists;

static void vocab_token(vocab_lists *l, const char *text, size_t n, int type)
{
    vocab_text(&l->tokens, text, n);
    vocab_u32(&l->types, (uint32_t)type);
    l->n++;
}

static void vocab_tokens(vocab_lists *l, const vocab_spec *spec)
{
    for (size_t i = 0; spec->control[i]; i++)
        vocab_token(l, spec->control[i], strlen(spec->control[i]), 3);
    for (size_t i = 0; spec->user[i]; i++) vocab_token(l, spec->user[i], strlen(spec->user[i]), 4);
    for (int b = 0, other = 0x100; b < 256; b++) {
        bool shown = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b != 0xad);
        int c = shown ? b : other++;
        char text[2] = {(char)(c < 0x80 ? c : 0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};
        if (!b || !strchr(spec->drop, b)) vocab_token(l, text, c < 0x80 ? 1 : 2, 1);
    }
    for (size_t i = 0; spec->merges[i]; i++) {
        const char *m = spec->merges[i], *space = strchr(m + 1, ' ');
        ltd_str both = LTD_STR_INIT;
        ltd_str_push(&both, m, space ? (size_t)(space - m) : strlen(m));
        if (space) ltd_str_puts(&both, space + 1);
        vocab_token(l, ltd_str_text(&both), both.len, 1);
        ltd_str_fini(&both);
        vocab_text(&l->merges, m, strlen(m));
        l->n_merges++;
    }
    if (spec->extra_merge) {
        vocab_text(&l->merges, spec->extra_merge, strlen(spec->extra_merge));
        l->n_merges++;
    }
}

/* The file; owned: ltd_str_fini(). */
static ltd_str vocab_bytes(const vocab_spec *spec)
{
    vocab_lists l = {0};
    ltd_str body = LTD_STR_INIT, file = LTD_STR_INIT;
    int n = 0;
    vocab_tokens(&l, spec);
    if (spec->type_value) l.types.data[0] = (char)spec->type_value;
    const char *const texts[][2] = {{"tokenizer.ggml.model", spec->model},
                                    {"tokenizer.ggml.pre", spec->pre},
                                    {"tokenizer.chat_template", spec->chat_template},
                                    {"general.name", spec->name}};
    for (size_t i = 0; i < 4; i++) {
        if (!texts[i][1]) continue;
        vocab_key(&body, &n, texts[i][0], VOCAB_STRING);
        vocab_text(&body, texts[i][1], strlen(texts[i][1]));
    }
    if (!spec->no_tokens)
        vocab_array(&body, &n, "tokenizer.ggml.tokens", VOCAB_STRING, l.n, &l.tokens);
    if (!spec->no_types) {
        l.types.len -= 4 * (size_t)spec->types_less;
        vocab_array(&body, &n, "tokenizer.ggml.token_type", VOCAB_I32,
                    l.n - (size_t)spec->types_less, &l.types);
    }
    if (!spec->no_merges)
        vocab_array(&body, &n, "tokenizer.ggml.merges", VOCAB_STRING, l.n_merges, &l.merges);
    const struct {
        const char *key;
        int64_t id;
    } ids[] = {{"tokenizer.ggml.bos_token_id", spec->bos},
               {"tokenizer.ggml.eos_token_id", spec->eos}};
    for (size_t i = 0; i < 2; i++) {
        if (ids[i].id < 0) continue;
        vocab_key(&body, &n, ids[i].key, VOCAB_U32);
        vocab_u32(&body, (uint32_t)ids[i].id);
    }
    ltd_str_push(&file, "GGUF", 4);
    vocab_u32(&file, 3);
    vocab_u64(&file, 0);
    vocab_u64(&file, (uint64_t)n);
    ltd_str_push(&file, body.data, body.len);
    ltd_str_fini(&l.tokens);
    ltd_str_fini(&l.types);
    ltd_str_fini(&l.merges);
    ltd_str_fini(&body);
    return file;
}

/* A tokenizer of this spec; the status of whatever failed. */
static inline int vocab_open(ltd_tokenizer **ret, const vocab_spec *spec, ltd_err *err)
{
    ltd_str bytes = vocab_bytes(spec);
    ltd_gguf *file = NULL;
    *ret = NULL;
    int status = ltd_gguf_parse(&file, bytes.data, bytes.len, "tiny.gguf", err);
    if (status == LTD_OK) status = ltd_tokenizer_from_gguf(ret, file, err);
    ltd_gguf_close(file); /* the tokenizer keeps nothing of it */
    ltd_str_fini(&bytes);
    return status;
}

#endif
