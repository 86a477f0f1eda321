/* A made-up article that is to be judged: a sentence before any heading, one with a chunk that it
 * cites twice and marks of no chunk, a part of its own chunks, and an empty section.
 *
 *     ltd_wiki_judge_ask(&asked, &made_judging, &err);       MADE_REQUESTS of them */
#ifndef LTD_TESTS_SUPPORT_MADE_ARTICLE_H
#define LTD_TESTS_SUPPORT_MADE_ARTICLE_H

#include "trainer/wiki/judge/judge.h"

enum { MADE_GRADES = 5, MADE_NLI = 4, MADE_REQUESTS = MADE_GRADES + MADE_NLI };

static const int32_t made_cites[][4] = {{0}, {1, 2}, {1, 9, 0, 1}, {1}, {5}};
static ltd_wiki_sentence made_sentences[] = {
    {.text = "Loose words.", .cites = made_cites[0]},
    {.text = "The flood came in May.", .cites = made_cites[1], .n_cites = 2, .section = 1},
    {.text = "It rained.", .cites = made_cites[2], .n_cites = 4, .section = 1},
    {.text = "Boats came from\xc2\xa0" /* white space too */
             "far-off towns.",
     .cites = made_cites[3],
     .n_cites = 1,
     .section = 2,
     .part = 1},
    {.text = "Nobody \"knew\" why.", .cites = made_cites[4], .n_cites = 1, .section = 2, .part = 1},
};
static ltd_wiki_section made_sections[] = {{.title = "", .n = 1},
                                           {.title = "Introduction", .first = 1, .n = 2},
                                           {.title = "Rescue", .first = 3, .n = 2},
                                           {.title = "Aftermath", .first = 5}};
static const ltd_wiki_article made_article = {
    .section = made_sections, .sentence = made_sentences, .n_sections = 4, .n_sentences = 5};
static const char *const made_chunks[] = {"it rained. the flood came in may",
                                          "a page that tells nothing of it"};
static const char *const made_chunks_of_rescue[] = {"boats came late"};
static const ltd_wiki_part made_parts[] = {{made_chunks, 2}, {made_chunks_of_rescue, 1}};
static const ltd_wiki_event made_event = {.id = 7, .key = "Great Flood", .url = "", .text = ""};
static const ltd_wiki_judging made_judging = {.event = &made_event,
                                              .method = "rr",
                                              .article = &made_article,
                                              .part = made_parts,
                                              .n_parts = 2};

#endif
