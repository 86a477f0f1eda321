/* How articles of WikiGenBench are to be written: method, outline, lengths, documents.
 *
 *     ltd_wiki_task task = {.method = LTD_WIKI_RR, .profile = ltd_wiki_profile_find("2k")};
 *
 * Methods are the benchmark's (arXiv:2402.18264): retrieve-then-read, plan-retrieve-read; lengths
 * of profile 4k are the paper's, where it says any. Thread rule: plain data. */
#ifndef LTD_TRAINER_WIKI_TASK_H
#define LTD_TRAINER_WIKI_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "trainer/wiki/pages/chunks.h"
#include "trainer/wiki/pages/rank.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_wiki_method {
    LTD_WIKI_VANILLA, /* the whole article from its title alone */
    LTD_WIKI_RR,      /* the whole article from the best chunks for its title */
    LTD_WIKI_PRR, /* an outline, then each section alone from the best chunks for it (RPRR in the
                     benchmark's first version) */
    LTD_WIKI_EXTRACT_RR, /* no model: sentences of the chunks that RR would show */
    LTD_WIKI_EXTRACT_PRR,
    LTD_WIKI_METHODS
} ltd_wiki_method;

typedef enum ltd_wiki_plan {
    LTD_WIKI_PLAN_DOCUMENTS, /* the model plans from the chunks for the title */
    LTD_WIKI_PLAN_BLIND,     /* ... from the title alone */
    LTD_WIKI_PLAN_REF,       /* the reference's own headings */
    LTD_WIKI_PLANS
} ltd_wiki_plan;

typedef struct ltd_wiki_profile {
    const char *name;
    int32_t chunks;        /* that a prompt shows */
    int32_t chunk_words;   /* words of a chunk, at most; and 2,048 bytes */
    int32_t prompt_tokens; /* of a prompt as the model sees it, at most: documents are cut */
    int32_t article_tokens, section_tokens, plan_tokens; /* of an answer, at most */
} ltd_wiki_profile;

typedef struct ltd_wiki_task {
    ltd_wiki_method method;
    ltd_wiki_plan plan; /* of PRR */
    bool rewrite;       /* a last call that smooths the whole text */
    const ltd_wiki_profile *profile;
    ltd_wiki_ranking ranking;
    ltd_wiki_sources sources;
} ltd_wiki_task;

/* "vanilla", "rr", "prr", "extract-rr", "extract-prr"; static storage. */
const char *ltd_wiki_method_name(ltd_wiki_method method);
/* False: there is none of that name. */
bool ltd_wiki_method_find(const char *name, ltd_wiki_method *ret);
/* "bm25", "tfidf"; "mixed", "human", "search". */
const char *ltd_wiki_ranking_name(ltd_wiki_ranking ranking);
const char *ltd_wiki_sources_name(ltd_wiki_sources sources);
/* "documents", "blind", "ref". */
const char *ltd_wiki_plan_name(ltd_wiki_plan plan);
/* Is it written by a model? */
bool ltd_wiki_method_generates(ltd_wiki_method method);

/* "2k", "4k", "8k"; NULL: there is none of that name. */
const ltd_wiki_profile *ltd_wiki_profile_find(const char *name);
/* By their order, as wiki.profile has it. */
const ltd_wiki_profile *ltd_wiki_profile_at(int32_t i);
/* How its chunks are cut. */
ltd_wiki_chunking ltd_wiki_task_chunking(const ltd_wiki_task *task);

#ifdef __cplusplus
}
#endif
#endif
