/* Means, quantiles and bootstrap intervals: known answers, and coverage on made-up prompts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/rng.h"
#include "trainer/stats.h"

#define near(a, b) assert_true(fabs((a) - (b)) < 1e-12)

static void means_and_quantiles_are_those_of_the_books(void **state)
{
    (void)state;
    double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2};
    near(ltd_stats_mean(odd, 3), 3);
    near(ltd_stats_median(odd, 3), 3);
    near(odd[0], 1); /* sorted */
    near(ltd_stats_median(even, 4), 2.5);
    near(ltd_stats_quantile(even, 4, 0), 1);
    near(ltd_stats_quantile(even, 4, 1), 4);
    near(ltd_stats_quantile(even, 4, 0.25), 1.75);
    assert_true(isnan(ltd_stats_mean(odd, 0)));
    assert_true(isnan(ltd_stats_median(odd, 0)));
}

static void speed_is_a_ratio_of_sums(void **state)
{
    (void)state;
    ltd_rate a[] = {{10, 1}, {10, 4}}, b[] = {{10, 2}, {10, 8}};
    near(ltd_stats_speed(a, 2), 4); /* the mean of 10 and 2.5 would be 6.25 */
    near(ltd_stats_ratio(a, b, 2), 2);
    assert_true(isnan(ltd_stats_speed(a, 0)));
}

static void equal_rows_have_no_spread(void **state)
{
    (void)state;
    ltd_rate a[] = {{10, 1}, {20, 5}, {30, 2}, {5, 9}};
    ltd_interval ci;
    assert_int_equal(ltd_stats_bootstrap(a, a, 4, 500, 7, &ci, NULL), 0);
    near(ci.lo, 1);
    near(ci.hi, 1);
}

static void a_constant_factor_has_no_spread_although_prompts_differ(void **state)
{
    (void)state;
    ltd_rate a[] = {{10, 1}, {20, 5}, {30, 2}}, b[3];
    ltd_interval ci;
    for (int i = 0; i < 3; i++) b[i] = (ltd_rate){a[i].tokens, 3 * a[i].seconds};
    assert_int_equal(ltd_stats_bootstrap(a, b, 3, 500, 7, &ci, NULL), 0);
    assert_true(fabs(ci.lo - 3) < 1e-9 && fabs(ci.hi - 3) < 1e-9);
}

static void the_seed_decides(void **state)
{
    (void)state;
    ltd_rate a[12], b[12];
    ltd_interval one, two, other;
    for (int i = 0; i < 12; i++) {
        a[i] = (ltd_rate){10, 1 + 0.1 * i};
        b[i] = (ltd_rate){10, 2 + 0.3 * ((i * 7) % 12)};
    }
    assert_int_equal(ltd_stats_bootstrap(a, b, 12, 300, 1, &one, NULL), 0);
    assert_int_equal(ltd_stats_bootstrap(a, b, 12, 300, 1, &two, NULL), 0);
    assert_int_equal(ltd_stats_bootstrap(a, b, 12, 300, 2, &other, NULL), 0);
    assert_true(one.lo == two.lo && one.hi == two.hi);
    assert_true(one.lo != other.lo || one.hi != other.hi);
    double ratio = ltd_stats_ratio(a, b, 12);
    assert_true(one.lo < ratio && ratio < one.hi);
}

static void too_little_gives_no_interval(void **state)
{
    (void)state;
    ltd_rate a[] = {{10, 1}, {10, 2}};
    ltd_interval ci = {1, 1};
    assert_int_equal(ltd_stats_bootstrap(a, a, 1, 100, 0, &ci, NULL), 0);
    assert_true(isnan(ci.lo) && isnan(ci.hi));
    assert_int_equal(ltd_stats_bootstrap(a, a, 2, 0, 0, &ci, NULL), 0);
    assert_true(isnan(ci.lo) && isnan(ci.hi));
}

/* 300 made-up benches of 40 prompts whose true ratio is known: about 95 % of the intervals hold it.
 */
static void intervals_cover_the_truth(void **state)
{
    (void)state;
    enum { BENCHES = 300, PROMPTS = 40 };
    ltd_rng rng;
    ltd_rng_seed(&rng, 3, LTD_STREAM_TEST);
    int held = 0;
    for (int k = 0; k < BENCHES; k++) {
        ltd_rate a[PROMPTS], b[PROMPTS];
        ltd_interval ci;
        for (int i = 0; i < PROMPTS; i++) {
            double pace = 1 + ltd_rng_f64(&rng); /* the prompt's own, shared by both */
            a[i] = (ltd_rate){100, pace * (1 + 0.2 * (double)ltd_rng_normal(&rng))};
            b[i] = (ltd_rate){100, 1.5 * pace * (1 + 0.2 * (double)ltd_rng_normal(&rng))};
        }
        assert_int_equal(ltd_stats_bootstrap(a, b, PROMPTS, 400, (uint64_t)k, &ci, NULL), 0);
        held += ci.lo <= 1.5 && 1.5 <= ci.hi;
    }
    assert_in_range(held, BENCHES * 90 / 100, BENCHES * 99 / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_and_quantiles_are_those_of_the_books),
        cmocka_unit_test(speed_is_a_ratio_of_sums),
        cmocka_unit_test(equal_rows_have_no_spread),
        cmocka_unit_test(a_constant_factor_has_no_spread_although_prompts_differ),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(too_little_gives_no_interval),
        cmocka_unit_test(intervals_cover_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
