/* Row operations: instruction sets against each other (bit for bit) and against double precision.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/isa.h"

static void same(const char *what, const void *a, const void *b, size_t bytes)
{
    if (memcmp(a, b, bytes) == 0) return;
    const uint8_t *x = a, *y = b;
    size_t i = 0;
    while (x[i] == y[i]) i++;
    fail_msg("%s: byte %zu of %zu differs", what, i, bytes);
}

static void near(const char *what, double got, double want, double allowed)
{
    if (!(fabs(got - want) <= allowed))
        fail_msg("%s: %.9g, expected %.9g within %g", what, got, want, allowed);
}

/* --- rows --- */

static int quantized(const ltd_acts *a, int i)
{
    return a->bits == 8 ? a->lo[i] : 256 * a->hi[i] + a->lo[i];
}

static void quantize_keeps_values_to_half_a_step_and_agrees(void **state)
{
    (void)state;
    const ltd_kernels *p = ltd_kernels_get(LTD_ISA_PLAIN), *o = fast();
    ltd_err err = LTD_ERR_INIT;
    for (int32_t bits = 8; bits <= 16; bits += 8) {
        double top = bits == 8 ? 127 : 32639;
        ltd_acts a, b;
        if (ltd_acts_init(&a, 1, 64, bits, &err) < 0 || ltd_acts_init(&b, 1, 64, bits, &err) < 0)
            fail_msg("%s", err.msg);
        a.n = b.n = 64;
        for (int round = 0; round < 200; round++) {
            float *x = randoms(64, powf(10, (float)(round % 60 - 30)));
            if (round % 7 == 0) memset(x, 0, 32 * sizeof *x);
            p->quantize(x, 0, 0, 64, &a);
            o->quantize(x, 0, 0, 32, &b);
            o->quantize(x + 32, 0, 32, 64, &b);
            same("low bytes", a.lo, b.lo, 64);
            if (bits == 16) same("high bytes", a.hi, b.hi, 64);
            same("scale", a.scale, b.scale, 2 * sizeof *a.scale);
            same("sum", a.sum, b.sum, 2 * sizeof *a.sum);
            for (int g = 0; g < 2; g++) {
                double total = 0, s = (double)a.scale[g];
                for (int i = 32 * g; i < 32 * g + 32; i++) {
                    int q = quantized(&a, i);
                    assert_true(abs(q) <= (int)top);
                    near("value", s * q, (double)x[i], s * (0.5 + 1e-2));
                    total += q;
                }
                near("sum", (double)a.sum[g], s * total, 1e-6 * fabs(s * total) + 1e-44);
            }
            free(x);
        }
        ltd_acts_fini(&a);
        ltd_acts_fini(&b);
    }
}

static void rmsnorm_and_add_agree_and_are_right(void **state)
{
    (void)state;
    const ltd_kernels *p = ltd_kernels_get(LTD_ISA_PLAIN), *o = fast();
    static const int32_t widths[] = {8, 64, 200, 576, 4096};
    for (int c = 0; c < 5; c++) {
        int32_t n = widths[c];
        float *x = randoms((size_t)n, 3), *w = randoms((size_t)n, 1);
        float *a = randoms((size_t)n, 1), *b = randoms((size_t)n, 1);
        double s = 0;
        for (int32_t i = 0; i < n; i++) s += (double)x[i] * (double)x[i];
        p->rmsnorm(x, w, 1e-5f, n, a);
        o->rmsnorm(x, w, 1e-5f, n, b);
        same("rmsnorm", a, b, (size_t)n * sizeof *a);
        for (int32_t i = 0; i < n; i++) {
            double want = (double)x[i] * (double)w[i] / sqrt(s / n + 1e-5);
            near("rmsnorm", (double)a[i], want, 2e-6 * fabs(want));
        }
        float last = a[n - 1] + w[n - 1];
        p->add(a, w, n);
        o->add(b, w, n);
        same("add", a, b, (size_t)n * sizeof *a);
        assert_true(a[n - 1] == last);
        free(x);
        free(w);
        free(a);
        free(b);
    }
}

static void rope_agrees_and_turns_pairs(void **state)
{
    (void)state;
    const ltd_kernels *p = ltd_kernels_get(LTD_ISA_PLAIN), *o = fast();
    static const int32_t dims[] = {8, 16, 24, 64, 80, 128};
    for (int c = 0; c < 6; c++) {
        int32_t hd = dims[c], half = hd / 2, heads = 3;
        size_t n = (size_t)(heads * hd);
        float *x = randoms(n, 1), *a = randoms(n, 1), *b = randoms(n, 1);
        float cosv[64], sinv[64];
        for (int i = 0; i < half; i++) {
            cosv[i] = cosf((float)i * 0.7f);
            sinv[i] = sinf((float)i * 0.7f);
        }
        memcpy(a, x, n * sizeof *x);
        memcpy(b, x, n * sizeof *x);
        p->rope(a, heads, hd, cosv, sinv);
        o->rope(b, heads, hd, cosv, sinv);
        same("rope", a, b, n * sizeof *a);
        for (int32_t h = 0; h < heads; h++) {
            for (int32_t i = 0; i < half; i++) {
                const float *v = x + h * hd, *g = a + h * hd;
                double u = (double)v[i], w = (double)v[half + i];
                double cs = (double)cosv[i], sn = (double)sinv[i];
                near("rope", (double)g[i], u * cs - w * sn, 1e-6);
                near("rope", (double)g[half + i], w * cs + u * sn, 1e-6);
            }
        }
        free(x);
        free(a);
        free(b);
    }
}

