/* Text <-> token ids: byte-pair encoding, over bytes (Llama 3, Qwen, SmolLM2) or over characters
 * with single bytes to fall back on (SentencePiece's form: Llama 2, Vicuna, Gemma).
 *
 *     ltd_tokenizer *tok;
 *     if (ltd_tokenizer_from_folder(&tok, "vicuna-7b", &err) < 0) ...
 *     ltd_tokens ids = LTD_TOKENS_INIT;
 *     ltd_tokenizer_encode(tok, text, strlen(text), LTD_ENCODE_PROMPT, &ids, &err);
 *
 * A text goes through four steps: special tokens are cut out; what lies between is normalised (NFC,
 * spaces written as another character), cut into words, and merged word by word.  The Hugging Face
 * library "tokenizers" is the reference for each; a file that asks for something else than we do is
 * refused by name (LTD_EUNSUPPORTED).
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
    LTD_ENCODE_BOS = 2,     /* BOS first when ltd_tokenizer_add_bos(), never twice */
    LTD_ENCODE_PROMPT = LTD_ENCODE_SPECIAL | LTD_ENCODE_BOS,
};

/* --- from files; *ret owned, nothing of the source is kept --- */

/* From the metadata of a GGUF file (tokenizer.ggml.*): model "gpt2" with the pre-tokeniser named by
 * tokenizer.ggml.pre (docs/formats.md lists them), or model "llama" with scores. */
int ltd_tokenizer_from_gguf(ltd_tokenizer **ret, const ltd_gguf *file, ltd_err *err);

/* From the bytes of a tokenizer.json; `name` opens messages.  The file does not say which tokens
 * begin and end a text: bos is the one its post-processor puts first, eos and pad are -1. */
int ltd_tokenizer_from_json(ltd_tokenizer **ret, const char *name, const void *data, size_t size,
                            ltd_err *err);

/* From the bytes of a SentencePiece tokenizer.model of kind BPE. */
int ltd_tokenizer_from_sentencepiece(ltd_tokenizer **ret, const char *name, const void *data,
                                     size_t size, ltd_err *err);

/* From a model's folder: tokenizer.json, else tokenizer.model; bos, eos, pad and the chat template
 * from tokenizer_config.json, special_tokens_map.json, generation_config.json, config.json and
 * chat_template.jinja, as far as they are there. */
int ltd_tokenizer_from_folder(ltd_tokenizer **ret, const char *folder, ltd_err *err);

void ltd_tokenizer_free(ltd_tokenizer *tok);

/* --- use --- */

/* Append the ids of text[0..n).  What the vocabulary can't represent becomes its unknown token, or
 * is dropped where it has none, as the reference does.  LTD_EINVAL when the text is too long;
 * `ids` is as before on failure. */
int ltd_tokenizer_encode(const ltd_tokenizer *tok, const char *text, size_t n, int flags,
                         ltd_tokens *ids, ltd_err *err);

/* Append the bytes of one token: special tokens give their string when `special`, else nothing.
 * Bytes may end inside a UTF-8 character. */
void ltd_tokenizer_decode(const ltd_tokenizer *tok, int32_t id, bool special, ltd_str *out);

/* The same for a whole text: the space that encoding put before it is taken off again. */
void ltd_tokenizer_decode_text(const ltd_tokenizer *tok, const int32_t *ids, size_t n, bool special,
                               ltd_str *out);

int32_t ltd_tokenizer_vocab(const ltd_tokenizer *tok);
int32_t ltd_tokenizer_bos(const ltd_tokenizer *tok); /* -1 when absent */
int32_t ltd_tokenizer_eos(const ltd_tokenizer *tok);
int32_t ltd_tokenizer_pad(const ltd_tokenizer *tok);
/* Whether the model was trained on prompts that begin with bos; false when bos is absent. */
bool ltd_tokenizer_add_bos(const ltd_tokenizer *tok);
/* Ends an answer: eos and the other end-of-generation tokens that the files name or that the
 * vocabulary has as special tokens (<|im_end|>, <|endoftext|>, <|eot_id|>, <end_of_turn>, </s>...).
 */
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
