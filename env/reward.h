/* What a cycle is worth.  Of L tokens and T seconds:
 *
 *   ratio     r = L / (scale x T)       the paper's (eq. 3; code: scale 100)
 *   average   r = L - rho x T / T_ar    rho = sum L / sum (T / T_ar) so far: an average-reward MDP,
 *                                       whose optimum is the optimum of sum L / sum T
 *
 *   length    r = L                     tokens at any price
 *
 *   time      r = -scale x T            short cycles, whatever they bring
 *
 * The last two are there to compare with, as in the paper's Table 2.
 * Throughput is a ratio of sums, so the mean of ratios is not what users get; `average` is exact.
 */
#ifndef LTD_ENV_REWARD_H
#define LTD_ENV_REWARD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_reward_kind {
    LTD_REWARD_RATIO,
    LTD_REWARD_AVERAGE,
    LTD_REWARD_LENGTH,
    LTD_REWARD_TIME,
    LTD_REWARD_COUNT
} ltd_reward_kind;

/* Running state; plain data, saved with a checkpoint.  Sums decay by `keep` a cycle, so that rho
 * follows the policy. */
typedef struct ltd_reward {
    ltd_reward_kind kind;
    double scale;        /* ratio, time: [1/s] */
    double keep;         /* average: decay a cycle, e.g. 0.999 */
    double sum_l, sum_t; /* tokens; time in units of T_ar */
} ltd_reward;

void ltd_reward_init(ltd_reward *reward, ltd_reward_kind kind, double scale, double keep);

/* Fold one cycle in and return its reward.
 *   accept_len  tokens of the cycle, root included           [1, ...]
 *   cycle_ns    the timed window                             [ns], 0 counts as 1
 *   ar_ns       a plain decode step at this context          [ns]; 0 = unknown: rho stays
 * `average` judges the cycle by the rho from before it.  Pure arithmetic, no allocation. */
float ltd_reward_cycle(ltd_reward *reward, int32_t accept_len, uint64_t cycle_ns, uint64_t ar_ns);

/* rho, tokens per plain-decode time; 1 before the first cycle. */
double ltd_reward_rho(const ltd_reward *reward);

const char *ltd_reward_name(ltd_reward_kind kind);

#ifdef __cplusplus
}
#endif
#endif
