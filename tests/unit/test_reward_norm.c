#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "trainer/ppo/reward_norm.h"

/* The variance of a start that weighs 1e-4 and of all rewards, in two passes. */
static void it_is_the_variance_of_all_so_far(void **state)
{
    (void)state;
    enum { N = 400 };
    float r[N];
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    ltd_reward_norm norm = LTD_REWARD_NORM_INIT;
    for (int n = 0; n < N; n++) {
        r[n] = (float)(5 + 3 * ltd_rng_f64(&rng));
        float scaled = ltd_reward_norm_next(&norm, r[n]);
        double count = 1e-4 + n + 1, sum = 0, square = 1e-4 * 1;
        for (int i = 0; i <= n; i++) sum += (double)r[i];
        double mean = sum / count;
        square += 1e-4 * mean * mean;
        for (int i = 0; i <= n; i++) square += ((double)r[i] - mean) * ((double)r[i] - mean);
        double expected = fmin(10, (double)r[n] / sqrt(square / count + 1e-8));
        assert_float_equal(norm.mean, mean, 1e-9);
        assert_float_equal(scaled, expected, 1e-4);
    }
}

static void signs_stay_and_all_is_finite(void **state)
{
    (void)state;
    ltd_reward_norm norm = LTD_REWARD_NORM_INIT;
    for (int n = 0; n < 1000; n++) {
        float same = ltd_reward_norm_next(&norm, 2);
        assert_true(isfinite(same) && same > 0 && same <= 10);
    }
    assert_true(ltd_reward_norm_next(&norm, -1) < 0);
    assert_true(ltd_reward_norm_next(&norm, 0) == 0);
    assert_true(ltd_reward_norm_next(&norm, 1e30f) <= 10);
}

/* Rewards of another unit come to the same. */
static void the_unit_does_not_matter(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 2, LTD_STREAM_TEST);
    ltd_reward_norm a = LTD_REWARD_NORM_INIT, b = LTD_REWARD_NORM_INIT;
    for (int n = 0; n < 2000; n++) {
        float r = (float)(ltd_rng_f64(&rng) - 0.5);
        float x = ltd_reward_norm_next(&a, r), y = ltd_reward_norm_next(&b, 1000 * r);
        if (n > 100) assert_float_equal(x, y, 0.01);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_variance_of_all_so_far),
        cmocka_unit_test(signs_stay_and_all_is_finite),
        cmocka_unit_test(the_unit_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
