/* What session.c (one text) and session_texts.c (several) share. */
#ifndef LTD_MODELS_LLM_SESSION_PRIV_H
#define LTD_MODELS_LLM_SESSION_PRIV_H

#include "models/llm/decoder.h"
#include "models/llm/llama_priv.h"
#include "models/llm/session.h"

struct ltd_session {
    const ltd_llama *model;
    ltd_session_options options;
    ltd_decoder d;
    ltd_kv kv;
    ltd_rope rope;
    ltd_rope local;  /* of sliding layers; empty when there are none */
    int32_t stride;  /* slots from one text to the next */
    int32_t *length; /* [texts] committed tokens */
    int32_t rows;    /* of the last forward, not committed yet */
    int32_t first_out;
    int32_t *parent, *depth; /* [max_rows] */
    int32_t *argmax;         /* [max_rows] */
    float *features;         /* [max_rows, n_taps, hidden] */
    float *logits;           /* [max_rows, width of the head] */
    int32_t taps[LTD_SESSION_MAX_TAPS];
    int32_t n_taps;
    /* The head's slices: scratch a thread, and the best of each slice and row. */
    float *slice_y;       /* [threads, max_rows, HEAD_ROWS] when logits are not kept */
    float *slice_best;    /* [slices, max_rows] */
    int32_t *slice_token; /* [slices, max_rows] */
    int32_t slices;
};

/* LTD_EINVAL: too many rows, or a token or parent out of range. */
int ltd_session_check_rows(const ltd_session *s, const ltd_rows *rows, ltd_err *err);
/* The forward of rows that d.visible has placed. */
void ltd_session_run(ltd_session *s, const ltd_rows *rows);

#endif
