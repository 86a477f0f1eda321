#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "trainer/ppo/adam.h"

static ltd_adam *make(int64_t n)
{
    ltd_adam *adam;
    ltd_adam_options opt = LTD_ADAM_DEFAULTS;
    assert_int_equal(ltd_adam_new(&adam, n, &opt, NULL), LTD_OK);
    return adam;
}

static void the_first_step_is_lr_times_the_sign(void **state)
{
    (void)state;
    float p[3] = {1, 1, 1}, g[3] = {0.5f, -2, 0};
    ltd_adam *adam = make(3);
    ltd_adam_step(adam, p, g, 0.01);
    /* g / (|g| + eps) */
    assert_float_equal(p[0], 1 - 0.01 * 0.5 / (0.5 + 1e-5), 1e-7);
    assert_float_equal(p[1], 1 + 0.01 * 2 / (2 + 1e-5), 1e-7);
    assert_true(p[2] == 1);
    ltd_adam_free(adam);
}

static void it_follows_the_formula_in_double(void **state)
{
    (void)state;
    enum { N = 37, STEPS = 50 };
    float p[N], g[N];
    double q[N], m[N] = {0}, v[N] = {0};
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    for (int i = 0; i < N; i++) q[i] = (double)(p[i] = ltd_rng_normal(&rng));
    ltd_adam *adam = make(N);
    for (int t = 1; t <= STEPS; t++) {
        for (int i = 0; i < N; i++) g[i] = ltd_rng_normal(&rng);
        ltd_adam_step(adam, p, g, 1e-3 * t);
        for (int i = 0; i < N; i++) {
            m[i] = 0.9 * m[i] + 0.1 * (double)g[i];
            v[i] = 0.999 * v[i] + 0.001 * (double)g[i] * (double)g[i];
            double mh = m[i] / (1 - pow(0.9, t)), vh = v[i] / (1 - pow(0.999, t));
            q[i] -= 1e-3 * t * mh / (sqrt(vh) + 1e-5);
        }
    }
    assert_int_equal(adam->step, STEPS);
    for (int i = 0; i < N; i++) assert_true(fabs((double)p[i] - q[i]) < 5e-6);
    ltd_adam_free(adam);
}

/* torch.optim.AdamW: the parameter shrinks by lr times the decay, whatever the gradient. */
static void weights_decay_beside_the_step(void **state)
{
    (void)state;
    float with[2] = {2, -3}, without[2] = {2, -3}, g[2] = {0.5f, 0};
    ltd_adam *decaying, *plain = make(2);
    ltd_adam_options opt = LTD_ADAM_DEFAULTS;
    opt.weight_decay = 0.1;
    assert_int_equal(ltd_adam_new(&decaying, 2, &opt, NULL), LTD_OK);
    ltd_adam_step(decaying, with, g, 0.01);
    ltd_adam_step(plain, without, g, 0.01);
    assert_float_equal(with[0], without[0] - 0.01 * 0.1 * 2, 1e-6);
    assert_float_equal(with[1], -3 + 0.01 * 0.1 * 3, 1e-6);
    ltd_adam_free(decaying);
    ltd_adam_free(plain);
}

static void state_put_back_goes_on_the_same(void **state)
{
    (void)state;
    float p[4] = {1, 2, 3, 4}, q[4], g[4] = {0.1f, -0.2f, 0.3f, -0.4f};
    ltd_adam *a = make(4), *b = make(4);
    for (int i = 0; i < 3; i++) ltd_adam_step(a, p, g, 0.1);
    memcpy(q, p, sizeof q);
    memcpy(b->m, a->m, sizeof q);
    memcpy(b->v, a->v, sizeof q);
    b->step = a->step;
    for (int i = 0; i < 3; i++) {
        ltd_adam_step(a, p, g, 0.1);
        ltd_adam_step(b, q, g, 0.1);
    }
    assert_memory_equal(p, q, sizeof p);
    ltd_adam_free(a);
    ltd_adam_free(b);
}

static void clipping_keeps_the_direction(void **state)
{
    (void)state;
    float g[12] = {0};
    g[0] = 3;
    g[11] = 4;
    assert_float_equal(ltd_adam_clip(g, 12, 0), 5, 1e-6);
    assert_float_equal(ltd_adam_clip(g, 12, 10), 5, 1e-6);
    assert_true(g[0] == 3);
    assert_float_equal(ltd_adam_clip(g, 12, 0.5), 5, 1e-6);
    assert_float_equal(g[0], 0.3, 1e-6);
    assert_float_equal(g[11], 0.4, 1e-6);
}

static void options_that_cannot_be_are_refused(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_adam *adam = (ltd_adam *)&err;
    ltd_adam_options opt = LTD_ADAM_DEFAULTS;
    assert_int_equal(ltd_adam_new(&adam, 0, &opt, &err), LTD_EINVAL);
    assert_null(adam);
    opt.beta1 = 1;
    assert_int_equal(ltd_adam_new(&adam, 1, &opt, &err), LTD_EINVAL);
    ltd_adam_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_step_is_lr_times_the_sign),
        cmocka_unit_test(it_follows_the_formula_in_double),
        cmocka_unit_test(weights_decay_beside_the_step),
        cmocka_unit_test(state_put_back_goes_on_the_same),
        cmocka_unit_test(clipping_keeps_the_direction),
        cmocka_unit_test(options_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
