#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "agents/mlp.h"
#include "agents/mlp_priv.h"
#include "base/mem.h"
#include "base/rng.h"

enum { MAX = 1300 };

static ltd_mlp *random_net(const int32_t *dims, int32_t n, ltd_activation act, ltd_rng *rng)
{
    ltd_mlp *mlp;
    assert_int_equal(ltd_mlp_new(&mlp, dims, n, act, NULL), LTD_OK);
    for (int32_t l = 0; l < n; l++) {
        size_t count = (size_t)dims[l] * (size_t)dims[l + 1];
        float *w = ltd_mem_zeros(count, sizeof *w);
        float *b = ltd_mem_zeros((size_t)dims[l + 1], sizeof *b);
        float scale = 1.5f / sqrtf((float)dims[l]);
        for (size_t i = 0; i < count; i++) w[i] = ltd_rng_normal(rng) * scale;
        for (int32_t i = 0; i < dims[l + 1]; i++) b[i] = ltd_rng_normal(rng) * 0.1f;
        assert_int_equal(ltd_mlp_set(mlp, l, w, b, NULL), LTD_OK);
        free(w);
        free(b);
    }
    return mlp;
}

/* The same net in double, from the weights that the getter gives. */
static void reference(const ltd_mlp *mlp, const float *x, double *y)
{
    double in[MAX], out[MAX];
    for (int32_t i = 0; i < ltd_mlp_dim(mlp, 0); i++) in[i] = (double)x[i];
    for (int32_t l = 0; l < ltd_mlp_layers(mlp); l++) {
        int32_t n = ltd_mlp_dim(mlp, l), m = ltd_mlp_dim(mlp, l + 1);
        float *w = ltd_mem_zeros((size_t)n * (size_t)m, sizeof *w);
        float *b = ltd_mem_zeros((size_t)m, sizeof *b);
        assert_int_equal(ltd_mlp_get(mlp, l, w, b, NULL), LTD_OK);
        for (int32_t o = 0; o < m; o++) {
            double sum = (double)b[o];
            for (int32_t i = 0; i < n; i++) sum += (double)w[o * n + i] * in[i];
            if (l + 1 < ltd_mlp_layers(mlp))
                sum = ltd_mlp_activation(mlp) == LTD_ACT_TANH ? tanh(sum) : fmax(sum, 0);
            out[o] = sum;
        }
        memcpy(in, out, sizeof in);
        free(w);
        free(b);
    }
    memcpy(y, in, (size_t)ltd_mlp_dim(mlp, ltd_mlp_layers(mlp)) * sizeof *y);
}

static const struct {
    int32_t dims[5], n;
    ltd_activation act;
} shapes[] = {
    {{48, 64, 64, 13}, 3, LTD_ACT_TANH},   {{1268, 1024, 256, 24}, 3, LTD_ACT_TANH},
    {{128, 1024, 2}, 2, LTD_ACT_RELU},     {{1, 1}, 1, LTD_ACT_TANH},
    {{33, 65, 31, 7, 1}, 4, LTD_ACT_RELU},
};

static void forward_is_the_net_in_double(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        ltd_mlp *mlp = random_net(shapes[s].dims, shapes[s].n, shapes[s].act, &rng);
        int32_t n_out = shapes[s].dims[shapes[s].n];
        for (int k = 0; k < 4; k++) {
            float x[MAX], y[MAX];
            double want[MAX];
            for (int32_t i = 0; i < shapes[s].dims[0]; i++)
                x[i] = k && ltd_rng_below(&rng, 2) ? 0.0f : ltd_rng_normal(&rng);
            ltd_mlp_forward(mlp, x, y);
            reference(mlp, x, want);
            for (int32_t i = 0; i < n_out; i++)
                assert_float_equal((double)y[i], want[i], 1e-5 * (1 + fabs(want[i])));
        }
        ltd_mlp_free(mlp);
    }
}

