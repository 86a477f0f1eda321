/* What the files of this folder share: the vocabulary and its three parts.
 *
 *     text --special.c--> stretches between special tokens --split.c--> words --bpe.c--> ids */
#ifndef LTD_MODELS_TEXT_TOKENIZER_PRIV_H
#define LTD_MODELS_TEXT_TOKENIZER_PRIV_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "models/text/map_priv.h"
#include "models/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* tokenizer.ggml.token_type */
enum {
    LTD_TOKEN_NORMAL = 1,
    LTD_TOKEN_UNKNOWN = 2,
    LTD_TOKEN_CONTROL = 3,
    LTD_TOKEN_USER = 4,
    LTD_TOKEN_UNUSED = 5,
    LTD_TOKEN_BYTE = 6,
};

enum { LTD_TOKENIZER_MAX_ENDS = 8 };

/* --- words --- */
typedef struct ltd_split_rule {
    const char *name;    /* tokenizer.ggml.pre */
    const char *pattern; /* a match is a word */
    bool whole_words;    /* a word of the vocabulary is taken whole, whatever the merges say */
} ltd_split_rule;

/* NULL when unknown. */
const ltd_split_rule *ltd_split_find(const char *name, size_t len);
int ltd_split_compile(pcre2_code **ret, const ltd_split_rule *rule, ltd_err *err);

/* A stretch of bytes to merge on its own.  Negative stops the walk and is returned. */
typedef int (*ltd_word_fn)(void *ctx, const char *word, size_t n, ltd_err *err);

/* Call fn for every word of text[0..n), in order; they cover the text.  Bytes that are no UTF-8
 * are words of their own. */
int ltd_split_words(const pcre2_code *code, pcre2_match_data *match, const char *text, size_t n,
                    ltd_word_fn fn, void *ctx, ltd_err *err);

/* --- special tokens: a byte trie --- */
typedef struct ltd_special_node {
    int32_t child, sibling; /* 0 = none */
    int32_t id;             /* token that ends here, -1 = none */
    uint8_t byte;
    bool always; /* user-defined: a token even where specials are text */
} ltd_special_node;

typedef struct ltd_specials {
    ltd_special_node *nodes; /* [n], node 0 is not used */
    int32_t n;
    int32_t root[256]; /* by first byte, 0 = none */
} ltd_specials;

/* From the special tokens of `tok`, whose vocabulary is complete. */
int ltd_specials_init(ltd_specials *specials, const ltd_tokenizer *tok, ltd_err *err);
void ltd_specials_fini(ltd_specials *specials);
/* The first place in text[from..n) where a special token is written; the longest one there.
 * Returns its id, -1 when there is none; *at and *len say where. */
int32_t ltd_specials_find(const ltd_specials *specials, const char *text, size_t n, size_t from,
                          int flags, size_t *at, size_t *len);

/* --- merges --- */
typedef struct ltd_merge {
    int32_t left, right, id;
} ltd_merge;

/* Working memory of one encode call. */
typedef struct ltd_bpe {
    struct ltd_symbol *symbols;
    uint64_t *heap;
    size_t cap, n_heap;
} ltd_bpe;

void ltd_bpe_fini(ltd_bpe *bpe);
/* Append the ids of one word. */
int ltd_bpe_word(ltd_bpe *bpe, const ltd_tokenizer *tok, const char *word, size_t n,
                 ltd_tokens *ids, ltd_err *err);

/* --- the vocabulary --- */
struct ltd_tokenizer {
    int32_t n;
    char *text;      /* all tokens, as written in the file, one after the other */
    size_t *text_at; /* [n + 1] */
    uint8_t *type;   /* [n] */
    ltd_map by_text; /* hash of text -> id */

    ltd_merge *merges; /* [n_merges], best first */
    int32_t n_merges;
    ltd_map by_pair;      /* left << 32 | right -> index in merges */
    int32_t byte_id[256]; /* token of a single byte, -1 when the vocabulary has none */

    ltd_specials specials;
    const ltd_split_rule *rule;
    pcre2_code *split;

    int32_t bos, eos;
    int32_t ends[LTD_TOKENIZER_MAX_ENDS]; /* [n_ends] */
    int32_t n_ends;
    char *chat_template; /* NULL when absent */
};

/* Byte-level BPE writes every byte as a printable character: the character of a byte, and back (-1
 * when it stands for none). */
uint32_t ltd_byte_symbol(uint8_t byte);
int ltd_symbol_byte(uint32_t symbol);
/* UTF-8 of a character below 0x800; returns its length. */
size_t ltd_symbol_write(char ret[2], uint32_t symbol);

/* The token written a followed by b, -1 when absent. */
int32_t ltd_vocab_find(const ltd_tokenizer *tok, const char *a, size_t na, const char *b,
                       size_t nb);

#ifdef __cplusplus
}
#endif
#endif
