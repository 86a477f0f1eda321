#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "models/llm/sample.h"

enum { MAX_VOCAB = 3000 };

static ltd_err err;

static ltd_sampler *open_sampler(int32_t vocab, ltd_sampling rule)
{
    ltd_sampler *s;
    if (ltd_sampler_new(&s, vocab, &rule, &err) < 0) fail_msg("%s", err.msg);
    return s;
}

static void set(ltd_sampler *s, const float *logits)
{
    if (ltd_sampler_set(s, logits, &err) < 0) fail_msg("%s", err.msg);
}

/* --- against a full sort --- */

static const float *sorted_by;

static int in_order(const void *a, const void *b)
{
    int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
    if (sorted_by[i] != sorted_by[j]) return sorted_by[i] > sorted_by[j] ? -1 : 1;
    return i < j ? -1 : 1;
}

/* Shortest beginning of n sorted weights that holds the share p. */
static int32_t shortest(const double *w, int32_t n, double p)
{
    double all = 0, have = 0;
    for (int32_t i = 0; i < n; i++) all += w[i];
    int32_t m = 0;
    while (m < n && have < p * all) have += w[m++];
    return m;
}

static void by_sorting(const float *logits, int32_t vocab, const ltd_sampling *rule, double *p)
{
    static int32_t order[MAX_VOCAB];
    static double w[MAX_VOCAB];
    int32_t k = rule->top_k > 0 && rule->top_k < vocab ? rule->top_k : vocab, n = k;
    for (int32_t i = 0; i < vocab; i++) order[i] = i;
    sorted_by = logits;
    qsort(order, (size_t)vocab, sizeof *order, in_order);
    for (int32_t i = 0; i < vocab; i++)
        w[i] = exp(((double)logits[order[i]] - (double)logits[order[0]]) / rule->temperature);
    if (rule->top_p < 1) n = shortest(w, rule->top_p_first ? vocab : k, rule->top_p);
    if (n > k) n = k;
    double all = 0;
    for (int32_t i = 0; i < n; i++) all += w[i];
    for (int32_t i = 0; i < vocab; i++) p[order[i]] = i < n ? w[i] / all : 0;
}

/* Few levels, so that many tie; or none equal; or one far above. */
static void random_logits(ltd_rng *rng, float *logits, int32_t vocab)
{
    int kind = (int)ltd_rng_below(rng, 3);
    for (int32_t i = 0; i < vocab; i++) {
        logits[i] = 3 * ltd_rng_normal(rng);
        if (kind == 1) logits[i] = (float)(int)logits[i];
        if (ltd_rng_below(rng, 50) == 0) logits[i] = -INFINITY;
    }
    logits[ltd_rng_below(rng, (uint64_t)vocab)] = kind == 2 ? 40 : 1;
}

static void the_distribution_is_that_of_a_full_sort(void **state)
{
    (void)state;
    static const double temperature[] = {0.05, 0.7, 1, 2.5, 50},
                        top_p[] = {0.1, 0.5, 0.9, 0.999, 1};
    static float logits[MAX_VOCAB];
    static double want[MAX_VOCAB];
    ltd_rng rng;
    ltd_rng_seed(&rng, 3, LTD_STREAM_TEST);
    for (int round = 0; round < 600; round++) {
        int32_t vocab = 1 + (int32_t)ltd_rng_below(&rng, round % 10 ? 200 : MAX_VOCAB);
        ltd_sampling rule = {temperature[ltd_rng_below(&rng, 5)], 0, top_p[ltd_rng_below(&rng, 5)],
                             ltd_rng_below(&rng, 2)};
        if (ltd_rng_below(&rng, 2)) rule.top_k = (int32_t)ltd_rng_below(&rng, (uint64_t)vocab + 9);
        ltd_sampler *s = open_sampler(vocab, rule);
        for (int again = 0; again < 3; again++) {
            random_logits(&rng, logits, vocab);
            by_sorting(logits, vocab, &rule, want);
            set(s, logits);
            double all = 0;
            for (int32_t i = 0; i < vocab; i++) {
                double p = ltd_sampler_p(s, i);
                if (!(fabs(p - want[i]) <= 1e-10))
                    fail_msg("token %d of %d: %g, expected %g (T %g, top_k %d, top_p %g, %d)", i,
                             vocab, p, want[i], rule.temperature, rule.top_k, rule.top_p,
                             rule.top_p_first);
                all += p;
            }
            assert_true(fabs(all - 1) < 1e-10);
        }
        ltd_sampler_free(s);
    }
}

