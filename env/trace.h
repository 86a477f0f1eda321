/* A record of texts: at every position of each, what the draft head proposes at full depth, and how
 * the text goes on.  A greedy text and its drafts don't depend on who decides, so a cycle can be
 * played over the record (ltd_cycle_options.trace) with any decisions, without a model.
 *
 * Position i of a text is the cycle whose root is token[prompt + i].  The head's rows are those of
 * ltd_tree_grow(), forward after forward: top_k, then top_k x top_k each.
 * Thread rule: immutable once filled. */
#ifndef LTD_ENV_TRACE_H
#define LTD_ENV_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_trace_text {
    char task[64];
    int64_t question_id;
    int32_t prompt;       /* tokens of the prompt */
    int32_t n;            /* tokens of prompt and answer */
    int32_t positions;    /* roots that are recorded; below n - prompt: the text runs on */
    int32_t *token;       /* [n] */
    int32_t *draft_token; /* [positions, ltd_trace_rows()] */
    float *draft_logp;    /* [positions, ltd_trace_rows()] ln p given the row */
} ltd_trace_text;

enum { LTD_TRACE_ENDS = 32 };

typedef struct ltd_trace {
    ltd_trace_text *text; /* [n] owned, with all that they point to */
    int32_t n;
    int32_t top_k, max_forwards;         /* of the head; 0 forwards: none */
    int32_t end[LTD_TRACE_ENDS], n_ends; /* tokens that end an answer */
    char model_hash[65], head_hash[65];  /* head "": none */
} ltd_trace;

/* Candidates of all forwards of a position. */
int32_t ltd_trace_rows(const ltd_trace *trace);
/* Where the rows of forward f (0 = resync) begin among them. */
int32_t ltd_trace_row(const ltd_trace *trace, int32_t forward);
/* Does this token end an answer? */
bool ltd_trace_is_end(const ltd_trace *trace, int32_t token);
/* The text that begins with the prompt ids[n]; -1: none. */
int32_t ltd_trace_find(const ltd_trace *trace, const int32_t *ids, int32_t n);
/* Append *text, whose arrays become the trace's; on failure they are freed.  LTD_ENOMEM. */
int ltd_trace_add(ltd_trace *trace, ltd_trace_text *text, ltd_err *err);
void ltd_trace_text_fini(ltd_trace_text *text);
/* Also legal on a trace that is zero. */
void ltd_trace_fini(ltd_trace *trace);

#ifdef __cplusplus
}
#endif
#endif
