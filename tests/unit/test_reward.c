#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/reward.h"

static void ratio_is_tokens_per_scaled_second(void **state)
{
    (void)state;
    ltd_reward r;
    ltd_reward_init(&r, LTD_REWARD_RATIO, 100, 0.999);
    assert_true(fabsf(ltd_reward_cycle(&r, 4, 20000000, 0) - 2.0f) < 1e-6f);
    assert_true(ltd_reward_rho(&r) == 1.0);
    assert_true(isfinite(ltd_reward_cycle(&r, 4, 0, 0)));
}

static void average_judges_by_the_rho_before(void **state)
{
    (void)state;
    ltd_reward r;
    ltd_reward_init(&r, LTD_REWARD_AVERAGE, 100, 1.0);
    assert_true(ltd_reward_cycle(&r, 3, 15, 10) == 1.5f); /* rho = 1: 3 - 1.5 */
    assert_true(ltd_reward_rho(&r) == 2.0);
    assert_true(ltd_reward_cycle(&r, 3, 10, 10) == 1.0f); /* rho = 2: 3 - 2 */
    assert_true(fabs(ltd_reward_rho(&r) - 6.0 / 2.5) < 1e-12);
    assert_true(ltd_reward_cycle(&r, 1, 10, 0) == 1.0f); /* T_ar unknown: no price, no news */
    assert_true(fabs(ltd_reward_rho(&r) - 6.0 / 2.5) < 1e-12);
}

static void old_cycles_fade_from_rho(void **state)
{
    (void)state;
    ltd_reward r;
    ltd_reward_init(&r, LTD_REWARD_AVERAGE, 1, 0.5);
    for (int i = 0; i < 60; i++) ltd_reward_cycle(&r, 1, 10, 10);
    for (int i = 0; i < 60; i++) ltd_reward_cycle(&r, 6, 20, 10);
    assert_true(fabs(ltd_reward_rho(&r) - 3.0) < 1e-9);
}

/* With rho held at a policy's own rate its rewards sum to zero. */
static void average_rewards_of_a_steady_policy_sum_to_zero(void **state)
{
    (void)state;
    ltd_reward r;
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    ltd_reward_init(&r, LTD_REWARD_AVERAGE, 1, 1.0);
    double sum = 0;
    int n = 200000;
    for (int i = 0; i < n; i++) {
        int32_t tokens = 1 + (int32_t)ltd_rng_below(&rng, 6);
        sum += ltd_reward_cycle(&r, tokens, 1000 + 300 * (uint64_t)tokens, 1000);
    }
    assert_true(fabs(sum / n) < 0.01);
    assert_string_equal(ltd_reward_name(LTD_REWARD_AVERAGE), "average");
    assert_string_equal(ltd_reward_name(LTD_REWARD_COUNT), "?");
}

/* What the paper compares its reward with. */
static void length_counts_tokens_and_time_counts_seconds(void **state)
{
    (void)state;
    ltd_reward r;
    ltd_reward_init(&r, LTD_REWARD_LENGTH, 100, 0.9);
    assert_true(ltd_reward_cycle(&r, 4, 20000000, 0) == 4);
    assert_true(ltd_reward_cycle(&r, 4, 90000000, 10) == 4);
    ltd_reward_init(&r, LTD_REWARD_TIME, 100, 0.9);
    assert_true(fabsf(ltd_reward_cycle(&r, 4, 20000000, 0) + 2.0f) < 1e-6f);
    assert_true(fabsf(ltd_reward_cycle(&r, 9, 20000000, 0) + 2.0f) < 1e-6f);
    assert_string_equal(ltd_reward_name(LTD_REWARD_LENGTH), "length");
    assert_string_equal(ltd_reward_name(LTD_REWARD_TIME), "time");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratio_is_tokens_per_scaled_second),
        cmocka_unit_test(average_judges_by_the_rho_before),
        cmocka_unit_test(length_counts_tokens_and_time_counts_seconds),
        cmocka_unit_test(old_cycles_fade_from_rho),
        cmocka_unit_test(average_rewards_of_a_steady_policy_sum_to_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
