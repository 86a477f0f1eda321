/* Every figure of an article that needs no model to judge it, one list of them for files, tables
 * and means.
 *
 *     ltd_wiki_scorer *s;
 *     ltd_wiki_scorer_new(&s, event, chunks, &err);                    once an event
 *     ltd_wiki_quality q;
 *     ltd_wiki_score(s, &(ltd_wiki_written){texts, given, n}, &q, &err);
 *     ltd_wiki_scorer_free(s);
 *     ltd_wiki_quality_put_json(&q, LTD_WIKI_QUALITY, &writer);
 *
 * Knows nothing of how an article came about.  Equal articles give equal figures, byte for byte.
 * Thread rule: a scorer is immutable, several threads may score with it. */
#ifndef LTD_TRAINER_WIKI_QUALITY_H
#define LTD_TRAINER_WIKI_QUALITY_H

#include "base/json.h"
#include "trainer/wiki/pages/chunks.h"
#include "trainer/wiki/score/citations.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NAN: there is nothing to measure (null in files).  Shares are 0 to 1. */
typedef struct ltd_wiki_quality {
    double rouge1, rouge1_precision, rouge1_recall;
    double rouge2, rouge2_precision, rouge2_recall;
    double rougeL, rougeL_precision, rougeL_recall;
    double rougeL_coco, bleu1, bleu4, meteor_exact;
    double words, length_ratio; /* of the article, headings included; by the reference's */
    double sentences, sections, well_formed_headings, duplicate_headings, empty_sections;
    double words_per_section, repeated_run, distinct4;
    double outline_exact_recall, outline_soft_recall, outline_soft_precision;
    double infobox_coverage, number_recall, name_recall, retrieval_coverage;
    double cited_fraction; /* sentences with a mark */
    double links, bad_links;
    double chunks_cited, chunks_given, source_use; /* different ones; their ratio */
    double marks_per_cited_sentence;
    double lex_recall, lex_precision, lex_rate;          /* tau .5 */
    double strict_recall, strict_precision, strict_rate; /* tau .7 */
} ltd_wiki_quality;

typedef enum ltd_wiki_figures { /* groups of figures; each is an object in files */
                                LTD_WIKI_QUALITY,
                                LTD_WIKI_LEX,        /* citations at tau .5 */
                                LTD_WIKI_LEX_STRICT, /* at tau .7 */
                                LTD_WIKI_FIGURES_COUNT
} ltd_wiki_figures;

typedef struct ltd_wiki_figure {
    const char *name; /* in its object */
    size_t offset;    /* of the double in ltd_wiki_quality */
    ltd_wiki_figures group;
    int decimals; /* in tables */
} ltd_wiki_figure;

/* All figures, in the order of files and tables; *n of them.  Static. */
const ltd_wiki_figure *ltd_wiki_figure_list(size_t *n);
double ltd_wiki_figure_get(const ltd_wiki_quality *q, const ltd_wiki_figure *figure);
/* "quality", "citation_lex", "citation_lex_strict". */
const char *ltd_wiki_figures_name(ltd_wiki_figures group);

/* An article as it was written. */
typedef struct ltd_wiki_written {
    const char *const *text; /* [n] one, or one a section; `[k]` points into the same place of */
    const ltd_wiki_given *given; /* [n] the chunks that stood in the prompt of each */
    int32_t n;
} ltd_wiki_written;

typedef struct ltd_wiki_scorer ltd_wiki_scorer;

/* What depends on the event alone.  Event and chunks are borrowed.  LTD_ENOMEM, LTD_EFORMAT.  *ret
 * owned. */
int ltd_wiki_scorer_new(ltd_wiki_scorer **ret, const ltd_wiki_event *event,
                        const ltd_wiki_chunks *chunks, ltd_err *err);
void ltd_wiki_scorer_free(ltd_wiki_scorer *scorer);
/* LTD_EINVAL: a chunk that the event hasn't; LTD_ENOMEM, LTD_EFORMAT. */
int ltd_wiki_score(const ltd_wiki_scorer *scorer, const ltd_wiki_written *article,
                   ltd_wiki_quality *ret, ltd_err *err);

/* Each figure's mean over the articles that have it, NAN where none has. */
void ltd_wiki_quality_mean(const ltd_wiki_quality *q, size_t n, ltd_wiki_quality *ret);

/* The object of a group, keyed by its name. */
void ltd_wiki_quality_put_json(const ltd_wiki_quality *q, ltd_wiki_figures group,
                               ltd_json_writer *w);

/* One column an article or method: title[i] above q[i].  A row a figure; "-" for NAN. */
void ltd_wiki_quality_put_table(const ltd_wiki_quality *q, const char *const *title, size_t n,
                                ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
