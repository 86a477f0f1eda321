/* The suite `paper`: tables 1 and 5 of "Learning to Draft" (arXiv 2603.01639) on the model at hand.
 *
 *     ltd_paper_learnt learnt;
 *     ltd_paper_learn(&s, &wanted, &watch, &learnt, &err);          nets and grid search
 *     ltd_paper_parts parts = {.wanted = &wanted, .learnt = &learnt, .policy = policy, ...};
 *     ltd_preset rows[LTD_PAPER_ROWS];
 *     ltd_paper_rows(&parts, rows, &n, &err);
 *
 * Its rows are played as the paper has them: no prompt lookup, beam 10, scores as they come, the
 * head's own vocabulary; EAGLE-3 with 8 expansions behind the resync, so 9 forwards, and 60 nodes;
 * rules of dynamic depth with 60 nodes and up to 12 expansions, with the paper's parameters.
 * Behind them stand ours: static-tuned, goodput, ltd.  Thread rule: one thread. */
#ifndef LTD_TRAINER_SUITE_PAPER_H
#define LTD_TRAINER_SUITE_PAPER_H

#include "base/log.h"
#include "trainer/bench/preset.h"
#include "trainer/suites/suite.h"
#include "trainer/tune/rule_tune.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_PAPER_ROWS = 13 };

extern const ltd_suite_kind ltd_suite_paper;

/* Is the row among those asked for (n 0: all)? */
bool ltd_paper_wants(const ltd_strings *wanted, const char *row);
/* All names are rows of the suite.  LTD_EINVAL lists them. */
int ltd_paper_check(const ltd_strings *wanted, ltd_err *err);

/* What rows need that is learnt here. */
typedef struct ltd_paper_learnt {
    ltd_rule_set
        nets;         /* of c2t, disco, specdec++, as far as records of the paper's widths are there
                       */
    ltd_setting grid; /* forwards 0: not searched */
} ltd_paper_learnt;

/* The configuration with the paper's widths: beam 10, 13 forwards, sizes 20 to 240, no lookup, the
 * head's own vocabulary.  *ret borrows from s, so there is nothing to close but ret->cost: free().
 */
void ltd_paper_setup(const ltd_setup *s, ltd_setup *ret);
/* Train nets and search the grid for the rows that are wanted: over the records of
 * ltd_paper_setup(), when there are some; without them no net is trained, and the grid is searched
 * live, once.  *ret is zeroed first, so that fini is always legal. */
int ltd_paper_learn(const ltd_setup *s, const ltd_strings *wanted, const ltd_watch *watch,
                    ltd_paper_learnt *ret, ltd_err *err);
void ltd_paper_learnt_fini(ltd_paper_learnt *learnt);
/* Settings of the grid search, plain decoding first: forwards 5 to 13 by `step` and nodes 40 to 240
 * by 20 `step`.  Returns how many of ret[LTD_TUNE_MAX]. */
int32_t ltd_paper_grid(int32_t step, ltd_candidate *ret);

typedef struct ltd_paper_parts {
    const ltd_strings *wanted;
    const ltd_paper_learnt *learnt;
    const ltd_policy *policy; /* of row ltd-paper; NULL: none */
    bool head;                /* is there a draft head? */
    const ltd_logger *log;
} ltd_paper_parts;

/* The rows in the paper's order, *n of them; those that lack something are left out, and the log
 * says how to get it.  Nets and policy are borrowed. */
void ltd_paper_rows(const ltd_paper_parts *parts, ltd_preset *ret, int32_t *n);

#ifdef __cplusplus
}
#endif
#endif
