/* The last step of a draft: from a row's feature to its best tokens, of the draft's vocabulary.
 *
 * The vocabulary is the head's own lm_head, and behind it, where the draft was made so, the
 * target's own row of every other token of the text, in the order in which the text brought them.
 * Rows are copied as they come and dropped with the pair that brought them, so that the vocabulary
 * depends on the text alone.
 *
 * Logits come in slices of a few hundred rows.  Each thread keeps the best of the slices that it
 * had, each slice its largest logit and sum of exponentials; sums are joined in the order of the
 * slices: results don't depend on the threads.  Private to models/llm. */
#ifndef LTD_MODELS_LLM_DRAFT_HEAD_H
#define LTD_MODELS_LLM_DRAFT_HEAD_H

#include "models/llm/decoder.h"
#include "models/llm/eagle3_priv.h"

typedef struct ltd_draft_head {
    const ltd_eagle3 *head;
    int32_t top_k, threads;
    /* Vocabulary. */
    ltd_packed part[2]; /* lm_head, rows of the text's tokens; both borrowed */
    int32_t added;      /* rows of part[1] */
    ltd_packed room;    /* owned: all that a text may bring; data NULL: none */
    int32_t *id;        /* tokens of part[0], its width of them, then of part[1] */
    int32_t *since;     /* [room.out] pair that brought the row, ascending; -1: the first token */
    uint8_t *known;     /* [vocab] has a row */
    /* Slices. */
    float *y;             /* [threads, top_k, columns of a slice] when logits are not kept */
    float *largest, *sum; /* [slices, top_k] */
    int32_t *have;        /* [threads, lists] length of a thread's list */
    float *best;          /* [threads, top_k, list] */
    int32_t *best_id;
    int32_t list; /* top_k rounded up to 8 */
    /* Results. */
    float *logits;   /* [top_k, width of part[0]] or NULL */
    int32_t *tokens; /* [top_k, top_k] */
    float *logp;     /* [top_k, top_k] */
} ltd_draft_head;

/* LTD_ENOMEM; LTD_EUNSUPPORTED: a vocabulary that the head can't have. */
int ltd_draft_head_init(ltd_draft_head *ret, const ltd_eagle3 *head, const ltd_draft_options *o,
                        ltd_err *err);
void ltd_draft_head_fini(ltd_draft_head *h);

/* The text goes on with a token, which pair `pair` brings; -1: it begins with it. */
void ltd_draft_head_add(ltd_draft_head *h, int32_t token, int32_t pair);
/* Forget what pairs from n on brought. */
void ltd_draft_head_forget(ltd_draft_head *h, int32_t n);

/* tokens and logp of m rows x [m, hidden]; clobbers d's h and acts. */
void ltd_draft_head_run(ltd_draft_head *h, ltd_decoder *d, const float *x, int32_t m);

#endif
