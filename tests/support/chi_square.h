/* Pearson's chi-square test: do counts come from given probabilities?
 *
 *     double p = chi_square(count, probability, cells, rounds);
 *     assert_true(p > 1e-6);
 *
 * p is the probability of a statistic at least as large when they do.  Cells that expect fewer than
 * 10 are added to their neighbours first; a count where the probability is 0 gives 0. */
#ifndef LTD_TESTS_SUPPORT_CHI_SQUARE_H
#define LTD_TESTS_SUPPORT_CHI_SQUARE_H

#include <stddef.h>
#include <stdint.h>

double chi_square(const int64_t *count, const double *probability, size_t cells, int64_t rounds);

/* Probability that a chi-square variable of `freedom` degrees is at least x. */
double chi_square_tail(double freedom, double x);

#endif
