/* How likely a drafted node is accepted, calibrated: what a tree's scores mean.
 *
 * Head: the head's cumulative ln p of a node -> ln of the share of such nodes that were true, a
 * monotone curve (isotonic regression).  Lookup: length of the match and place in the chain -> the
 * same.  Both are counted over records, of prompts that nothing is tested on.
 *
 *     ltd_survival_counts *counts = calloc(...);
 *     ltd_survival_count_head(counts, score, true);
 *     ltd_survival_count_lookup(counts, match, accepted, chain);
 *     ltd_survival_fit(counts, &survival);
 *
 * Functions that take a survival take NULL for none: the head's scores as they are, and an estimate
 * for lookup that no text was measured for.  Pure functions but for the file; no allocation in
 * the timed ones.
 * Source: isotonic regression by pooling adjacent violators (Ayer et al. 1955); the tables are
 * ours. */
#ifndef LTD_ENV_SURVIVAL_H
#define LTD_ENV_SURVIVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_SURVIVAL_KNOTS = 65,   /* of the head's curve, an eighth apart, from 0 down to -8 */
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

/* ln p of a node that the head gives this cumulative score; monotone, below the last knot with the
 * slope of the score. */
float ltd_survival_head(const ltd_survival *s, float score);
/* ln p of chain places 0..n-1 under a match of `length` tokens: score[0 .. n), not increasing. */
void ltd_survival_lookup(const ltd_survival *s, int32_t length, float *score, int32_t n);

/* ln p of a chain's next token, all before it being true, once the head has spoken: `length` tokens
 * agree so far, the head gives it ln p = `logp`, -infinity: it is not among its candidates.  s is
 * not NULL. */
float ltd_survival_both(const ltd_survival *s, int32_t length, float logp);

/* --- learning --- */

enum { LTD_SURVIVAL_ODDS = 33 }; /* classes of the head's log-odds, a half apart, from -8 to 8 */

typedef struct ltd_survival_counts {
    int64_t head[LTD_SURVIVAL_KNOTS][2];                         /* nodes; true ones */
    double said[LTD_SURVIVAL_KNOTS];                             /* sum of the head's p */
    int64_t lookup[LTD_SURVIVAL_MATCHES][LTD_SURVIVAL_CHAIN][2]; /* chains that long; accepted */
    /* places about which the head spoke; true ones.  The last class: it was silent about them */
    int64_t both[LTD_SURVIVAL_MATCHES][LTD_SURVIVAL_ODDS + 1][2];
} ltd_survival_counts;

void ltd_survival_count_head(ltd_survival_counts *counts, float score, bool is_true);
/* A chain of n tokens of which `accepted` were true. */
void ltd_survival_count_lookup(ltd_survival_counts *counts, int32_t length, int32_t accepted,
                               int32_t n);
/* As ltd_survival_both() will be asked. */
void ltd_survival_count_both(ltd_survival_counts *counts, int32_t length, float logp, bool is_true);
/* What was never seen keeps the value it has without a survival.  The hashes become "". */
void ltd_survival_fit(const ltd_survival_counts *counts, ltd_survival *ret);

/* --- file --- */

/* JSON, written atomically.  LTD_EIO, LTD_ENOMEM. */
int ltd_survival_save(const ltd_survival *s, const char *path, ltd_err *err);
/* LTD_EIO, LTD_EFORMAT.  *ret owned: free(). */
int ltd_survival_load(ltd_survival **ret, const char *path, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