/* --- drawing --- */

static void a_draw_inverts_the_cumulated_probabilities(void **state)
{
    (void)state;
    static float logits[MAX_VOCAB];
    ltd_rng rng;
    ltd_rng_seed(&rng, 4, LTD_STREAM_TEST);
    for (int round = 0; round < 60; round++) {
        int32_t vocab = 1 + (int32_t)ltd_rng_below(&rng, MAX_VOCAB);
        ltd_sampler *s = open_sampler(
            vocab, (ltd_sampling){1.5, round % 3 ? 0 : 40, round % 2 ? 1 : 0.8, false});
        random_logits(&rng, logits, vocab);
        set(s, logits);
        for (int i = 0; i < 200; i++) {
            double u = i == 0 ? 0 : i == 1 ? 1 - 0x1p-53 : ltd_rng_f64(&rng), below = 0;
            int32_t token = ltd_sampler_draw(s, u);
            for (int32_t t = 0; t < token; t++) below += ltd_sampler_p(s, t);
            assert_true(ltd_sampler_p(s, token) > 0);
            assert_true(u >= below - 1e-12 && u <= below + ltd_sampler_p(s, token) + 1e-12);
        }
        ltd_sampler_free(s);
    }
}

static void a_first_k_of_one_is_greedy_even_on_ties(void **state)
{
    (void)state;
    float logits[100];
    for (int i = 0; i < 100; i++) logits[i] = i % 7 == 3 ? 2 : -1;
    const ltd_sampling rules[] = {
        {2, 1, 1, false}, {2, 1, 0.5, false}, {2, 1, 0.5, true}, {1e-3, 0, 1e-6, false}};
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
        ltd_sampler *s = open_sampler(100, rules[r]);
        set(s, logits);
        for (double u = 0; u < 1; u += 0.01) assert_int_equal(ltd_sampler_draw(s, u), 3);
        assert_true(ltd_sampler_p(s, 3) == 1);
        ltd_sampler_free(s);
    }
}

static void a_tiny_temperature_leaves_the_best_alone(void **state)
{
    (void)state;
    float logits[64];
    for (int i = 0; i < 64; i++) logits[i] = 0.001f * (float)((i * 37) % 64);
    const double temperature[] = {1e-6, 1e-30, 1e-300};
    for (int t = 0; t < 3; t++) {
        ltd_sampler *s =
            open_sampler(64, (ltd_sampling){temperature[t], 0, t == 1 ? 0.9 : 1, false});
        set(s, logits);
        for (double u = 0; u < 1; u += 0.1) assert_true(logits[ltd_sampler_draw(s, u)] == 0.063f);
        ltd_sampler_free(s);
    }
}

static void all_mass_on_one_token_is_drawn_whatever_the_number(void **state)
{
    (void)state;
    float logits[1000];
    for (int i = 0; i < 1000; i++) logits[i] = -INFINITY;
    logits[777] = -50;
    ltd_sampler *s = open_sampler(1000, (ltd_sampling){1, 0, 1, false});
    set(s, logits);
    const double u[] = {0, 0.5, 1 - 0x1p-53};
    for (int i = 0; i < 3; i++) assert_int_equal(ltd_sampler_draw(s, u[i]), 777);
    assert_true(ltd_sampler_p(s, 777) == 1);
    assert_true(ltd_sampler_p(s, 776) == 0 && ltd_sampler_p(s, -1) == 0);
    assert_true(ltd_sampler_p(s, 1000) == 0);
    assert_false(ltd_sampler_remove(s, 777)); /* nothing would be left */
    assert_true(ltd_sampler_p(s, 777) == 1);
    ltd_sampler_free(s);
}

/* --- taking tokens out --- */

