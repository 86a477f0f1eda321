/* Streams of prompts: question.jsonl files ({"question_id", "category", "turns": [...]}), rendered
 * through the chat template and tokenised once.
 *
 *     ltd_prompts *prompts;
 *     ltd_prompts_load(&prompts, paths, n, chat, tok, &opt, &err);
 *     const ltd_prompt *p = ltd_prompts_at(prompts, i);
 *
 * Thread rule: immutable once loaded. */
#ifndef LTD_ENV_PROMPTS_H
#define LTD_ENV_PROMPTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/status.h"
#include "models/text/chat.h"
#include "models/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_prompts ltd_prompts;

typedef struct ltd_prompt {
    int64_t question_id;
    const char *category; /* "" when absent */
    const char *task; /* the file's folder name (data/gsm8k/question.jsonl: "gsm8k"), else the file
                         name without extension */
    const char *text; /* first turn as written */
    const int32_t *ids; /* [n] rendered and tokenised */
    int32_t n;
} ltd_prompt;

/* Read files in order; `limit` > 0 keeps the first that many of each file.  First turn only.
 * Prompts longer than max_tokens (> 0; else there is no bound) are left out and counted in *skipped
 * (may be NULL).  With chat NULL a turn is the prompt, as written.
 * LTD_EIO; LTD_EFORMAT with file and line (what is wrong); a file without any prompt is an error.
 */
int ltd_prompts_load(ltd_prompts **ret, const char *const *paths, size_t n_paths,
                     const ltd_chat *chat, const ltd_tokenizer *tok, int32_t limit,
                     int32_t max_tokens, int32_t *skipped, ltd_err *err);
/* The same over the bytes of one file; `name` is its path in messages and for the task. */
int ltd_prompts_parse(ltd_prompts **ret, const void *data, size_t size, const char *name,
                      const ltd_chat *chat, const ltd_tokenizer *tok, int32_t limit,
                      int32_t max_tokens, int32_t *skipped, ltd_err *err);
/* One prompt from text (already rendered when chat is NULL). */
int ltd_prompts_from_text(ltd_prompts **ret, const char *text, const ltd_chat *chat,
                          const ltd_tokenizer *tok, ltd_err *err);
/* Copies of list[n], tokenised as they are.  LTD_ENOMEM. */
int ltd_prompts_copy(ltd_prompts **ret, const ltd_prompt *list, size_t n, ltd_err *err);
void ltd_prompts_free(ltd_prompts *prompts);
size_t ltd_prompts_count(const ltd_prompts *prompts);
const ltd_prompt *ltd_prompts_at(const ltd_prompts *prompts, size_t i);

/* An order over prompts: every prompt once a pass, shuffled anew each pass by `rng`. Plain data but
 * for `order`; the position is saved with a checkpoint. */
typedef struct ltd_prompt_order {
    int32_t *order; /* [n] owned */
    int32_t n, next;
    ltd_rng rng;
} ltd_prompt_order;

int ltd_prompt_order_init(ltd_prompt_order *order, size_t n, uint64_t seed, ltd_err *err);
void ltd_prompt_order_fini(ltd_prompt_order *order);
int32_t ltd_prompt_order_next(ltd_prompt_order *order);

#ifdef __cplusplus
}
#endif
#endif
