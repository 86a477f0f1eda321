/* Statistics of measurements: means, medians, and speed-ups with paired bootstrap intervals.
 *
 *     double ratio = ltd_stats_ratio(ours, theirs, n);
 *     ltd_interval ci;
 *     ltd_stats_bootstrap(ours, theirs, n, 2000, seed, &ci, &err);
 *
 * Pure functions; the same seed gives the same interval. */
#ifndef LTD_TRAINER_STATS_H
#define LTD_TRAINER_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What one prompt gave under one policy. */
typedef struct ltd_rate {
    double tokens, seconds;
} ltd_rate;

typedef struct ltd_interval {
    double lo, hi;
} ltd_interval;

typedef struct ltd_ratio {
    double value;
    ltd_interval ci;
} ltd_ratio;

/* NaN for n = 0. */
double ltd_stats_mean(const double *v, size_t n);
/* The middle value, or the mean of the two; NaN for n = 0.  Sorts v. */
double ltd_stats_median(double *v, size_t n);
/* Quantile q [0, 1] of ascending v, linear between neighbours (numpy's default); NaN for n = 0. */
double ltd_stats_quantile(const double *v, size_t n, double q);

/* sum tokens / sum seconds; NaN without time. */
double ltd_stats_speed(const ltd_rate *v, size_t n);
/* Mean of tokens / seconds, of those that took time; NaN when none did. */
double ltd_stats_mean_speed(const ltd_rate *v, size_t n);
/* Speed of a over speed of b. */
double ltd_stats_ratio(const ltd_rate *a, const ltd_rate *b, size_t n);

/* 95 % percentile interval of ltd_stats_ratio: prompts are drawn with replacement, both policies'
 * results of a prompt together, `resamples` times, from LTD_STREAM_BOOTSTRAP of `seed`.  With fewer
 * than two prompts, or without resamples, both ends are NaN: nothing is known about the spread.
 * LTD_ENOMEM. */
int ltd_stats_bootstrap(const ltd_rate *a, const ltd_rate *b, size_t n, int32_t resamples,
                        uint64_t seed, ltd_interval *ret, ltd_err *err);

/* Prompts in groups: of each group, over all, and the mean of the groups' ratios, in which a group
 * of short answers weighs as much as any.
 *   size   [n_groups] prompts of each, one group after the other in a and b
 *   group  [n_groups]
 * Intervals as above, but prompts are drawn within their groups, whose sizes are thereby kept.  A
 * group of fewer than two prompts says nothing of its spread: it, all and mean have no interval
 * then.  LTD_ENOMEM. */
int ltd_stats_groups(const ltd_rate *a, const ltd_rate *b, const int32_t *size, int32_t n_groups,
                     int32_t resamples, uint64_t seed, ltd_ratio *group, ltd_ratio *all,
                     ltd_ratio *mean, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
