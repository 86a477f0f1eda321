#include "trainer/stats.h"

#include <math.h>
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

double ltd_stats_ratio(const ltd_rate *a, const ltd_rate *b, size_t n)
{
    return ltd_stats_speed(a, n) / ltd_stats_speed(b, n);
}

/* The ratio over prompts drawn with replacement. */
static double resample(const ltd_rate *a, const ltd_rate *b, size_t n, ltd_rng *rng)
{
    ltd_rate x = {0, 0}, y = {0, 0};
    for (size_t i = 0; i < n; i++) {
        size_t k = (size_t)ltd_rng_below(rng, n);
        x.tokens += a[k].tokens;
        x.seconds += a[k].seconds;
        y.tokens += b[k].tokens;
        y.seconds += b[k].seconds;
    }
    return ltd_stats_ratio(&x, &y, 1);
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
    size_t m = 0; /* draws of prompts without any cycle give no ratio */
    for (int32_t i = 0; i < resamples; i++) {
        double r = resample(a, b, n, &rng);
        if (isfinite(r)) v[m++] = r;
    }
    qsort(v, m, sizeof *v, ascending);
    *ret = (ltd_interval){ltd_stats_quantile(v, m, 0.025), ltd_stats_quantile(v, m, 0.975)};
    free(v);
    return LTD_OK;
}
