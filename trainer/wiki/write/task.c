#include "trainer/wiki/write/task.h"

#include <string.h>

static const char *const methods[LTD_WIKI_METHODS] = {"vanilla", "rr", "prr", "extract-rr",
                                                      "extract-prr"};
static const char *const plans[LTD_WIKI_PLANS] = {"documents", "blind", "ref"};

static const ltd_wiki_profile profiles[] = {
    {"2k", 3, 160, 1200, 512, 256, 128},
    {"4k", 5, 256, 2048, 800, 400, 160},
    {"8k", 10, 256, 5000, 1500, 600, 160},
};

enum { CHUNK_BYTES = 2048, N_PROFILES = sizeof profiles / sizeof profiles[0] };

const char *ltd_wiki_method_name(ltd_wiki_method method)
{
    return methods[method];
}

bool ltd_wiki_method_find(const char *name, ltd_wiki_method *ret)
{
    for (int i = 0; i < LTD_WIKI_METHODS; i++) {
        if (strcmp(methods[i], name) != 0) continue;
        *ret = (ltd_wiki_method)i;
        return true;
    }
    return false;
}

const char *ltd_wiki_plan_name(ltd_wiki_plan plan)
{
    return plans[plan];
}

const char *ltd_wiki_ranking_name(ltd_wiki_ranking ranking)
{
    return ranking == LTD_WIKI_BM25 ? "bm25" : "tfidf";
}

const char *ltd_wiki_sources_name(ltd_wiki_sources sources)
{
    static const char *const names[] = {"mixed", "human", "search"};
    return names[sources];
}

bool ltd_wiki_method_generates(ltd_wiki_method method)
{
    return method != LTD_WIKI_EXTRACT_RR && method != LTD_WIKI_EXTRACT_PRR;
}

const ltd_wiki_profile *ltd_wiki_profile_find(const char *name)
{
    for (int i = 0; i < N_PROFILES; i++)
        if (strcmp(profiles[i].name, name) == 0) return &profiles[i];
    return NULL;
}

const ltd_wiki_profile *ltd_wiki_profile_at(int32_t i)
{
    return &profiles[i];
}

ltd_wiki_chunking ltd_wiki_task_chunking(const ltd_wiki_task *task)
{
    return (ltd_wiki_chunking){.words = task->profile->chunk_words,
                               .bytes = CHUNK_BYTES,
                               .sources = task->sources,
                               .ascii = true};
}