static void what_is_left_grows_to_one(void **state)
{
    (void)state;
    float logits[200];
    for (int i = 0; i < 200; i++) logits[i] = (float)(i % 40) * -1.5f;
    ltd_sampler *s = open_sampler(200, (ltd_sampling){1, 0, 1, false});
    set(s, logits);
    /* From the most probable on: 1 - p loses all digits unless it is added up again. */
    int32_t left = 200;
    for (int level = 0; level < 40; level++)
        for (int i = level; i < 200; i += 40) {
            double share = ltd_sampler_p(s, i), twins = 5 - (i - level) / 40;
            double rest = exp(-1.5) * (1 - exp(-1.5 * (39 - level))) / (1 - exp(-1.5)) * 5;
            if (!(fabs(share * (twins + rest) - 1) < 1e-9))
                fail_msg("token %d: %.17g of %g + %g", i, share, twins, rest);
            assert_true(ltd_sampler_remove(s, i) == (--left > 0));
            if (left) assert_true(ltd_sampler_p(s, i) == 0);
            assert_true(ltd_sampler_p(s, ltd_sampler_draw(s, 0.99)) > 0);
        }
    assert_int_equal(ltd_sampler_draw(s, 0.3), 199);
    ltd_sampler_free(s);
}

static void what_was_cut_off_can_be_removed_without_effect(void **state)
{
    (void)state;
    const float logits[] = {1, 2, 3, 4};
    ltd_sampler *s = open_sampler(4, (ltd_sampling){1, 2, 1, false});
    set(s, logits);
    assert_true(ltd_sampler_remove(s, 0));
    assert_true(fabs(ltd_sampler_p(s, 3) - 1 / (1 + exp(-1))) < 1e-10);
    assert_true(ltd_sampler_remove(s, 3));
    assert_true(ltd_sampler_remove(s, 3));
    assert_true(ltd_sampler_p(s, 2) == 1);
    set(s, logits); /* begins anew */
    assert_true(fabs(ltd_sampler_p(s, 3) - 1 / (1 + exp(-1))) < 1e-10);
    ltd_sampler_free(s);
}

/* --- refusals --- */

static void logits_that_are_no_numbers_are_refused(void **state)
{
    (void)state;
    float logits[20] = {0, 1, 2};
    ltd_sampler *s = open_sampler(20, (ltd_sampling){1, 0, 0.9, false});
    set(s, logits);
    double before = ltd_sampler_p(s, 2);
    for (int i = 0; i < 20; i += 19) {
        const float bad[] = {NAN, -NAN, INFINITY};
        for (int b = 0; b < 3; b++) {
            logits[i] = bad[b];
            assert_int_equal(ltd_sampler_set(s, logits, &err), LTD_EINVAL);
            assert_non_null(strstr(err.msg, i ? "token 19" : "token 0"));
            logits[i] = 0;
        }
    }
    for (int i = 0; i < 20; i++) logits[i] = -INFINITY;
    assert_int_equal(ltd_sampler_set(s, logits, &err), LTD_EINVAL);
    assert_true(ltd_sampler_p(s, 2) == before);
    ltd_sampler_free(s);
}

static void rules_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const ltd_sampling bad[] = {{0, 0, 1, false},        {-1, 0, 1, false},     {NAN, 0, 1, false},
                                {INFINITY, 0, 1, false}, {1e-320, 0, 1, false}, {1, -1, 1, false},
                                {1, 0, 0, false},        {1, 0, 1.1, false},    {1, 0, NAN, false}};
    const char *const what[] = {"temperature", "temperature", "temperature",
                                "temperature", "temperature", "top_k",
                                "top_p",       "top_p",       "top_p"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ltd_sampler *s = (ltd_sampler *)&err;
        assert_int_equal(ltd_sampler_new(&s, 10, &bad[i], &err), LTD_EINVAL);
        assert_null(s);
        assert_non_null(strstr(err.msg, what[i]));
    }
    ltd_sampler *s;
    assert_int_equal(ltd_sampler_new(&s, 0, &(ltd_sampling){1, 0, 1, false}, NULL), LTD_EINVAL);
    ltd_sampler_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_distribution_is_that_of_a_full_sort),
        cmocka_unit_test(a_draw_inverts_the_cumulated_probabilities),
        cmocka_unit_test(a_first_k_of_one_is_greedy_even_on_ties),
        cmocka_unit_test(a_tiny_temperature_leaves_the_best_alone),
        cmocka_unit_test(all_mass_on_one_token_is_drawn_whatever_the_number),
        cmocka_unit_test(what_is_left_grows_to_one),
        cmocka_unit_test(what_was_cut_off_can_be_removed_without_effect),
        cmocka_unit_test(logits_that_are_no_numbers_are_refused),
        cmocka_unit_test(rules_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
