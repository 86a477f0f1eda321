#include "tests/support/chi_square.h"

#include <math.h>

/* P(a, x) by its power series, good for x < a + 1. */
static double lower_by_series(double a, double x)
{
    double term = 1 / a, sum = term;
    for (int n = 1; n < 10000 && term > sum * 1e-17; n++) {
        term *= x / (a + n);
        sum += term;
    }
    return sum * exp(a * log(x) - x - lgamma(a));
}

/* Q(a, x) by its continued fraction, evaluated forwards with ratios of successive convergents;
 * good for x >= a + 1. */
static double upper_by_fraction(double a, double x)
{
    const double tiny = 1e-300;
    double b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
    for (int n = 1; n < 10000; n++) {
        double an = n * (a - n);
        b += 2;
        d = an * d + b;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = b + an / c;
        if (fabs(c) < tiny) c = tiny;
        h *= c * d;
        if (fabs(c * d - 1) < 1e-15) break;
    }
    return h * exp(a * log(x) - x - lgamma(a));
}

double chi_square_tail(double freedom, double x)
{
    double a = freedom / 2, y = x / 2;
    if (!(y > 0)) return 1;
    return y < a + 1 ? 1 - lower_by_series(a, y) : upper_by_fraction(a, y);
}

double chi_square(const int64_t *count, const double *probability, size_t cells, int64_t rounds)
{
    double statistic = 0, expected = 0, last_expected = 0;
    int64_t got = 0, last_got = 0, bins = 0;
    for (size_t i = 0; i < cells; i++) {
        if (!(probability[i] > 0) && count[i] > 0) return 0;
        expected += probability[i] * (double)rounds;
        got += count[i];
        if (expected < 10) continue;
        if (bins++) statistic += pow((double)last_got - last_expected, 2) / last_expected;
        last_expected = expected;
        last_got = got;
        expected = 0;
        got = 0;
    }
    last_expected += expected; /* the rest joins the last bin */
    last_got += got;
    if (bins < 2) return 1;
    statistic += pow((double)last_got - last_expected, 2) / last_expected;
    return chi_square_tail((double)(bins - 1), statistic);
}
