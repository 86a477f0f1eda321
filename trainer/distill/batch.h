/* A few conversations as the arrays that training computes with.
 *
 *     ltd_batch_init(&b, &source, &err);
 *     ltd_batch_fill(&b, texts, features, n, &err);       again and again: room grows as needed
 *
 * Row p of a text pairs the feature of token p with the embedding of token p + 1, as the head reads
 * them: n - 1 rows for n tokens.  An anchor is a row from which the head drafts: the token after
 * its own embedding's belongs to the answer.  The vocabulary of a batch is the static one and every
 * token of its texts.
 * Thread rule: a batch belongs to one thread; a source is read by any. */
#ifndef LTD_TRAINER_DISTILL_BATCH_H
#define LTD_TRAINER_DISTILL_BATCH_H

#include "base/status.h"
#include "models/llm/llama.h"
#include "trainer/distill/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What all batches have in common. */
typedef struct ltd_batch_source {
    const ltd_llama *model;
    float scale[3];       /* of the taps' features */
    const int32_t *draft; /* [n_draft] the static vocabulary */
    int32_t n_draft;
    float *draft_rows; /* [n_draft, hidden] of the target's head, owned */
} ltd_batch_source;

/* LTD_ENOMEM.  draft is borrowed. */
int ltd_batch_source_init(ltd_batch_source *ret, const ltd_llama *model, const float scale[3],
                          const int32_t *draft, int32_t n_draft, ltd_err *err);
void ltd_batch_source_fini(ltd_batch_source *s);

typedef struct ltd_batch_text {
    int32_t row, rows;       /* its rows are row .. row + rows - 1 */
    int32_t anchor, anchors; /* its anchors likewise; the first of them is row `row + first` */
    int32_t first;
} ltd_batch_text;

typedef struct ltd_batch {
    const ltd_batch_source *source;
    ltd_batch_text *text; /* [texts] */
    int32_t texts, rows, anchors, vocab;
    float *feature; /* [rows, 3 hidden], scaled */
    float *embed;   /* [rows, hidden] */
    float *target;  /* [anchors, hidden] the target's last features after its final norm: what it
                     * predicts the token after the anchor's embedding from */
    float *weight;  /* [anchors] 1 / its squared length */
    float *lm_head; /* [vocab, hidden] */
    int32_t *token; /* [vocab] */
    int32_t *place; /* [the target's vocab] row of lm_head + 1, 0: none */
    size_t room[7];
} ltd_batch;

int ltd_batch_init(ltd_batch *ret, const ltd_batch_source *source, ltd_err *err);
void ltd_batch_fini(ltd_batch *b);

/* Of text[n] with features[n], each [text's n - 1, 4 hidden] halves.  Texts without an anchor are
 * left out.  LTD_ENOMEM. */
int ltd_batch_fill(ltd_batch *b, const ltd_conversation *text, const uint16_t *const *features,
                   int32_t n, ltd_err *err);
/* Anchors that a conversation has. */
int32_t ltd_batch_anchors(const ltd_conversation *c);

#ifdef __cplusplus
}
#endif
#endif
