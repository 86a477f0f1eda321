/* One mutable text in a model: the K/V cache of what was committed, and forwards over rows that
 * continue it.
 *
 * The rows of a forward form a tree: each names its parent among the rows before it, or -1 when it
 * directly follows the committed text.  A chain is a prompt, one row is a decode step, a tree is a
 * verification: one path through the code for all three.
 *
 *     ltd_session_forward(s, &rows, &err);           K/V of the rows lie behind the committed ones
 *     ... s's argmax, logits, features of each row ...
 *     ltd_session_commit(s, path, n_path, &err);     keep these rows, drop the others
 *
 * Row results never depend on the other rows that don't precede them: verified logits equal those
 * of a plain decode step bit for bit.
 * Thread rule: one thread (the model's pool helps).  No allocation in forwards and commits. */
#ifndef LTD_MODELS_LLM_SESSION_H
#define LTD_MODELS_LLM_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "models/llm/llama.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_session ltd_session;

enum { LTD_SESSION_MAX_TAPS = 4 };

typedef struct ltd_session_options {
    int32_t context;  /* slots: committed tokens + rows of a forward */
    int32_t max_rows; /* of one forward */
    bool kv_f16;      /* K/V as halves (relative error 2^-11) instead of floats */
    bool logits;   /* keep logits of every row (max_rows x vocab floats); else the argmax alone */
    int32_t texts; /* side by side, each of up to `context` tokens; 0 = one */
} ltd_session_options;

/* Rows of a forward; arrays are borrowed for the call. */
typedef struct ltd_rows {
    int32_t n;
    const int32_t *token; /* [n] */
    const int32_t
        *parent; /* [n] index of an earlier row, -1 = the last committed token; NULL = a chain */
    int32_t
        n_out; /* rows at the end whose logits/argmax are wanted: n, or 1 for a prompt; 0 = none */
} ltd_rows;

/* LTD_EINVAL when the context can't be (model's limit, no room for rows), LTD_ENOMEM. *ret owned;
 * model borrowed. */
int ltd_session_new(ltd_session **ret, const ltd_llama *model, const ltd_session_options *options,
                    ltd_err *err);
void ltd_session_free(ltd_session *s);

/* Keep features from the next forward on, a new session keeps none: the residual stream as it
 * enters layers[n]; the number of layers stands for what leaves the last one, before the final
 * norm.  A head names those it reads (ltd_eagle3_config.taps).  n [1, LTD_SESSION_MAX_TAPS].
 * LTD_EINVAL, LTD_ENOMEM: nothing changes. */
int ltd_session_set_taps(ltd_session *s, const int32_t *layers, int32_t n, ltd_err *err);

/* Compute rows.  LTD_EINVAL: too many rows, no room in the context, a token or parent out of range;
 * nothing changes then. */
int ltd_session_forward(ltd_session *s, const ltd_rows *rows, ltd_err *err);

/* Compute rows of several texts, and keep them: row i continues text[i] (0 .. texts-1), after the
 * rows of that text before it.  rows->parent is NULL.  What follows speaks of text 0 where it
 * speaks of one.  LTD_EINVAL as above. */
int ltd_session_append(ltd_session *s, const ltd_rows *rows, const int32_t *text, ltd_err *err);
/* Text `to`, which is empty, begins with the first n tokens of text `from`: what both have alike is
 * not computed twice.  LTD_EINVAL. */
int ltd_session_share(ltd_session *s, int32_t to, int32_t from, int32_t n, ltd_err *err);
/* Forget tokens of a text from position n on.  LTD_EINVAL. */
int ltd_session_forget(ltd_session *s, int32_t text, int32_t n, ltd_err *err);
int32_t ltd_session_text_length(const ltd_session *s, int32_t text);

/* Results of the last forward; `row` counts from 0 over all rows. Borrowed until the next forward.
 */
int32_t ltd_session_argmax(const ltd_session *s, int32_t row);
const int32_t *ltd_session_argmaxes(const ltd_session *s); /* [n], valid for the last n_out */
const float *ltd_session_logits(const ltd_session *s, int32_t row);   /* [vocab] */
const float *ltd_session_features(const ltd_session *s, int32_t row); /* [taps * hidden] */

/* Keep rows path[0..n) of the last forward (ascending, each the parent of the next, path[0] a child
 * of the text). The rest is dropped.  n = 0 drops all. */
int ltd_session_commit(ltd_session *s, const int32_t *path, int32_t n, ltd_err *err);

/* Forget committed tokens from position n on. */
int ltd_session_truncate(ltd_session *s, int32_t n, ltd_err *err);

int32_t ltd_session_length(const ltd_session *s); /* committed tokens */
int32_t ltd_session_max_rows(const ltd_session *s);
/* The cache's bytes of one committed position, for tests: [layers, 2, kv_heads, head_dim] in the
 * cache's type; returns the byte count, copies when ret is not NULL. */
size_t ltd_session_kv_bytes(const ltd_session *s, int32_t position, void *ret);

#ifdef __cplusplus
}
#endif
#endif
