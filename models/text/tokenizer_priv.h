/* What the files of this folder share: the vocabulary and the steps of encoding.
 *
 *     text --special.c--> stretches --norm.c--> normalised --split.c--> words --bpe.c--> ids
 *
 * Loaders (from_gguf.c, from_json.c, from_sentencepiece.c) fill the parts; encode.c walks them. */
#ifndef LTD_MODELS_TEXT_TOKENIZER_PRIV_H
#define LTD_MODELS_TEXT_TOKENIZER_PRIV_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "models/text/map_priv.h"
#include "models/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* tokenizer.ggml.token_type; SentencePiece has the same numbers. */
enum {
    LTD_TOKEN_NORMAL = 1,
    LTD_TOKEN_UNKNOWN = 2,
    LTD_TOKEN_CONTROL = 3,
    LTD_TOKEN_USER = 4,
    LTD_TOKEN_UNUSED = 5,
    LTD_TOKEN_BYTE = 6,
};

enum {
    LTD_TOKENIZER_MAX_ENDS = 16,
    LTD_TOKENIZER_MAX_NORMS = 8,
    LTD_TOKENIZER_MAX_STEPS = 16,
};

/* U+2581, how SentencePiece writes a space. */
#define LTD_SPACE_MARK "\xe2\x96\x81"

/* --- normalisers --- */
typedef enum ltd_norm_kind {
    LTD_NORM_NFC,     /* compose characters */
    LTD_NORM_PREPEND, /* put `to` before a text that is not empty */
    LTD_NORM_REPLACE, /* every `from` becomes `to` */
} ltd_norm_kind;

typedef struct ltd_norm {
    ltd_norm_kind kind;
    char *from, *to; /* owned, NULL when not used */
} ltd_norm;

/* Append a normaliser; from and to are copied, at most 64 bytes each.  LTD_EUNSUPPORTED, `name`
 * opens the message. */
int ltd_norm_add(ltd_tokenizer *tok, const char *name, ltd_norm_kind kind, const char *from,
                 const char *to, ltd_err *err);
void ltd_norm_fini(ltd_norm *norm);
/* All normalisers over text[0..n).  *ret is the text itself when there is none, else in one of the
 * two buffers, which the caller owns. */
int ltd_norm_text(const ltd_tokenizer *tok, const char *text, size_t n, ltd_str buffers[2],
                  const char **ret, size_t *n_ret, ltd_err *err);

/* --- words --- */
typedef enum ltd_split_how {                     /* what becomes of the matches of a pattern */
                             LTD_SPLIT_ISOLATED, /* words of their own */
                             LTD_SPLIT_REMOVED,
                             LTD_SPLIT_WITH_PREVIOUS, /* joined to what stands before */
                             LTD_SPLIT_WITH_NEXT,
                             LTD_SPLIT_CONTIGUOUS, /* neighbouring matches are one word */
} ltd_split_how;

typedef enum ltd_step_kind {
    LTD_STEP_SPLIT,
    LTD_STEP_PREFIX, /* a space before every piece that does not begin with one */
    LTD_STEP_SPACES, /* spaces become LTD_SPACE_MARK; one before the piece, as `prefix` says */
} ltd_step_kind;

typedef enum ltd_step_prefix {
    LTD_PREFIX_NEVER,
    LTD_PREFIX_FIRST, /* at the beginning of the text only */
    LTD_PREFIX_ALWAYS,
} ltd_step_prefix;

/* One step of the pre-tokeniser: pieces -> smaller or changed pieces. */
typedef struct ltd_step {
    ltd_step_kind kind;
    ltd_split_how how;
    bool invert;      /* what does not match is the match */
    pcre2_code *code; /* owned */
    ltd_step_prefix prefix;
} ltd_step;

/* Append a splitting step.  `literal`: the pattern is a plain string.  LTD_EUNSUPPORTED says what
 * in the pattern we don't know. */
int ltd_split_add(ltd_tokenizer *tok, const char *name, const char *pattern, size_t n, bool literal,
                  ltd_split_how how, bool invert, ltd_err *err);
/* Append another step. */
int ltd_split_add_step(ltd_tokenizer *tok, const char *name, const ltd_step *step, ltd_err *err);
/* GPT-2's words, which the format's "ByteLevel" means. */
int ltd_split_add_gpt2(ltd_tokenizer *tok, const char *name, ltd_err *err);

/* What a name of tokenizer.ggml.pre stands for: its steps, normalisers and flags are put into
 * `tok`.  LTD_EUNSUPPORTED when unknown. */
int ltd_split_add_named(ltd_tokenizer *tok, const char *name, const char *pre, size_t len,
                        ltd_err *err);

/* Oniguruma's Ruby syntax -> PCRE2.  LTD_EUNSUPPORTED for what the two may read differently. */
int ltd_regex_compile(pcre2_code **ret, const char *name, const char *pattern, size_t n,
                      ltd_err *err);

