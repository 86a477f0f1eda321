/* Which drafted tokens the target agrees with: greedy decoding, and two rules for sampling.
 *
 * Both sampling rules give every token the target's own probability, because the tree is fixed
 * before any of their numbers is looked at (drafted tokens are chosen, never drawn):
 *   drawn      each token is drawn from the target's distribution after the text before it; the
 *              tree only decides whether the next distribution is at hand already.
 *   sampled    child c is taken with p(c); else, with 1 - p(c), the rest of the rule gives x the
 *              probability p(x) / (1 - p(c)) of p without c: in total p(x), child after child.
 * They accept equally often: with the sum of the children's p.  `drawn` takes one number a token,
 * whatever the tree, so a seed gives one text under every policy; `sampled` is the rule of EAGLE
 * and the paper, whose text is another one for another tree. */
#ifndef LTD_ENV_ACCEPT_H
#define LTD_ENV_ACCEPT_H

#include <stdint.h>

#include "base/status.h"
#include "env/tree.h"
#include "models/llm/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Greedy acceptance: from the root go to the child whose token is the target's argmax there, until
 * there is none.
 *   selection   nodes that were verified
 *   argmax      [selection->n] the target's best token at each node
 *   path        [selection->n] receives the entries accepted, root first
 *   *next       the target's token after the last accepted node: root of the next cycle
 * Returns the number of entries in path = accept_len L_A, 1 (the root alone) or more.
 * Source: EAGLE evaluate_posterior at T = 0, stated as a walk. */
int32_t ltd_accept_greedy(const ltd_selection *selection, const int32_t *argmax, int32_t *path,
                          int32_t *next);

/* Wrong on purpose: whatever was drafted is taken, the best child of each node, asked or not.  What
 * checks that text is unchanged must find this out.  Arguments and result as above. */
int32_t ltd_accept_always(const ltd_selection *selection, const int32_t *argmax, int32_t *path,
                          int32_t *next);

typedef enum ltd_accept_rule {
    LTD_ACCEPT_DRAWN,
    LTD_ACCEPT_SAMPLED,
    LTD_ACCEPT_ALWAYS
} ltd_accept_rule;

/* What the sampling rules read; all of it borrowed. */
typedef struct ltd_chance {
    /* Temperature, top-k and top-p; afterwards the distribution that *next was drawn from. */
    ltd_sampler *sampler;
    const float *(*logits)(const void *rows, int32_t entry); /* the target's [vocab] at an entry */
    const void *rows;
    double (*uniform)(void *numbers); /* the next number in [0, 1) */
    void *numbers;
} ltd_chance;

/* Draw the target's next token; as long as it is a drafted child, go there and draw again.  Takes
 * one number for each token.  Arguments and result as above; LTD_EINVAL when logits are no
 * numbers, path and *next are then of no use.
 * Source: ours. */
int32_t ltd_accept_drawn(const ltd_selection *selection, const ltd_chance *chance, int32_t *path,
                         int32_t *next, ltd_err *err);

/* Ask one child after the other, in tree order: taken when the next number is below its
 * probability, else taken out of the distribution.  When none is left the next token is drawn from
 * what remains.  Takes a number for each child asked and one for the token drawn.
 * Source: EAGLE evaluate_posterior at T > 0, SpecInfer's rule for drafts that are no samples. */
int32_t ltd_accept_sampled(const ltd_selection *selection, const ltd_chance *chance, int32_t *path,
                           int32_t *next, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
