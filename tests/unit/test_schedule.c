#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>

#include "trainer/ppo/schedule.h"

static void the_papers_learning_rate(void **state)
{
    (void)state;
    ltd_schedule lr = {LTD_SCHEDULE_LINEAR, 1e-3, 0, 0.01};
    assert_float_equal(ltd_schedule_at(&lr, 0), 0, 0);
    assert_float_equal(ltd_schedule_at(&lr, 0.005), 5e-4, 1e-12);
    assert_float_equal(ltd_schedule_at(&lr, 0.01), 1e-3, 1e-12);
    assert_float_equal(ltd_schedule_at(&lr, 0.505), 5e-4, 1e-12);
    assert_float_equal(ltd_schedule_at(&lr, 1), 0, 0);
    assert_float_equal(ltd_schedule_at(&lr, 2), 0, 0);
    assert_float_equal(ltd_schedule_at(&lr, -1), 0, 0);
    assert_float_equal(ltd_schedule_at(&lr, (double)NAN), 0, 0);
}

static void an_entropy_bonus_that_fades(void **state)
{
    (void)state;
    ltd_schedule ent = {LTD_SCHEDULE_LINEAR, 0.02, 0.01, 0};
    assert_float_equal(ltd_schedule_at(&ent, 0), 0.02, 1e-15);
    assert_float_equal(ltd_schedule_at(&ent, 0.5), 0.015, 1e-15);
    assert_float_equal(ltd_schedule_at(&ent, 1), 0.01, 1e-15);
}

static void a_cosine_is_flat_at_both_ends(void **state)
{
    (void)state;
    ltd_schedule lr = {LTD_SCHEDULE_COSINE, 2e-3, 1e-3, 0.2};
    assert_float_equal(ltd_schedule_at(&lr, 0.1), 1e-3, 1e-12);
    assert_float_equal(ltd_schedule_at(&lr, 0.2), 2e-3, 1e-12);
    assert_float_equal(ltd_schedule_at(&lr, 0.6), 1.5e-3, 1e-12);
    assert_float_equal(ltd_schedule_at(&lr, 0.4), 1e-3 + 1e-3 * 0.85355339059, 1e-12);
    assert_float_equal(ltd_schedule_at(&lr, 1), 1e-3, 1e-12);
}

static void constants_stay(void **state)
{
    (void)state;
    ltd_schedule lr = {LTD_SCHEDULE_CONSTANT, 3e-4, 0, 0};
    assert_float_equal(ltd_schedule_at(&lr, 0), 3e-4, 0);
    assert_float_equal(ltd_schedule_at(&lr, 1), 3e-4, 0);
    lr.warmup = 0.5;
    assert_float_equal(ltd_schedule_at(&lr, 0.25), 1.5e-4, 1e-18);
    assert_float_equal(ltd_schedule_at(&lr, 0.75), 3e-4, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_papers_learning_rate),
        cmocka_unit_test(an_entropy_bonus_that_fades),
        cmocka_unit_test(a_cosine_is_flat_at_both_ends),
        cmocka_unit_test(constants_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
