/* Means, quantiles and bootstrap intervals: known answers, and coverage on made-up prompts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/rng.h"
#include "trainer/bench/stats.h"

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

static void mean_speed_is_a_mean_of_ratios(void **state)
{
    (void)state;
    ltd_rate a[] = {{10, 1}, {10, 4}, {0, 0}};
    near(ltd_stats_mean_speed(a, 2), 6.25);
    near(ltd_stats_mean_speed(a, 3), 6.25); /* what took no time has no speed */
    assert_true(isnan(ltd_stats_mean_speed(a + 2, 1)));
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

static void groups_weigh_alike_in_the_mean_only(void **state)
{
    (void)state;
    ltd_rate a[] = {{10, 1}, {10, 1}, {300, 10}, {300, 10}, {300, 10}};
    ltd_rate b[] = {{10, 2}, {10, 2}, {300, 40}, {300, 40}, {300, 40}};
    const int32_t size[] = {2, 3};
    ltd_ratio group[2], all, mean;
    assert_int_equal(ltd_stats_groups(a, b, size, 2, 200, 3, group, &all, &mean, NULL), 0);
    near(group[0].value, 2);
    near(group[1].value, 4);
    near(all.value, 124.0 / 32);
    near(mean.value, 3);
    /* Drawn within groups, equal prompts leave nothing to chance. */
    near(all.ci.lo, all.value);
    near(all.ci.hi, all.value);
    near(mean.ci.lo, 3);
    near(group[1].ci.hi, 4);
}

static void a_group_of_one_leaves_all_and_mean_without_interval(void **state)
{
    (void)state;
    ltd_rate a[] = {{10, 1}, {20, 5}, {30, 2}}, b[] = {{10, 2}, {20, 6}, {30, 7}};
    const int32_t size[] = {1, 2};
    ltd_ratio group[2], all, mean;
    assert_int_equal(ltd_stats_groups(a, b, size, 2, 200, 3, group, &all, &mean, NULL), 0);
    near(all.value, ltd_stats_ratio(a, b, 3));
    assert_true(isnan(group[0].ci.lo) && isnan(all.ci.lo) && isnan(mean.ci.hi));
    assert_true(group[1].ci.lo <= group[1].value && group[1].value <= group[1].ci.hi);
    assert_int_equal(ltd_stats_groups(a, b, size, 2, 0, 3, group, &all, &mean, NULL), 0);
    assert_true(group[1].value > 1 && isnan(group[1].ci.lo));
}

/* Two tasks whose ratios differ: intervals of their mean hold it about 95 times in a hundred. */
static void intervals_of_the_mean_cover_it(void **state)
{
    (void)state;
    enum { BENCHES = 300, PROMPTS = 40 };
    const double truth[2] = {1.2, 2};
    const int32_t size[] = {PROMPTS, PROMPTS};
    ltd_rng rng;
    ltd_rng_seed(&rng, 4, LTD_STREAM_TEST);
    int held = 0;
    for (int k = 0; k < BENCHES; k++) {
        ltd_rate a[2 * PROMPTS], b[2 * PROMPTS];
        ltd_ratio group[2], all, mean;
        for (int i = 0; i < 2 * PROMPTS; i++) {
            double pace = 1 + ltd_rng_f64(&rng);
            a[i] = (ltd_rate){100, pace * (1 + 0.2 * (double)ltd_rng_normal(&rng))};
            b[i] = (ltd_rate){100,
                              truth[i / PROMPTS] * pace * (1 + 0.2 * (double)ltd_rng_normal(&rng))};
        }
        assert_int_equal(
            ltd_stats_groups(a, b, size, 2, 400, (uint64_t)k, group, &all, &mean, NULL), 0);
        held += mean.ci.lo <= 1.6 && 1.6 <= mean.ci.hi;
    }
    assert_in_range(held, BENCHES * 90 / 100, BENCHES * 99 / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_and_quantiles_are_those_of_the_books),
        cmocka_unit_test(speed_is_a_ratio_of_sums),
        cmocka_unit_test(mean_speed_is_a_mean_of_ratios),
        cmocka_unit_test(equal_rows_have_no_spread),
        cmocka_unit_test(a_constant_factor_has_no_spread_although_prompts_differ),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(too_little_gives_no_interval),
        cmocka_unit_test(intervals_cover_the_truth),
        cmocka_unit_test(groups_weigh_alike_in_the_mean_only),
        cmocka_unit_test(a_group_of_one_leaves_all_and_mean_without_interval),
        cmocka_unit_test(intervals_of_the_mean_cover_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
