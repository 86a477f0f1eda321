/* The trainer of small nets: its gradient against finite differences, problems it must learn, and
 * the net that comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "trainer/tune/rule_fit.h"

static ltd_err err;
static const int32_t dims[] = {3, 5, 4, 2};

static ltd_fit *made(const int32_t *of, int32_t layers, uint64_t seed)
{
    ltd_fit *fit;
    if (ltd_fit_new(&fit, of, layers, seed, &err) < 0) fail_msg("%s", err.msg);
    return fit;
}

/* A loss whose slopes are not all alike: y0^2 + 3 y0 y1. */
static double loss_at(ltd_fit *fit, const float *x)
{
    float y[2];
    ltd_fit_forward(fit, x, y);
    return (double)y[0] * (double)y[0] + 3 * (double)y[0] * (double)y[1];
}

static void the_gradient_is_that_of_finite_differences(void **state)
{
    (void)state;
    ltd_fit *fit = made(dims, 3, 4);
    const float x[3] = {0.7f, -1.2f, 0.4f};
    const float h = 2e-3f;
    float y[2], *w = ltd_fit_weights(fit);
    ltd_rng rng;
    ltd_rng_seed(&rng, 2, LTD_STREAM_TEST);
    for (int64_t i = 0; i < ltd_fit_count(fit); i++) w[i] += 0.4f * ltd_rng_normal(&rng);
    ltd_fit_forward(fit, x, y);
    ltd_fit_backward(fit, (float[]){2 * y[0] + 3 * y[1], 3 * y[0]});
    assert_int_equal(ltd_fit_count(fit), 4 * 5 + 6 * 4 + 5 * 2);
    for (int64_t i = 0; i < ltd_fit_count(fit); i++) {
        float was = w[i];
        w[i] = was + h;
        double up = loss_at(fit, x);
        w[i] = was - h;
        double down = loss_at(fit, x), slope = (up - down) / (2 * (double)h);
        w[i] = was;
        double got = (double)ltd_fit_gradient(fit)[i];
        if (fabs(got - slope) > 2e-3 * (1 + fabs(slope)))
            fail_msg("weight %d: %g, expected %g", (int)i, got, slope);
    }
    ltd_fit_free(fit);
}

static void cross_entropy_and_its_slope(void **state)
{
    (void)state;
    const float logits[] = {-80, -2, 0, 0.5f, 3, 80};
    for (int i = 0; i < 6; i++)
        for (int yes = 0; yes < 2; yes++) {
            double z = (double)logits[i], p = 1 / (1 + exp(-z));
            float slope, loss = ltd_fit_cross_entropy(logits[i], yes, 6, &slope);
            double expected = yes ? 6 * log1p(exp(-z)) : 6 * (fmax(z, 0) + log1p(exp(-fabs(z))));
            assert_true(fabs((double)loss - expected) < 1e-4 * (1 + expected));
            assert_true(fabs((double)slope - 6 * (p - yes)) < 1e-5);
        }
}

enum { N = 600 };

/* Inside a ring or not: no line tells them apart. */
static void make_ring(float *x, uint8_t *yes)
{
    ltd_rng rng;
    ltd_rng_seed(&rng, 3, LTD_STREAM_TEST);
    for (int i = 0; i < N; i++) {
        x[2 * i] = 2 * ltd_rng_f32(&rng) - 1;
        x[2 * i + 1] = 2 * ltd_rng_f32(&rng) - 1;
        yes[i] = x[2 * i] * x[2 * i] + x[2 * i + 1] * x[2 * i + 1] < 0.5f;
    }
}

static ltd_mlp *learn(const float *x, const uint8_t *yes, float weight_of_no, uint64_t seed)
{
    ltd_mlp *mlp;
    ltd_fit *fit = made((int32_t[]){2, 16, 1}, 2, seed);
    ltd_fit_samples s = {N, x, yes, weight_of_no};
    if (ltd_fit_classify(fit, &s, &(ltd_fit_options){200, 32, 1e-2}, seed, &err) < 0 ||
        ltd_fit_mlp(fit, &mlp, &err) < 0)
        fail_msg("%s", err.msg);
    ltd_fit_free(fit);
    return mlp;
}

