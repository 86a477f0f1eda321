/* A model's greedy answers to prompts, many of them side by side: what a draft head is measured
 * on.  They don't depend on how many are written at a time.
 *
 *     ltd_answers *a;
 *     ltd_answers_options o = LTD_ANSWERS_DEFAULTS;
 *     ltd_answers_new(&a, model, tok, prompts, &o, NULL, &err);
 *     for (size_t i = 0; i < ltd_answers_count(a); i++) ... ltd_answers_at(a, i) ...
 *
 * Thread rule: immutable once made. */
#ifndef LTD_TRAINER_DISTILL_ANSWERS_H
#define LTD_TRAINER_DISTILL_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "env/prompts.h"
#include "models/llm/llama.h"
#include "models/text/tokenizer.h"
#include "trainer/bench/run_prompt.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_answers_options {
    int32_t max_new; /* tokens of an answer, at most */
    int32_t texts;   /* side by side */
    bool kv_f16;     /* as of ltd_session_options */
} ltd_answers_options;

/* clang-format off */
#define LTD_ANSWERS_DEFAULTS {.max_new = 256, .texts = 32, .kv_f16 = true}
/* clang-format on */

typedef struct ltd_answer {
    const char *task;     /* the prompt's */
    const int32_t *token; /* [n] prompt and answer; an end token is the last one */
    int32_t n;
    int32_t answer; /* where the answer begins */
} ltd_answer;

typedef struct ltd_answers ltd_answers;

/* Write all of them; an answer ends with an end token of tok or at max_new.  LTD_EINVAL: an
 * option that can't be, or a context that the model hasn't; LTD_ENOMEM, LTD_ECANCELED.  *ret owned;
 * prompts are borrowed by it, watch may be NULL. */
int ltd_answers_new(ltd_answers **ret, const ltd_llama *model, const ltd_tokenizer *tok,
                    const ltd_prompts *prompts, const ltd_answers_options *options,
                    const ltd_watch *watch, ltd_err *err);
void ltd_answers_free(ltd_answers *a);

/* In the order of the prompts; borrowed. */
size_t ltd_answers_count(const ltd_answers *a);
ltd_answer ltd_answers_at(const ltd_answers *a, size_t i);
/* Tokens of the longest text, prompt and answer. */
int32_t ltd_answers_longest(const ltd_answers *a);

#ifdef __cplusplus
}
#endif
#endif
