/* How likely a drafted node is accepted, calibrated: what a tree's scores mean.
 *
 * Head: the head's cumulative ln p of a node -> ln of the share of such nodes that were true, a
 * monotone curve (isotonic regression).  Lookup: length of the match and place in the chain -> the
 * same.  Both are counted over records, of prompts that nothing is tested on (survival_fit.h).
 *
 * Functions that take a survival take NULL for none: the head's scores as they are, and an estimate
 * for lookup that no text was measured for.  Pure functions, no allocation: exports carry this
 * code.  Source: ours. */
#ifndef LTD_ENV_SURVIVAL_H
#define LTD_ENV_SURVIVAL_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_SURVIVAL_STEPS = 8,    /* knots of the head's curve to a nat */
    LTD_SURVIVAL_KNOTS = 65,   /* of it, from 0 down to -8 */
    LTD_SURVIVAL_MATCHES = 13, /* classes of match lengths */
    LTD_SURVIVAL_CHAIN = 64    /* places of a chain */
};

typedef struct ltd_survival {
    float head[LTD_SURVIVAL_KNOTS];                         /* ln p at score -i / 8 */
    float lookup[LTD_SURVIVAL_MATCHES][LTD_SURVIVAL_CHAIN]; /* ln p, cumulative */
    float both[LTD_SURVIVAL_MATCHES][3]; /* log-odds of a chain's token: constant, weight of the
                                            head's log-odds; constant where the head is silent */
    int64_t nodes, matches;              /* that were counted */
    char model_hash[65], head_hash[65];  /* head "": none */
} ltd_survival;

/* Are its logarithms of probabilities finite, none above 0 or above the one before, and its weights
 * of a size that no sum overflows?  What comes from a file must be. */
bool ltd_survival_is_sane(const ltd_survival *s);

/* ln p of a node that the head gives this cumulative score; monotone, below the last knot with the
 * slope of the score. */
float ltd_survival_head(const ltd_survival *s, float score);
/* ln p of chain places 0..n-1 under a match of `length` tokens: score[0 .. n), not increasing. */
void ltd_survival_lookup(const ltd_survival *s, int32_t length, float *score, int32_t n);

/* ln p of a chain's next token, all before it being true, once the head has spoken: `length` tokens
 * agree so far, the head gives it ln p = `logp`, -infinity: it is not among its candidates.  s is
 * not NULL. */
float ltd_survival_both(const ltd_survival *s, int32_t length, float logp);

#ifdef __cplusplus
}
#endif
#endif
