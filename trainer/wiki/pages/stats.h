/* What a folder of WikiGenBench events holds: how long articles and pages are, how many there are,
 * and how much of an article its pages know.
 *
 *     ltd_wiki_stats s;
 *     ltd_wiki_stats_collect(&s, "data-root", &err);
 *     ltd_wiki_stats_table(&s, &text);
 *
 * Words are what stands between white space.  Rows about search pages count the events that have a
 * google half.
 * Thread rule: plain data. */
#ifndef LTD_TRAINER_WIKI_STATS_H
#define LTD_TRAINER_WIKI_STATS_H

#include <stdint.h>

#include "base/json.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_wiki_stat {
    LTD_WIKI_REFERENCE_WORDS,
    LTD_WIKI_HEADINGS,
    LTD_WIKI_HEADINGS_KEPT, /* less References and the like */
    LTD_WIKI_HUMAN_PAGES,
    LTD_WIKI_HUMAN_WORDS, /* an event */
    LTD_WIKI_HUMAN_PAGE_WORDS,
    LTD_WIKI_SEARCH_PAGES,
    LTD_WIKI_SEARCH_USABLE, /* pages that are no rubbish (chunks.h) */
    LTD_WIKI_SEARCH_PAGE_WORDS,
    LTD_WIKI_CHUNKS, /* of 256 words */
    LTD_WIKI_WIKI_BYTES,
    LTD_WIKI_GOOGLE_BYTES,
    LTD_WIKI_SUPPORT, /* share of the reference's words (LTD_WORDS_STD, stop words left out, each as
                         often as it stands) that usable pages have */
    LTD_WIKI_STATS
} ltd_wiki_stat;

/* Of n values; all 0 when there are none.  Quantiles between two values are interpolated. */
typedef struct ltd_wiki_spread {
    int32_t n;
    double min, p25, median, p75, max, mean;
} ltd_wiki_spread;

typedef struct ltd_wiki_stats {
    int32_t events, searched; /* of them have a google half */
    int64_t human_pages, search_pages, chunks;
    ltd_wiki_spread spread[LTD_WIKI_STATS];
} ltd_wiki_stats;

/* All events of <root>/data.  LTD_EIO, LTD_EFORMAT, LTD_ENOMEM: as ltd_wiki_event_load(). */
int ltd_wiki_stats_collect(ltd_wiki_stats *ret, const char *root, ltd_err *err);

/* Lines of text, numbers right-aligned. */
void ltd_wiki_stats_table(const ltd_wiki_stats *stats, ltd_str *out);
/* {"events": 40, "searched": 40, "human_pages": ..., "spread": {"reference_words": {"n": 40, "min":
 * ..., "p25", "median", "p75", "max", "mean"}, ...}}; `key` as in base/json.h. */
void ltd_wiki_stats_json(const ltd_wiki_stats *stats, const char *key, ltd_json_writer *w);

#ifdef __cplusplus
}
#endif
#endif
