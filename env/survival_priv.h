/* Shared by env/survival*.c. */
#ifndef LTD_ENV_SURVIVAL_PRIV_H
#define LTD_ENV_SURVIVAL_PRIV_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of a match length. */
int32_t ltd_survival_class(int32_t length);
/* Estimates for chains of class c, without a survival: ln p of places 0..n-1, and how often the
 * first token is right. */
void ltd_survival_estimate(int32_t c, float *score, int32_t n);
float ltd_survival_first_rate(int32_t c);
/* Log-odds of ln p, cut at -8 and 8. */
float ltd_survival_odds(float logp);

#ifdef __cplusplus
}
#endif
#endif
