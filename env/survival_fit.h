/* Learning what scores mean (survival.h) from records, of prompts that nothing is tested on.
 *
 *     ltd_survival_counts *counts = calloc(...);
 *     ltd_survival_count_head(counts, score, true);
 *     ltd_survival_count_lookup(counts, match, accepted, chain);
 *     ltd_survival_fit(counts, &survival);
 *
 * Source: isotonic regression by pooling adjacent violators (Ayer et al. 1955); the tables are
 * ours. */
#ifndef LTD_ENV_SURVIVAL_FIT_H
#define LTD_ENV_SURVIVAL_FIT_H

#include <stdbool.h>
#include <stdint.h>

#include "env/survival.h"

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif
