/* EAGLE-3 draft heads: one decoder layer that predicts the target's next tokens from the target's
 * own features.  Weights (ltd_eagle3) are immutable; a draft (ltd_draft) holds the K/V of one text.
 * Knows nothing of trees: the caller says which rows to run and which earlier ones they see.
 *
 *     ltd_draft_begin(d, x_0, &err);                           a new text
 *     ltd_draft_extend(d, features, tokens, n, true, &err);    resync: x_t with x_t+1
 *     ltd_draft_expand(d, &rows, &err);                        one level more: k rows
 *
 * Pairs that were extended stay; expanded rows vanish at the next extend.
 * Thread rule: as ltd_session.  Source: EAGLE-3 (Li et al. 2025), method as in its reference code.
 */
#ifndef LTD_MODELS_LLM_EAGLE3_H
#define LTD_MODELS_LLM_EAGLE3_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "models/llm/llama.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_eagle3 ltd_eagle3;
typedef struct ltd_draft ltd_draft;

typedef struct ltd_eagle3_config {
    int32_t hidden, ffn, heads, kv_heads, head_dim;
    int32_t target_hidden; /* width of the target's hidden states; a feature has three */
    int32_t taps[3];       /* which: ltd_session_set_taps */
    int32_t vocab;         /* of the target */
    int32_t draft_vocab;   /* rows of the head's lm_head */
    float eps, rope_theta;
    bool norm_before_residual; /* the layer's residual is the normed feature, not the feature */
} ltd_eagle3_config;

/* Open a folder with config.json and model.safetensors or pytorch_model.bin, for `target`
 * (borrowed: embedding, pool, kernels).  Layouts: EAGLE's, which AngelSlim and SpecForge share, and
 * that of vLLM's speculators; docs/formats.md lists names and keys.  dtype: LTD_LOAD_FILE, F32, F16
 * or Q8.  LTD_EIO, LTD_EFORMAT, LTD_EUNSUPPORTED (a head of another target: its sizes are named,
 * or, where the file tells it, its target; a key or a tensor that asks for another arithmetic),
 * LTD_ENOMEM.  *ret owned. */
int ltd_eagle3_open(ltd_eagle3 **ret, const char *folder, const ltd_llama *target,
                    ltd_load_dtype dtype, ltd_err *err);
void ltd_eagle3_close(ltd_eagle3 *head);
const ltd_eagle3_config *ltd_eagle3_get_config(const ltd_eagle3 *head);
const char *ltd_eagle3_path(const ltd_eagle3 *head);
const char *ltd_eagle3_hash(const ltd_eagle3 *head); /* SHA-256 of the weights, hex */
size_t ltd_eagle3_bytes(const ltd_eagle3 *head);     /* of its matrices in memory */
/* The target's numbers of the tokens that it can draft [draft_vocab]; borrowed. */
const int32_t *ltd_eagle3_tokens(const ltd_eagle3 *head);

/* Tokens that a draft may propose.  An lm_head has rows for some thousand frequent tokens.  Where
 * these rows are the target's own, frozen while the head was trained, the target's rows of other
 * tokens fit beside them, and a text mostly goes on with tokens that it has had. */
typedef enum ltd_draft_vocabulary {
    LTD_VOCABULARY_AUTO,    /* CONTEXT where ltd_eagle3_shares_rows(), else STATIC */
    LTD_VOCABULARY_STATIC,  /* those of the lm_head */
    LTD_VOCABULARY_CONTEXT, /* and every token of the text, by the target's own row */
    LTD_VOCABULARY_COUNT
} ltd_draft_vocabulary;

/* Are the lm_head's rows those of the target's head?  Some rows are compared when the head is
 * opened; what rounding to four bits does to weights still passes, an lm_head that was trained does
 * not. */
bool ltd_eagle3_shares_rows(const ltd_eagle3 *head);
/* Do drafts of this vocabulary also propose tokens by the target's rows?  Not where the lm_head has
 * all tokens already, or its rows another width. */
bool ltd_eagle3_extends(const ltd_eagle3 *head, ltd_draft_vocabulary vocabulary);

typedef struct ltd_draft_options {
    int32_t context;        /* pairs of a text */
    int32_t max_rows;       /* pairs of an extend */
    int32_t top_k;          /* rows of a beam */
    int32_t max_expansions; /* after an extend */
    ltd_draft_vocabulary vocabulary;
    bool logits; /* keep the lm_head's logits, for tests */
} ltd_draft_options;

/* LTD_EINVAL, LTD_ENOMEM, LTD_EUNSUPPORTED: vocabulary CONTEXT of a head whose lm_head is not as
 * wide as the target's.  *ret owned; head borrowed. */
int ltd_draft_new(ltd_draft **ret, const ltd_eagle3 *head, const ltd_draft_options *options,
                  ltd_err *err);
void ltd_draft_free(ltd_draft *d);

/* Forget all pairs; the next one follows `first`, the token of a text that no pair brings.  A new
 * draft has none.  LTD_EINVAL: no token of the target. */
int ltd_draft_begin(ltd_draft *d, int32_t first, ltd_err *err);

/* Run n pairs after those already there and keep their K/V.
 *   features  [n, 3 * target hidden] of positions length .. length + n - 1
 *   tokens    [n] the tokens that follow them
 *   top       whether the last pair's best tokens are wanted (level 1 of the tree)
 * LTD_EINVAL when the context or max_rows is exceeded. */
int ltd_draft_extend(ltd_draft *d, const float *features, const int32_t *tokens, int32_t n,
                     bool top, ltd_err *err);

/* Rows of expansion e (0 after an extend): top_k of them, all at position length + e.  Row j sees
 * the kept pairs, then the columns ancestors[j][0 .. n_ancestors) (column of expansion e, row r =
 * e * top_k + r), then itself. */
typedef struct ltd_expansion {
    const int32_t *tokens;  /* [top_k] */
    const int32_t *sources; /* [top_k] row of the previous call whose feature it continues */
    const int32_t *const *ancestors; /* [top_k] */
    int32_t n_ancestors;             /* = expansions done since the extend */
} ltd_expansion;
int ltd_draft_expand(ltd_draft *d, const ltd_expansion *rows, ltd_err *err);

/* Best top_k target tokens of row r of the last call, ln p over the draft vocabulary, descending,
 * the lower token first where they tie; after an extend there is one row.  They depend on the first
 * token, the kept pairs and the expansions since, not on what was forgotten or on the threads.
 * [rows, top_k], borrowed until the next call. */
const int32_t *ltd_draft_tokens(const ltd_draft *d);
const float *ltd_draft_logp(const ltd_draft *d);
/* For tests: features before the final norm [rows, hidden]; logits of the lm_head's own rows [rows,
 * draft_vocab rounded up to 8], NULL when options.logits is false. */
const float *ltd_draft_hidden(const ltd_draft *d);
const float *ltd_draft_logits(const ltd_draft *d);

/* Forget pairs from n on; the first token stays. */
int ltd_draft_truncate(ltd_draft *d, int32_t n, ltd_err *err);
int32_t ltd_draft_length(const ltd_draft *d);

#ifdef __cplusplus
}
#endif
#endif
