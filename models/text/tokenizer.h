/* Text <-> token ids: byte-level BPE over a PCRE2 pre-tokeniser, special tokens split out first.
 *
 *     ltd_tokenizer *tok;
 *     if (ltd_tokenizer_from_gguf(&tok, gguf, &err) < 0) ...
 *     ltd_tokens ids = LTD_TOKENS_INIT;
 *     ltd_tokenizer_encode(tok, text, strlen(text), LTD_ENCODE_SPECIAL, &ids, &err);
 *
 * Thread rule: a tokenizer keeps no state between calls; concurrent calls are allowed. */
#ifndef LTD_MODELS_TEXT_TOKENIZER_H
#define LTD_MODELS_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "models/files/gguf.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_tokenizer ltd_tokenizer;

/* A growing list of ids; free with ltd_tokens_fini(). */
typedef struct ltd_tokens {
    int32_t *ids;
    size_t n, cap;
} ltd_tokens;

/* clang-format off */
#define LTD_TOKENS_INIT {0, 0, 0}
/* clang-format on */

/* Append an id.  LTD_ENOMEM. */
int ltd_tokens_push(ltd_tokens *tokens, int32_t id, ltd_err *err);
void ltd_tokens_fini(ltd_tokens *tokens);

enum ltd_encode {
    LTD_ENCODE_PLAIN = 0,   /* strings of special tokens are text */
    LTD_ENCODE_SPECIAL = 1, /* they are the tokens */
};

/* From the metadata of a GGUF file (tokenizer.ggml.*): model "gpt2", the pre-tokeniser named by
 * tokenizer.ggml.pre ("smollm", "gpt-2", "default", "llama-bpe", "qwen2").  LTD_EUNSUPPORTED names
 * what we don't know. */
int ltd_tokenizer_from_gguf(ltd_tokenizer **ret, const ltd_gguf *file, ltd_err *err);
void ltd_tokenizer_free(ltd_tokenizer *tok);

/* Append the ids of text[0..n).  Bytes that the vocabulary can't represent are dropped, as the
 * reference does.  No BOS is added. */
int ltd_tokenizer_encode(const ltd_tokenizer *tok, const char *text, size_t n, int flags,
                         ltd_tokens *ids, ltd_err *err);

/* Append the bytes of one token: special tokens give their string when `special`, else nothing.
 * Bytes may end inside a UTF-8 character. */
void ltd_tokenizer_decode(const ltd_tokenizer *tok, int32_t id, bool special, ltd_str *out);

int32_t ltd_tokenizer_vocab(const ltd_tokenizer *tok);
int32_t ltd_tokenizer_bos(const ltd_tokenizer *tok); /* -1 when absent */
int32_t ltd_tokenizer_eos(const ltd_tokenizer *tok);
/* Ends an answer: eos and the other end-of-generation tokens of the vocabulary
 * (<|im_end|>, <|endoftext|>, <|eot_id|>, </s>). */
bool ltd_tokenizer_is_end(const ltd_tokenizer *tok, int32_t id);
/* Id of a token by its exact string, -1 when absent. */
int32_t ltd_tokenizer_find(const ltd_tokenizer *tok, const char *text);
/* The chat template's text from the file, "" when absent; borrowed. */
const char *ltd_tokenizer_chat_template(const ltd_tokenizer *tok);

/* Length of the UTF-8 character at s[0..n), n > 0; 0 when there is none, or not all of it. */
size_t ltd_utf8_length(const char *s, size_t n);

#ifdef __cplusplus
}
#endif
#endif