static void what_can_be_told_apart_is(void **state)
{
    (void)state;
    static float x[2 * N];
    static uint8_t yes[N];
    make_ring(x, yes);
    ltd_mlp *mlp = learn(x, yes, 1, 1);
    int right = 0;
    for (int i = 0; i < N; i++) {
        float logit;
        ltd_mlp_forward(mlp, x + 2 * i, &logit);
        right += (logit > 0) == (yes[i] == 1);
    }
    if (right <= N * 95 / 100) fail_msg("%d of %d right", right, N);
    ltd_mlp_free(mlp);
}

/* Where x says nothing, p is the share of yes among the weights. */
static void weights_count(void **state)
{
    (void)state;
    static float x[2 * N];
    static uint8_t yes[N];
    for (int i = 0; i < N; i++) yes[i] = i % 4 != 0;
    for (int heavy = 0; heavy < 2; heavy++) {
        ltd_mlp *mlp = learn(x, yes, heavy ? 6 : 1, 1);
        float logit, share = heavy ? 3.0f / 9 : 3.0f / 4;
        ltd_mlp_forward(mlp, (float[]){0, 0}, &logit);
        assert_true(fabsf(1 / (1 + expf(-logit)) - share) < 0.03f);
        ltd_mlp_free(mlp);
    }
}

static void read_weights(const ltd_mlp *mlp, float *ret)
{
    assert_int_equal(ltd_mlp_get(mlp, 0, ret, ret + 32, &err), 0);
    assert_int_equal(ltd_mlp_get(mlp, 1, ret + 48, ret + 64, &err), 0);
}

static void a_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    static float x[2 * N];
    static uint8_t yes[N];
    float w[3][65];
    make_ring(x, yes);
    for (int i = 0; i < 3; i++) {
        ltd_mlp *mlp = learn(x, yes, 1, i < 2 ? 5 : 6);
        read_weights(mlp, w[i]);
        ltd_mlp_free(mlp);
    }
    assert_memory_equal(w[0], w[1], sizeof w[0]);
    assert_memory_not_equal(w[0], w[2], sizeof w[0]);
}

static void the_net_computes_what_was_trained(void **state)
{
    (void)state;
    ltd_fit *fit = made(dims, 3, 9);
    ltd_mlp *mlp;
    const float x[3] = {0.3f, -0.8f, 2};
    float a[2], b[2];
    assert_int_equal(ltd_fit_mlp(fit, &mlp, &err), 0);
    ltd_fit_forward(fit, x, a);
    ltd_mlp_forward(mlp, x, b);
    for (int i = 0; i < 2; i++) assert_true(fabsf(a[i] - b[i]) < 1e-6f);
    ltd_mlp_free(mlp);
    ltd_fit_free(fit);
}

static void what_cannot_be_trained_is_refused(void **state)
{
    (void)state;
    ltd_fit *fit;
    float x[3] = {0};
    uint8_t yes[1] = {0};
    assert_int_equal(ltd_fit_new(&fit, (int32_t[]){3, 0}, 1, 1, &err), LTD_EINVAL);
    assert_null(fit);
    assert_int_equal(ltd_fit_new(&fit, dims, 0, 1, &err), LTD_EINVAL);
    fit = made((int32_t[]){3, 1}, 1, 1);
    ltd_fit_options options = LTD_FIT_DEFAULTS;
    ltd_fit_samples none = {0, x, yes, 1};
    assert_int_equal(ltd_fit_classify(fit, &none, &options, 1, &err), LTD_EINVAL);
    ltd_fit_free(fit);
    ltd_fit_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gradient_is_that_of_finite_differences),
        cmocka_unit_test(cross_entropy_and_its_slope),
        cmocka_unit_test(what_can_be_told_apart_is),
        cmocka_unit_test(weights_count),
        cmocka_unit_test(a_seed_gives_the_same_bytes),
        cmocka_unit_test(the_net_computes_what_was_trained),
        cmocka_unit_test(what_cannot_be_trained_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
