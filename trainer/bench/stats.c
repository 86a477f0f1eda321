#include "trainer/bench/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

double ltd_stats_mean(const double *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += v[i];
    return n ? sum / (double)n : NAN;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double ltd_stats_median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, ascending);
    return ltd_stats_quantile(v, n, 0.5);
}

double ltd_stats_quantile(const double *v, size_t n, double q)
{
    if (n == 0) return NAN;
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= n) return v[n - 1];
    return v[i] + (at - (double)i) * (v[i + 1] - v[i]);
}

double ltd_stats_speed(const ltd_rate *v, size_t n)
{
    double tokens = 0, seconds = 0;
    for (size_t i = 0; i < n; i++) {
        tokens += v[i].tokens;
        seconds += v[i].seconds;
    }
    return seconds > 0 ? tokens / seconds : NAN;
}

double ltd_stats_mean_speed(const ltd_rate *v, size_t n)
{
    double sum = 0;
    size_t timed = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(v[i].seconds > 0)) continue;
        sum += v[i].tokens / v[i].seconds;
        timed++;
    }
    return timed ? sum / (double)timed : NAN;
}

double ltd_stats_ratio(const ltd_rate *a, const ltd_rate *b, size_t n)
{
    return ltd_stats_speed(a, n) / ltd_stats_speed(b, n);
}

/* Sums over n prompts drawn with replacement, added to *x and *y. */
static void draw(const ltd_rate *a, const ltd_rate *b, size_t n, ltd_rng *rng, ltd_rate *x,
                 ltd_rate *y)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = (size_t)ltd_rng_below(rng, n);
        x->tokens += a[k].tokens;
        x->seconds += a[k].seconds;
        y->tokens += b[k].tokens;
        y->seconds += b[k].seconds;
    }
}

/* Of what the resamples gave; draws of prompts without any cycle gave no number. */
static ltd_interval interval_of(double *v, int32_t n)
{
    size_t m = 0;
    for (int32_t i = 0; i < n; i++)
        if (isfinite(v[i])) v[m++] = v[i];
    qsort(v, m, sizeof *v, ascending);
    return (ltd_interval){ltd_stats_quantile(v, m, 0.025), ltd_stats_quantile(v, m, 0.975)};
}

int ltd_stats_bootstrap(const ltd_rate *a, const ltd_rate *b, size_t n, int32_t resamples,
                        uint64_t seed, ltd_interval *ret, ltd_err *err)
{
    *ret = (ltd_interval){NAN, NAN};
    if (n < 2 || resamples < 1) return LTD_OK;
    double *v = ltd_mem_zeros((size_t)resamples, sizeof *v);
    if (!v) return ltd_fail(err, LTD_ENOMEM, "bootstrap: no memory for %d resamples", resamples);
    ltd_rng rng;
    ltd_rng_seed(&rng, seed, LTD_STREAM_BOOTSTRAP);
    for (int32_t i = 0; i < resamples; i++) {
        ltd_rate x = {0, 0}, y = {0, 0};
        draw(a, b, n, &rng, &x, &y);
        v[i] = ltd_stats_ratio(&x, &y, 1);
    }
    *ret = interval_of(v, resamples);
    free(v);
    return LTD_OK;
}

/* --- groups --- */

static void group_ratios(const ltd_rate *a, const ltd_rate *b, const int32_t *size,
                         int32_t n_groups, ltd_ratio *group, ltd_ratio *all, ltd_ratio *mean)
{
    const ltd_interval unknown = {NAN, NAN};
    size_t at = 0;
    double sum = 0;
    for (int32_t g = 0; g < n_groups; at += (size_t)size[g++]) {
        group[g] = (ltd_ratio){ltd_stats_ratio(a + at, b + at, (size_t)size[g]), unknown};
        sum += group[g].value;
    }
    *all = (ltd_ratio){ltd_stats_ratio(a, b, at), unknown};
    *mean = (ltd_ratio){n_groups ? sum / n_groups : NAN, unknown};
}

/* One draw of every group: v[g * resamples] its ratio, then those of all and of the mean. */
static void draw_groups(const ltd_rate *a, const ltd_rate *b, const int32_t *size, int32_t n_groups,
                        ltd_rng *rng, double *v, size_t resamples)
{
    ltd_rate x = {0, 0}, y = {0, 0};
    double sum = 0;
    size_t at = 0;
    for (int32_t g = 0; g < n_groups; at += (size_t)size[g++]) {
        ltd_rate p = {0, 0}, q = {0, 0};
        draw(a + at, b + at, (size_t)size[g], rng, &p, &q);
        double r = v[(size_t)g * resamples] = ltd_stats_ratio(&p, &q, 1);
        sum += r;
        x = (ltd_rate){x.tokens + p.tokens, x.seconds + p.seconds};
        y = (ltd_rate){y.tokens + q.tokens, y.seconds + q.seconds};
    }
    v[(size_t)n_groups * resamples] = ltd_stats_ratio(&x, &y, 1);
    v[((size_t)n_groups + 1) * resamples] = sum / n_groups;
}

int ltd_stats_groups(const ltd_rate *a, const ltd_rate *b, const int32_t *size, int32_t n_groups,
                     int32_t resamples, uint64_t seed, ltd_ratio *group, ltd_ratio *all,
                     ltd_ratio *mean, ltd_err *err)
{
    group_ratios(a, b, size, n_groups, group, all, mean);
    if (n_groups < 1 || resamples < 1) return LTD_OK;
    size_t n = (size_t)resamples;
    double *v = ltd_mem_zeros(((size_t)n_groups + 2) * n, sizeof *v);
    if (!v) return ltd_fail(err, LTD_ENOMEM, "bootstrap: no memory for %d resamples", resamples);
    ltd_rng rng;
    ltd_rng_seed(&rng, seed, LTD_STREAM_BOOTSTRAP);
    for (size_t i = 0; i < n; i++) draw_groups(a, b, size, n_groups, &rng, v + i, n);
    bool spread = true;
    for (int32_t g = 0; g < n_groups; g++) {
        if (size[g] >= 2)
            group[g].ci = interval_of(v + (size_t)g * n, resamples);
        else
            spread = false;
    }
    if (spread) {
        all->ci = interval_of(v + (size_t)n_groups * n, resamples);
        mean->ci = interval_of(v + ((size_t)n_groups + 1) * n, resamples);
    }
    free(v);
    return LTD_OK;
}
