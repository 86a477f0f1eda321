/* What of the conversations is worth training on: a loop is cut where it begins to repeat, and what
 * is too short, was said before, or holds text that is kept for evaluation, is left out.
 *
 *     ltd_filter *f;
 *     ltd_filter_new(&f, &options, &err);
 *     ltd_filter_exclude(f, ids, n, &err);                 evaluation prompts
 *     switch (ltd_filter_judge(f, &c, &err)) ...           c.n may be less now
 *
 * What was said before depends on the order: judge in the order of numbers.
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_DISTILL_FILTER_H
#define LTD_TRAINER_DISTILL_FILTER_H

#include "base/status.h"
#include "trainer/distill/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_filter_options {
    int32_t least;    /* tokens of an answer */
    int32_t repeats;  /* copies of a piece that make a loop, 2 or more; two of them stay */
    int32_t loop;     /* tokens that all copies but the first have together, at least */
    int32_t gram;     /* tokens of a gram, by which texts are compared */
    double most_seen; /* share of an answer's grams that earlier ones may have had, [0, 1] */
} ltd_filter_options;

/* clang-format off */
#define LTD_FILTER_DEFAULTS {.least = 4, .repeats = 4, .loop = 24, .gram = 10, .most_seen = 0.5}
/* clang-format on */

typedef enum ltd_verdict {
    LTD_VERDICT_KEPT,
    LTD_VERDICT_SHORT,
    LTD_VERDICT_SEEN,
    LTD_VERDICT_EXCLUDED,
    LTD_VERDICT_COUNT
} ltd_verdict;

typedef struct ltd_filter ltd_filter;

/* LTD_EINVAL names the option that can't be, LTD_ENOMEM.  *ret owned. */
int ltd_filter_new(ltd_filter **ret, const ltd_filter_options *options, ltd_err *err);
void ltd_filter_free(ltd_filter *f);

/* No conversation may share a gram with these tokens, which come without a template.  LTD_ENOMEM.
 */
int ltd_filter_exclude(ltd_filter *f, const int32_t *ids, int32_t n, ltd_err *err);

/* An ltd_verdict, or LTD_ENOMEM.  A cut conversation has not `ended`. */
int ltd_filter_judge(ltd_filter *f, ltd_conversation *c, ltd_err *err);

/* Where tokens [0, n) fall into a loop: as many as stay, n without one. */
int32_t ltd_filter_loop(const ltd_filter_options *o, const int32_t *ids, int32_t n);

const char *ltd_verdict_name(ltd_verdict v);

#ifdef __cplusplus
}
#endif
#endif
