/* The components that a tokenizer.json lists beside its vocabulary.  Each call reads one of them
 * into `tok`; a null value is none.  What we don't do exactly is refused by its name. */
#ifndef LTD_MODELS_TEXT_JSON_PARTS_PRIV_H
#define LTD_MODELS_TEXT_JSON_PARTS_PRIV_H

#include "base/json.h"
#include "models/text/tokenizer_priv.h"

#ifdef __cplusplus
extern "C" {
#endif

int ltd_json_read_normalizer(ltd_tokenizer *tok, ltd_json part, ltd_err *err);
/* Sets tok->bytes when a component is ByteLevel. */
int ltd_json_read_pre_tokenizer(ltd_tokenizer *tok, ltd_json part, ltd_err *err);
/* After the pre-tokeniser. */
int ltd_json_read_decoder(ltd_tokenizer *tok, ltd_json part, ltd_err *err);
/* After the vocabulary: the token that is put before every text becomes bos. */
int ltd_json_read_post_processor(ltd_tokenizer *tok, ltd_json part, ltd_err *err);

/* A flag that may be missing or null. */
int ltd_json_read_flag(ltd_json object, const char *key, bool missing, bool *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
