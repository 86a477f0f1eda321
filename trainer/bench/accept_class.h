/* Accepted length by what tokens are part of (token_class.h), and by quarter of the answer.
 *
 *     ltd_accept_classes sum = {0};
 *     ltd_run_prompt(&player, 0, &run, &text, &err);
 *     ltd_accept_classes_answer(&sum, tok, prompt, &text, player.added, player.n_added, &err);
 *     ltd_accept_by by = ltd_accept_by_of(&sum);
 *     printf("%.2f a cycle in headings\n", by.accept[LTD_TOKEN_HEADING]);
 *
 * Every token of an answer but the first, which the prefill chose, was added by one cycle and
 * belongs to one class.  A cycle is shared equally among the tokens it added that count: none of
 * those behind the end token or max_new.  Accepted length of a class = its tokens / its share of
 * the cycles.  So classes average, weighted by their cycles, to the whole: sum of tokens / sum of
 * cycles; that is ltd_run's tokens / cycles, a little less than accept_len / cycles, which counts
 * tokens behind the end too.  The same for quarters: token i of m lies in quarter 4 i / m.
 *
 * Belongs outside of timed windows.  Thread rule: no state; concurrent calls are allowed. */
#ifndef LTD_TRAINER_ACCEPT_CLASS_H
#define LTD_TRAINER_ACCEPT_CLASS_H

#include <stdbool.h>

#include "base/json.h"
#include "env/prompts.h"
#include "trainer/bench/token_class.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_QUARTERS = 4 };

/* Sums over answers.  All zero: nothing is known. */
typedef struct ltd_accept_classes {
    int64_t tokens[LTD_TOKEN_CLASSES];
    double cycles[LTD_TOKEN_CLASSES]; /* shares of cycles, added up */
    int64_t quarter_tokens[LTD_QUARTERS];
    double quarter_cycles[LTD_QUARTERS];
} ltd_accept_classes;

/* NaN where there is no token. */
typedef struct ltd_accept_by {
    double accept[LTD_TOKEN_CLASSES]; /* tokens a cycle */
    double share[LTD_TOKEN_CLASSES];  /* of all tokens */
    double quarter[LTD_QUARTERS];     /* tokens a cycle */
} ltd_accept_by;

/* Add an answer.
 *   kind   [n] classes of its tokens, the first one included
 *   added  [n_added] tokens that each cycle added, 1 or more; n - 1 in all
 * LTD_EINVAL: they are not; *sum is as before. */
int ltd_accept_classes_count(ltd_accept_classes *sum, const uint8_t *kind, size_t n,
                             const int32_t *added, size_t n_added, ltd_err *err);
/* The same, finding the classes first; without a tokenizer nothing is added.  Also LTD_ENOMEM. */
int ltd_accept_classes_answer(ltd_accept_classes *sum, const ltd_tokenizer *tok,
                              const ltd_prompt *prompt, const ltd_tokens *text,
                              const int32_t *added, size_t n_added, ltd_err *err);
void ltd_accept_classes_add(ltd_accept_classes *sum, const ltd_accept_classes *one);

ltd_accept_by ltd_accept_by_of(const ltd_accept_classes *sum);
/* Is there any token in it? */
bool ltd_accept_by_known(const ltd_accept_by *by);
/* As a member of an object, docs/formats.md: "accept_by" of the bench result; null when it isn't
 * known. */
void ltd_accept_by_json(ltd_json_writer *w, const char *key, const ltd_accept_by *by);
/* Append two lines for people, nothing when it isn't known. */
void ltd_accept_by_text(const ltd_accept_by *by, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
