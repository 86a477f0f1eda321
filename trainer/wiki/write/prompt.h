/* What a model is asked for an article, a plan, a section, in our own words.
 *
 *     ltd_wiki_ask ask = {.stage = LTD_WIKI_STAGE_ARTICLE, .key = event->key, .document = texts,
 *                         .n_documents = 3};
 *     ltd_wiki_prompt(&ask, 1200, &count, &prompt, &err);
 *
 * A prompt that is longer than it may be loses the last words of its documents, or of the draft
 * that is to be rewritten; what it asks for always stays. Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_PROMPT_H
#define LTD_TRAINER_WIKI_PROMPT_H

#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_wiki_stage {
    LTD_WIKI_STAGE_PLAN,
    LTD_WIKI_STAGE_SECTION,
    LTD_WIKI_STAGE_ARTICLE,
    LTD_WIKI_STAGE_REWRITE,
    LTD_WIKI_STAGES
} ltd_wiki_stage;

/* "plan", "section", "article", "rewrite". */
const char *ltd_wiki_stage_name(ltd_wiki_stage stage);

typedef struct ltd_wiki_ask {
    ltd_wiki_stage stage;
    const char *key;
    const char *section;         /* of stage section */
    const char *draft;           /* of stage rewrite: the text of the piece */
    const char *const *document; /* [n_documents] texts of chunks, best first */
    int32_t n_documents;         /* 0: from the title alone */
} ltd_wiki_ask;

/* Who knows how many tokens a message becomes, the chat template's own included. */
typedef struct ltd_wiki_counter {
    int (*count)(void *ctx, const char *prompt, int32_t *ret, ltd_err *err);
    void *ctx;
} ltd_wiki_counter;

/* The user's message, of `most` tokens at most.  Replaces *out.  LTD_EINVAL: it is longer without
 * any document; LTD_ENOMEM; what the counter returns. */
int ltd_wiki_prompt(const ltd_wiki_ask *ask, int32_t most, const ltd_wiki_counter *counter,
                    ltd_str *out, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
