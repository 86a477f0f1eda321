#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>

#include "agents/categorical.h"

static void probabilities_sum_to_one_over_the_legal(void **state)
{
    (void)state;
    float logits[4] = {1, 1000, 0, -1}, p[4];
    uint8_t mask[4] = {1, 0, 1, 1};
    ltd_categorical_probs(p, logits, mask, 4);
    double z = exp(1) + 1 + exp(-1);
    assert_float_equal(p[0], exp(1) / z, 1e-7);
    assert_true(p[1] == 0.0f);
    assert_float_equal(p[2], 1 / z, 1e-7);
    assert_float_equal(p[3], exp(-1) / z, 1e-7);
    assert_int_equal(ltd_categorical_argmax(logits, mask, 4), 0);
    assert_int_equal(ltd_categorical_argmax(logits, NULL, 4), 1);
    assert_float_equal(ltd_categorical_logprob(logits, mask, 4, 2), -log(z), 1e-6);
    assert_true(isinf(ltd_categorical_logprob(logits, mask, 4, 1)));
    assert_true(isinf(ltd_categorical_logprob(logits, mask, 4, 4)));
    double h = log(z) - (exp(1) * 1 - exp(-1)) / z;
    assert_float_equal(ltd_categorical_entropy(logits, mask, 4), h, 1e-6);
}

static void draws_follow_the_probabilities_and_spare_the_masked(void **state)
{
    (void)state;
    enum { N = 200000 };
    float logits[5] = {0.5f, 3.0f, -0.5f, 1.0f, -20.0f}, p[5];
    uint8_t mask[5] = {1, 0, 1, 1, 1};
    int count[5] = {0};
    ltd_rng rng;
    ltd_rng_seed(&rng, 7, LTD_STREAM_TEST);
    ltd_categorical_probs(p, logits, mask, 5);
    for (int i = 0; i < N; i++) {
        float lp;
        int32_t a = ltd_categorical_sample(logits, mask, 5, &rng, &lp);
        assert_in_range(a, 0, 4);
        count[a]++;
        if (i < 100) assert_true(lp == ltd_categorical_logprob(logits, mask, 5, a));
    }
    assert_int_equal(count[1], 0);
    for (int a = 0; a < 5; a++) {
        double sd = sqrt((double)p[a] * (1 - (double)p[a]) * N);
        assert_true(fabs(count[a] - N * (double)p[a]) <= 5 * sd + 1);
    }
}

static void every_draw_costs_one_number(void **state)
{
    (void)state;
    float logits[3] = {0, 1, 2};
    uint8_t one[3] = {0, 0, 1};
    ltd_rng a, b;
    ltd_rng_seed(&a, 1, LTD_STREAM_TEST);
    b = a;
    assert_int_equal(ltd_categorical_sample(logits, one, 3, &a, NULL), 2);
    ltd_categorical_sample(logits, NULL, 3, &b, NULL);
    assert_memory_equal(&a, &b, sizeof a);
}

static void what_is_no_distribution_gives_no_action(void **state)
{
    (void)state;
    float logits[2] = {NAN, 1}, top[2] = {INFINITY, 0};
    uint8_t none[2] = {0, 0}, second[2] = {0, 1};
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    assert_int_equal(ltd_categorical_argmax(logits, none, 2), -1);
    assert_int_equal(ltd_categorical_sample(logits, none, 2, &rng, NULL), -1);
    assert_int_equal(ltd_categorical_sample(logits, NULL, 2, &rng, NULL), -1);
    assert_int_equal(ltd_categorical_sample(top, NULL, 2, &rng, NULL), -1);
    assert_int_equal(ltd_categorical_sample(logits, second, 2, &rng, NULL), 1);
    assert_true(isnan(ltd_categorical_entropy(top, NULL, 2)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_sum_to_one_over_the_legal),
        cmocka_unit_test(draws_follow_the_probabilities_and_spare_the_masked),
        cmocka_unit_test(every_draw_costs_one_number),
        cmocka_unit_test(what_is_no_distribution_gives_no_action),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