static void every_instruction_set_gives_the_same_bits(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 2, LTD_STREAM_TEST);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        ltd_mlp *mlp = random_net(shapes[s].dims, shapes[s].n, shapes[s].act, &rng);
        float x[MAX], first[MAX] = {0}, y[MAX] = {0};
        for (int32_t i = 0; i < shapes[s].dims[0]; i++) x[i] = 3 * ltd_rng_normal(&rng);
        for (int k = 0; ltd_mlp_isa_at(k); k++) {
            ltd_mlp_isa_set(mlp, ltd_mlp_isa_at(k));
            ltd_mlp_forward(mlp, x, k ? y : first);
            if (k) assert_memory_equal(first, y, sizeof y);
        }
        ltd_mlp_free(mlp);
    }
}

static void the_callers_scratch_gives_the_same(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 3, LTD_STREAM_TEST);
    ltd_mlp *mlp = random_net(shapes[0].dims, 3, LTD_ACT_TANH, &rng);
    float *scratch = ltd_mem_aligned(ltd_mlp_scratch(mlp), sizeof *scratch);
    float x[48], a[13], b[13];
    for (int i = 0; i < 48; i++) x[i] = ltd_rng_normal(&rng);
    ltd_mlp_forward(mlp, x, a);
    ltd_mlp_forward_with(mlp, x, b, scratch);
    assert_memory_equal(a, b, sizeof a);
    free(scratch);
    ltd_mlp_free(mlp);
}

static void tanh_is_within_its_bound(void **state)
{
    (void)state;
    double worst = 0;
    for (int k = 0; k < 2000000; k++) {
        double at = (k - 1000000) * 1.2e-5;
        float y = (float)at;
        double want = tanh((double)y);
        ltd_mlp_tanh(&y, 1);
        worst = fmax(worst, fabs((double)y - want));
    }
    assert_true(worst < 1.5e-7);
    /* Small arguments keep their relative precision; nothing leaves [-1, 1]. */
    float x[40] = {1e-20f, -1e-6f, 100, -INFINITY, 0.0f, -0.0f, NAN};
    x[39] = 0.5f;
    ltd_mlp_tanh(x, 40);
    assert_true(fabsf(x[0] / 1e-20f - 1) < 3e-7f && fabsf(x[1] / -1e-6f - 1) < 3e-7f);
    assert_true(x[2] == 1.0f && x[3] == -1.0f);
    assert_true(x[4] == 0.0f && signbit(x[5]) && isnan(x[6]));
    assert_float_equal((double)x[39], tanh(0.5), 1.5e-7);
}

static void nets_that_cannot_be_are_refused(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_mlp *mlp = (ltd_mlp *)&err;
    assert_int_equal(ltd_mlp_new(&mlp, (int32_t[]){4, 0}, 1, LTD_ACT_TANH, &err), LTD_EINVAL);
    assert_null(mlp);
    assert_string_equal(err.msg, "net: size 1 is 0, expected 1 to 1048576");
    assert_int_equal(ltd_mlp_new(&mlp, (int32_t[]){4, 1}, 0, LTD_ACT_TANH, &err), LTD_EINVAL);
    assert_int_equal(ltd_mlp_new(&mlp, (int32_t[]){4, 1}, 1, LTD_ACT_COUNT, &err), LTD_EINVAL);
    assert_int_equal(ltd_mlp_new(&mlp, (int32_t[]){4, 1}, 1, LTD_ACT_RELU, &err), LTD_OK);
    float w[4] = {0}, b[1] = {0};
    assert_int_equal(ltd_mlp_set(mlp, 1, w, b, &err), LTD_EINVAL);
    assert_int_equal(ltd_mlp_get(mlp, -1, w, b, &err), LTD_EINVAL);
    ltd_mlp_free(mlp);
    ltd_mlp_free(NULL);
    ltd_activation act;
    assert_int_equal(ltd_activation_parse(&act, "relu", &err), LTD_OK);
    assert_int_equal(act, LTD_ACT_RELU);
    assert_int_equal(ltd_activation_parse(&act, "gelu", &err), LTD_EINVAL);
    assert_null(ltd_activation_name(LTD_ACT_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_the_net_in_double),
        cmocka_unit_test(every_instruction_set_gives_the_same_bits),
        cmocka_unit_test(the_callers_scratch_gives_the_same),
        cmocka_unit_test(tanh_is_within_its_bound),
        cmocka_unit_test(nets_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
