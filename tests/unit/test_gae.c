#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "trainer/ppo/gae.h"

/* gamma 0.5, lambda 0.5: every number below is exact in float. */
static void three_steps_by_hand(void **state)
{
    (void)state;
    float reward[3] = {1, 2, 4}, value[3] = {8, 4, 2}, adv[3], ret[3], last = 16;
    uint8_t start[3] = {1, 0, 0}, done = 0;
    ltd_gae(adv, ret, reward, value, start, &last, &done, 3, 1, 0.5, 0.5);
    /* delta: 1 + 2 - 8 = -5; 2 + 1 - 4 = -1; 4 + 8 - 2 = 10 */
    assert_float_equal(adv[2], 10, 0);
    assert_float_equal(adv[1], -1 + 0.25 * 10, 0);
    assert_float_equal(adv[0], -5 + 0.25 * 1.5, 0);
    assert_float_equal(ret[0], 8 - 4.625, 0);
}

static void an_end_cuts_the_future(void **state)
{
    (void)state;
    float reward[3] = {1, 2, 4}, value[3] = {8, 4, 2}, adv[3], ret[3], last = 16;
    uint8_t start[3] = {0, 0, 1}, done = 1;
    ltd_gae(adv, ret, reward, value, start, &last, &done, 3, 1, 0.5, 0.5);
    assert_float_equal(adv[2], 4 - 2, 0);
    assert_float_equal(adv[1], 2 - 4, 0);
    assert_float_equal(adv[0], -5 + 0.25 * -2, 0);
}

static void truncation_is_worth_the_next_value(void **state)
{
    (void)state;
    float value[2] = {8, 4}, adv[2], ret[2];
    uint8_t start[2] = {1, 1}, done = 1;
    float reward[2] = {ltd_gae_bootstrap(1, 6, 0.5), 2};
    ltd_gae(adv, ret, reward, value, start, NULL, &done, 2, 1, 0.5, 0.5);
    assert_float_equal(adv[0], 1 + 3 - 8, 0);
    assert_float_equal(adv[1], 2 - 4, 0);
}

static void environments_do_not_mix(void **state)
{
    (void)state;
    /* Step-major; the second environment is the first test, the first is all zero. */
    float reward[6] = {0, 1, 0, 2, 0, 4}, value[6] = {0, 8, 0, 4, 0, 2}, adv[6], ret[6];
    float last[2] = {0, 16};
    uint8_t start[6] = {1, 1, 0, 0, 0, 0}, done[2] = {1, 0};
    ltd_gae(adv, ret, reward, value, start, last, done, 3, 2, 0.5, 0.5);
    assert_float_equal(adv[0], 0, 0);
    assert_float_equal(adv[1], -4.625, 0);
    assert_float_equal(adv[5], 10, 0);
    assert_float_equal(ret[5], 12, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_steps_by_hand),
        cmocka_unit_test(an_end_cuts_the_future),
        cmocka_unit_test(truncation_is_worth_the_next_value),
        cmocka_unit_test(environments_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