static double silu(double x)
{
    return x / (1 + exp(-x));
}

/* As a logistic function: in doubles too, 1 + tanh loses small results. */
static double gelu(double x)
{
    return x / (1 + exp(-1.5957691216057308 * (x + 0.044715 * x * x * x)));
}

typedef void gate_fn(const float *gate, const float *up, int32_t n, float *ret);

static void check_gate(const char *what, gate_fn *p, gate_fn *o, double f(double), double error)
{
    for (int32_t n = 1; n <= 40; n++) {
        float *g = randoms(40, n % 5 ? 4.0f : 60.0f), *u = randoms(40, 1);
        float a[48], b[48];
        for (int i = 0; i < 48; i++) a[i] = b[i] = 12345;
        p(g, u, n, a);
        o(g, u, n, b);
        same(what, a, b, sizeof a);
        for (int32_t i = 0; i < n; i++) {
            double want = f((double)g[i]) * (double)u[i];
            near(what, (double)a[i], want, error * fabs(want) + 1e-30);
        }
        for (int32_t i = n; i < 48; i++) assert_true(a[i] == 12345);
        free(g);
        free(u);
    }
}

static void silu_mul_agrees_for_every_width_and_stays_inside(void **state)
{
    (void)state;
    const ltd_kernels *p = ltd_kernels_get(LTD_ISA_PLAIN), *o = fast();
    check_gate("silu_mul", p->silu_mul, o->silu_mul, silu, 1e-6);
}

static void gelu_mul_agrees_for_every_width_and_stays_inside(void **state)
{
    (void)state;
    const ltd_kernels *p = ltd_kernels_get(LTD_ISA_PLAIN), *o = fast();
    /* The exponent of a result of 1e-30 has an error of 70 x 2^-24. */
    check_gate("gelu_mul", p->gelu_mul, o->gelu_mul, gelu, 1e-5);
    float g[64], u[64], y[64];
    for (int round = 0; round < 2000; round++) {
        for (int i = 0; i < 64; i++) {
            g[i] = 8.0f * (float)(round * 64 + i) / 64000.0f - 8.0f; /* -8 .. 8 */
            u[i] = 1;
        }
        p->gelu_mul(g, u, 64, y);
        for (int i = 0; i < 64; i++) {
            double want = gelu((double)g[i]), x = fabs((double)g[i]);
            near("gelu", (double)y[i], want, x < 3 ? 1e-6 * fabs(want) : 1e-6 * fabs(want) + 1e-9);
        }
    }
    static const float huge[8] = {0, -0.0f, 50, -50, 1e10f, -1e10f, 3e38f, 1e-30f};
    static const float ones[8] = {1, 1, 1, 1, 1, 1, 1, 1}, want[8] = {0, 0, 50, 0, 1e10f, 0, 3e38f};
    p->gelu_mul(huge, ones, 8, y);
    for (int i = 0; i < 8; i++) near("gelu of extremes", (double)y[i], (double)want[i], 1e-25);
}

static void halves_are_stored_alike(void **state)
{
    (void)state;
    const ltd_kernels *p = ltd_kernels_get(LTD_ISA_PLAIN), *o = fast();
    for (int round = 0; round < 500; round++) {
        float *x = randoms(64, powf(10, (float)(round % 20 - 12)));
        uint16_t a[64], b[64];
        p->store_f16(x, 64, a);
        o->store_f16(x, 64, b);
        same("store_f16", a, b, sizeof a);
        for (int i = 0; i < 64; i++) assert_int_equal(a[i], ltd_f32_to_f16(x[i]));
        free(x);
    }
}

int main(void)
{
    ltd_rng_seed(&rng, 7, LTD_STREAM_TEST);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantize_keeps_values_to_half_a_step_and_agrees),
        cmocka_unit_test(rmsnorm_and_add_agree_and_are_right),
        cmocka_unit_test(rope_agrees_and_turns_pairs),
        cmocka_unit_test(silu_mul_agrees_for_every_width_and_stays_inside),
        cmocka_unit_test(gelu_mul_agrees_for_every_width_and_stays_inside),
        cmocka_unit_test(halves_are_stored_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
