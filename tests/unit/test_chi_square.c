#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/chi_square.h"

static void tails_are_those_of_the_tables(void **state)
{
    (void)state;
    static const double known[][3] = {/* freedom, x, tail: closed forms for even freedom */
                                      {2, 2 * 13.815510557964274, 1e-6},
                                      {2, 1.3862943611198906, 0.5},
                                      {1, 3.841458820694124, 0.05},
                                      {10, 18.307038053275146, 0.05},
                                      {100, 124.34211340400408, 0.05}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double got = chi_square_tail(known[i][0], known[i][1]);
        if (!(got > known[i][2] * (1 - 1e-6) && got < known[i][2] * (1 + 1e-6)))
            fail_msg("tail of %g at %g: %.12g, expected %g", known[i][0], known[i][1], got,
                     known[i][2]);
    }
}

static void counts_are_held_against_probabilities(void **state)
{
    (void)state;
    const int64_t fair[] = {1010, 990, 1000}, loaded[] = {1200, 900, 900}, never[] = {1, 0, 2999};
    const double third[] = {1.0 / 3, 1.0 / 3, 1.0 / 3}, no_first[] = {0, 0.001, 0.999};
    assert_true(chi_square(fair, third, 3, 3000) > 0.8);
    assert_true(chi_square(loaded, third, 3, 3000) < 1e-12);
    assert_true(chi_square(never, no_first, 3, 3000) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tails_are_those_of_the_tables),
        cmocka_unit_test(counts_are_held_against_probabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
