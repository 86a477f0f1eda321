#include "env/survival_fit.h"

#include <math.h>

#include "env/survival_priv.h"

static const float step = 1.0f / LTD_SURVIVAL_STEPS; /* between knots */
static const float least = -16;                      /* ln p that counts as never */

void ltd_survival_count_head(ltd_survival_counts *counts, float score, bool is_true)
{
    float at = -score / step + 0.5f;
    if (!(at < LTD_SURVIVAL_KNOTS)) return;
    int32_t i = at > 0 ? (int32_t)at : 0;
    counts->head[i][0]++;
    counts->head[i][1] += is_true;
    counts->said[i] += exp((double)score);
}

void ltd_survival_count_lookup(ltd_survival_counts *counts, int32_t length, int32_t accepted,
                               int32_t n)
{
    int64_t(*row)[2] = counts->lookup[ltd_survival_class(length)];
    for (int32_t i = 0; i < n && i < LTD_SURVIVAL_CHAIN; i++) {
        row[i][0]++;
        row[i][1] += i < accepted;
    }
}

void ltd_survival_count_both(ltd_survival_counts *counts, int32_t length, float logp, bool is_true)
{
    int32_t odds = LTD_SURVIVAL_ODDS;
    if (logp > -INFINITY) odds = (int32_t)(2 * (ltd_survival_odds(logp) + 8) + 0.5f);
    int64_t *cell = counts->both[ltd_survival_class(length)][odds];
    cell[0]++;
    cell[1] += is_true;
}

/* Counts near what was expected before there were any: as much as `PRIOR` observations. */
enum { PRIOR = 4 };

static double share(const int64_t cell[2], double before)
{
    return ((double)cell[1] + PRIOR * before) / ((double)cell[0] + PRIOR);
}

static float ln(double p)
{
    return p > exp((double)least) ? (float)log(p) : least;
}

/* Isotonic regression, not increasing: a value above the one before is averaged with it, and on. */
static void pool(double *value, const double *weight, int32_t n)
{
    double v[LTD_SURVIVAL_KNOTS], w[LTD_SURVIVAL_KNOTS];
    int32_t of[LTD_SURVIVAL_KNOTS], blocks = 0;
    for (int32_t i = 0; i < n; i++) {
        v[blocks] = value[i];
        w[blocks] = weight[i];
        of[blocks++] = 1;
        for (; blocks > 1 && v[blocks - 1] > v[blocks - 2]; blocks--) {
            double sum = w[blocks - 1] + w[blocks - 2];
            v[blocks - 2] = (v[blocks - 1] * w[blocks - 1] + v[blocks - 2] * w[blocks - 2]) / sum;
            w[blocks - 2] = sum;
            of[blocks - 2] += of[blocks - 1];
        }
    }
    for (int32_t b = 0, i = 0; b < blocks; b++)
        for (int32_t j = 0; j < of[b]; j++) value[i++] = v[b];
}

/* A knot differs from its score as much as what was true from what the head said, in the mean of
 * the scores nearest to it. */
static void fit_head(const ltd_survival_counts *counts, ltd_survival *ret)
{
    double p[LTD_SURVIVAL_KNOTS], weight[LTD_SURVIVAL_KNOTS];
    for (int32_t i = 0; i < LTD_SURVIVAL_KNOTS; i++) {
        double n = (double)counts->head[i][0], at = exp((double)(-step * (float)i));
        double said = n > 0 ? counts->said[i] / n : at;
        p[i] = at * share(counts->head[i], said) / said;
        if (p[i] > 1) p[i] = 1;
        weight[i] = n + PRIOR;
        ret->nodes += counts->head[i][0];
    }
    pool(p, weight, LTD_SURVIVAL_KNOTS);
    for (int32_t i = 0; i < LTD_SURVIVAL_KNOTS; i++) ret->head[i] = ln(p[i]);
}

/* Cumulative by definition, so only the estimate that stands in for what is rare could rise. */
static void fit_lookup(const ltd_survival_counts *counts, int32_t c, ltd_survival *ret)
{
    float before[LTD_SURVIVAL_CHAIN], above = 0;
    ltd_survival_estimate(c, before, LTD_SURVIVAL_CHAIN);
    for (int32_t i = 0; i < LTD_SURVIVAL_CHAIN; i++) {
        float x = ln(share(counts->lookup[c][i], exp((double)before[i])));
        above = ret->lookup[c][i] = x < above ? x : above;
    }
    ret->matches += counts->lookup[c][0][0];
}

/* Logistic regression on the counts of a class, drawn to where it would be without any: the head's
 * odds, and half of the chain's own.  Newton's method, no step longer than 1: the function is
 * convex. */
static void fit_both(const ltd_survival_counts *counts, int32_t c, ltd_survival *ret)
{
    double rate = (double)ltd_survival_first_rate(c), a0 = log(rate / (1 - rate)) / 2, b0 = 0.75;
    double a = a0, b = b0;
    for (int round = 0; round < 40; round++) {
        double ga = PRIOR * (a - a0), gb = PRIOR * (b - b0), aa = PRIOR, ab = 0, bb = PRIOR;
        for (int32_t i = 0; i < LTD_SURVIVAL_ODDS; i++) {
            const int64_t *cell = counts->both[c][i];
            double x = i / 2.0 - 8, n = (double)cell[0], p = 1 / (1 + exp(-a - b * x));
            double w = n * p * (1 - p), wrong = n * p - (double)cell[1];
            ga += wrong;
            gb += wrong * x;
            aa += w;
            ab += w * x;
            bb += w * x * x;
        }
        double det = aa * bb - ab * ab;
        double da = (bb * ga - ab * gb) / det, db = (aa * gb - ab * ga) / det;
        double most = fmax(1, fmax(fabs(da), fabs(db)));
        a -= da / most;
        b -= db / most;
    }
    double silent = share(counts->both[c][LTD_SURVIVAL_ODDS], rate / 10);
    ret->both[c][0] = (float)a;
    ret->both[c][1] = (float)b;
    ret->both[c][2] = (float)log(silent / (1 - silent));
}

void ltd_survival_fit(const ltd_survival_counts *counts, ltd_survival *ret)
{
    *ret = (ltd_survival){.nodes = 0};
    fit_head(counts, ret);
    for (int32_t c = 0; c < LTD_SURVIVAL_MATCHES; c++) {
        fit_lookup(counts, c, ret);
        fit_both(counts, c, ret);
    }
}
