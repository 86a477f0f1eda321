/* An article on its way: what was asked, what came back, what it took, and the text so far.
 *
 *     ltd_wiki_work w = {.id = event->id};
 *     ltd_wiki_write(&task, event, &writer, &w, &err);
 *     ltd_wiki_work_json(&w, &text);             articles/<id>.json of docs/formats.md
 *     ltd_wiki_work_fini(&w);
 *
 * Thread rule: plain data. */
#ifndef LTD_TRAINER_WIKI_WORK_H
#define LTD_TRAINER_WIKI_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "models/text/tokenizer.h"
#include "trainer/bench/accept_class.h"
#include "trainer/wiki/write/prompt.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_WIKI_ACCEPT = 66 }; /* entries of a histogram of accepted lengths */

typedef enum ltd_wiki_stop {
    LTD_WIKI_STOP_END,
    LTD_WIKI_STOP_LENGTH,
    LTD_WIKI_STOP_LOOP
} ltd_wiki_stop;

/* What decoding took; prefill lies outside the cycles. */
typedef struct ltd_wiki_effort {
    int64_t cycles, tokens; /* tokens that cycles added and that count */
    double cycles_ms;       /* of which: */
    double draft_ms, verify_ms, policy_ms;
    double prefill_ms;
    uint32_t accepted[LTD_WIKI_ACCEPT]; /* cycles by accepted length */
    ltd_accept_classes classes;         /* by what tokens are part of, and by quarter */
} ltd_wiki_effort;

/* One question to the model. */
typedef struct ltd_wiki_call {
    ltd_wiki_stage stage;
    char *section;        /* owned; NULL: the whole article */
    char prompt_hash[65]; /* SHA-256 of the message */
    int32_t prompt_tokens;
    ltd_tokens tokens; /* the answer's ids, end token included */
    char *text;        /* owned; the answer, white space around it taken off */
    ltd_wiki_stop stop;
    ltd_wiki_effort effort;
} ltd_wiki_call;

/* A text whose marks [k] mean its own chunks. */
typedef struct ltd_wiki_piece {
    char *title;       /* owned; NULL: the whole article */
    char *text;        /* owned; with its line ==title== when it has a title */
    int32_t *chunk;    /* [n_chunks] owned: ids, in the order of their numbers 1, 2, ... */
    char **chunk_text; /* [n_chunks] owned, each as well */
    int32_t n_chunks;
} ltd_wiki_piece;

typedef struct ltd_wiki_work {
    int64_t id;
    char *key; /* owned */
    char method[16], decoder[64];
    bool complete;       /* nothing is left to be asked */
    ltd_wiki_call *call; /* [n_calls] */
    int32_t n_calls;
    ltd_wiki_piece *piece; /* [n_pieces] */
    int32_t n_pieces;
} ltd_wiki_work;

void ltd_wiki_call_fini(ltd_wiki_call *call);
void ltd_wiki_work_fini(ltd_wiki_work *work);

/* Take a call (its contents are moved), or forget those from number n on.  LTD_ENOMEM. */
int ltd_wiki_work_add_call(ltd_wiki_work *work, ltd_wiki_call *call, ltd_err *err);
void ltd_wiki_work_cut_calls(ltd_wiki_work *work, int32_t n);
/* Add a piece: everything is copied.  LTD_ENOMEM. */
int ltd_wiki_work_add_piece(ltd_wiki_work *work, const char *title, const char *text,
                            const int32_t *chunk, const char *const *chunk_text, int32_t n_chunks,
                            ltd_err *err);
void ltd_wiki_work_cut_pieces(ltd_wiki_work *work);

/* "eos", "len", "loop". */
const char *ltd_wiki_stop_name(ltd_wiki_stop stop);

/* Append the JSON of docs/formats.md; with `text` a string and `retrieve` a list for one piece,
 * lists of them for several, as the benchmark's own scorers read it. */
void ltd_wiki_work_json(const ltd_wiki_work *work, ltd_str *out);
/* Read it back.  LTD_EIO, LTD_EFORMAT (what is wrong, where).  *ret owned: fini. */
int ltd_wiki_work_load(ltd_wiki_work *ret, const char *path, ltd_err *err);
int ltd_wiki_work_parse(ltd_wiki_work *ret, const char *name, const void *data, size_t size,
                        ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