/* A stretch of bytes to merge on its own.  Negative stops the walk and is returned. */
typedef int (*ltd_word_fn)(void *ctx, const char *word, size_t n, ltd_err *err);

/* Working memory of splitting; zeroed at first. */
typedef struct ltd_splitter {
    pcre2_match_data *match;
    ltd_str scratch[LTD_TOKENIZER_MAX_STEPS];
    ltd_word_fn fn;
    void *ctx;
} ltd_splitter;

void ltd_splitter_fini(ltd_splitter *sp);
/* Call sp->fn for every word of text[0..n), in order.  Bytes that are no UTF-8 are words of their
 * own.  `first`: the text's beginning is here. */
int ltd_split_words(ltd_splitter *sp, const ltd_tokenizer *tok, const char *text, size_t n,
                    bool first, ltd_err *err);

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

/* One token as a loader has it. */
typedef struct ltd_piece {
    const char *text; /* NULL: no token has this id */
    size_t len;
    float score;
    uint8_t type;
    bool normalised; /* a special token that is looked for after normalising */
} ltd_piece;

/* The special tokens among pieces[0..n) that are looked for after (before) normalising.  The
 * normalisers of `tok` must be there. */
int ltd_specials_init(ltd_specials *specials, const ltd_tokenizer *tok, const ltd_piece *pieces,
                      int32_t n, bool normalised, ltd_err *err);
void ltd_specials_fini(ltd_specials *specials);
/* The first place in text[from..n) where a special token is written; the longest one there.
 * Returns its id, -1 when there is none; *at and *len say where. */
int32_t ltd_specials_find(const ltd_specials *specials, const char *text, size_t n, size_t from,
                          int flags, size_t *at, size_t *len);

/* --- merges --- */
typedef struct ltd_merge {
    int32_t left, right, id;
} ltd_merge;

/* Working memory of one encode call; zeroed at first. */
typedef struct ltd_bpe {
    struct ltd_symbol *symbols;
    uint64_t *heap;
    size_t cap, n_heap;
    ltd_str text;
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
    size_t longest;  /* bytes of the longest token */

    bool bytes;        /* symbols are bytes, written as printable characters; else characters */
    bool whole_words;  /* a word of the vocabulary is taken whole, whatever the merges say */
    bool fallback;     /* a character without a token becomes its bytes' tokens, <0xE2> */
    bool fuse_unknown; /* neighbouring unknown characters are one unknown token */
    int32_t unknown;   /* -1: what has no token is dropped */

    /* Either a list of merges ... */
    ltd_merge *merges; /* [n_merges], best first */
    int32_t n_merges;
    ltd_map by_pair; /* left << 32 | right -> index in merges */
    /* ... or any two symbols that make a token merge, the lowest rank first. */
    int32_t *rank; /* [n], NULL when there are merges */

    int32_t byte_id[256]; /* token of a single byte, -1 when the vocabulary has none */

    ltd_specials before, after; /* looked for before, after normalising */
    ltd_norm norms[LTD_TOKENIZER_MAX_NORMS];
    int n_norms;
    ltd_step steps[LTD_TOKENIZER_MAX_STEPS];
    int n_steps;

    bool spaces; /* decoding: LTD_SPACE_MARK is a space */
    int strip;   /* decoding: spaces taken off the beginning of a text */

    int32_t bos, eos, pad; /* -1 when absent */
    bool add_bos;
    int32_t ends[LTD_TOKENIZER_MAX_ENDS]; /* [n_ends] */
    int32_t n_ends;
    char *chat_template; /* NULL when absent */
    char label[96];      /* what the files call the model, "" when they don't */
};

/* An empty tokenizer, without ids; NULL when memory ran out. */
ltd_tokenizer *ltd_vocab_new(void);
/* The tokens (copied) and the special ones among them.  Flags and normalisers must be set. */
int ltd_vocab_build(ltd_tokenizer *tok, const char *name, const ltd_piece *pieces, int32_t n,
                    ltd_err *err);
/* Ranks from the pieces' scores: the highest first, equal ones equal. */
int ltd_vocab_rank(ltd_tokenizer *tok, const char *name, const ltd_piece *pieces, ltd_err *err);
/* Room for n merges, then each in order; `what` names the list in messages. */
int ltd_vocab_begin_merges(ltd_tokenizer *tok, const char *name, size_t n, ltd_err *err);
int ltd_vocab_add_merge(ltd_tokenizer *tok, const char *name, const char *what, const char *left,
                        size_t n_left, const char *right, size_t n_right, ltd_err *err);
/* The same from "left right". */
int ltd_vocab_add_merge_line(ltd_tokenizer *tok, const char *name, const char *what,
                             const char *line, size_t n, ltd_err *err);
/* `id` ends an answer; -1 and what is known already are ignored. */
void ltd_vocab_add_end(ltd_tokenizer *tok, int32_t id);
/* Special tokens that end an answer by their usual names. */
void ltd_vocab_add_usual_ends(ltd_tokenizer *tok);

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
