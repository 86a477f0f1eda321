/* A model writes conversations: a user's message after the template's opening of that turn, then
 * the answer to it.  Many stand side by side in one session; who ends makes room for the next, so
 * that every reading of the weights serves as many rows as there are.
 *
 *     ltd_writer *w;
 *     ltd_writer_new(&w, model, tok, chat, &options, &err);
 *     ltd_conversation c;
 *     while (ltd_writer_next(w, &c, &err) == LTD_OK && c.n) ... c.token[0 .. c.n) ...
 *
 * Conversation number i follows from model, template, options and seed: neither from how many are
 * written beside it nor from the number of threads.  They come in the order in which they end.
 * Thread rule: one thread (the model's pool helps). */
#ifndef LTD_TRAINER_DISTILL_WRITER_H
#define LTD_TRAINER_DISTILL_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "models/llm/session.h"
#include "models/text/chat.h"
#include "models/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_writer_options {
    int32_t texts;              /* side by side */
    int32_t message_tokens;     /* most of a message, the opener not counted */
    int32_t answer_tokens;      /* most of an answer */
    double message_temperature; /* more than 0 */
    double answer_temperature;  /* of those that are drawn; more than 0 */
    double greedy_share;        /* of conversations whose answers are greedy, [0, 1] */
    const char *const *openers; /* [n_openers] what some messages begin with, no space at the
                                 * end; borrowed */
    size_t n_openers;
    double opener_share; /* of these conversations, [0, 1]; 0 without openers */
    uint64_t seed;
    uint64_t limit; /* conversations: numbers 0 .. limit - 1 */
    /* Messages that stand already: of conversations 0 .. n_messages - 1; borrowed. */
    const char *const *messages;
    size_t n_messages;
    /* Layers whose inputs are kept as features (ltd_session_set_taps); n_taps 0: none. */
    int32_t taps[LTD_SESSION_MAX_TAPS];
    int32_t n_taps;
    /* Numbers that are there already; NULL: none. */
    bool (*skip)(void *ctx, uint64_t number);
    void *skip_ctx;
} ltd_writer_options;

typedef struct ltd_conversation {
    uint64_t number;
    const int32_t
        *token;     /* [n] template, message, template, answer; borrowed until the next call */
    int32_t n;      /* 0: there are no more */
    int32_t answer; /* where the answer begins */
    bool greedy;    /* the answer's tokens are the most probable ones */
    bool ended;     /* with an end token, which is the last one; else it was cut */
    const uint16_t *features; /* [n - 1, taps * hidden] halves: the last token went through no
                               * layer; borrowed like token; NULL: not kept */
} ltd_conversation;

typedef struct ltd_writer ltd_writer;

/* LTD_EINVAL names the option that can't be, LTD_ENOMEM.  *ret owned; model and tok borrowed. */
int ltd_writer_new(ltd_writer **ret, const ltd_llama *model, const ltd_tokenizer *tok,
                   const ltd_chat *chat, const ltd_writer_options *options, ltd_err *err);
void ltd_writer_free(ltd_writer *w);

/* The next conversation that ends, after as many forwards as that takes. */
int ltd_writer_next(ltd_writer *w, ltd_conversation *ret, ltd_err *err);

/* Rows that all forwards so far computed, and their number: for rates. */
uint64_t ltd_writer_rows(const ltd_writer *w);
uint64_t ltd_writer_forwards(const ltd_writer *w);

#ifdef __cplusplus
}
#endif
#endif
