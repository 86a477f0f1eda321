/* Kernels against each other (bit for bit) and against double precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "models/kernels/kernels.h"
#include "tests/support/weights.h"

enum { OUT = 43, IN = 512, ROWS = 33, LDY = 48 };

typedef struct rows {
    float *x, *scale, *sum;
    int16_t *q;
    int8_t *q8; /* NULL with 16 bits */
} rows;

static ltd_rng rng;

/* The fastest instruction set; plain C again where this machine has no other. */
static const ltd_kernels *other(void)
{
    const ltd_kernels *k = NULL;
    for (int i = LTD_ISA_COUNT - 1; !k; i--) k = ltd_kernels_get((ltd_isa)i);
    if (k->isa == LTD_ISA_PLAIN)
        print_message("# plain C alone here: nothing to compare it with\n");
    return k;
}

static float *randoms(size_t n, float spread)
{
    float *x = ltd_mem_aligned(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = spread * ltd_rng_normal(&rng);
    return x;
}

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

/* Activations with outliers, a zero group, one of denormals, and two rows of largest integers. */
static rows make_rows(const ltd_kernels *k, int32_t bits)
{
    size_t n = (size_t)ROWS * IN;
    rows r = {.x = randoms(n, 1),
              .scale = ltd_mem_aligned(n / 32, sizeof(float)),
              .sum = ltd_mem_aligned(n / 32, sizeof(float)),
              .q = ltd_mem_aligned(n, sizeof(int16_t)),
              .q8 = bits == 8 ? ltd_mem_aligned(n, 1) : NULL};
    for (size_t i = 0; i < n; i += 97) r.x[i] *= 50;
    memset(r.x + 32, 0, 32 * sizeof *r.x);
    for (int i = 64; i < 96; i++) r.x[i] = 1e-42f;
    for (int i = 0; i < 2 * IN; i++)
        r.x[2 * IN + i] = i < IN || i % 2 ? 1 : -1; /* all at the top */
    for (size_t i = 0; i < ROWS; i++) {
        k->quantize(r.x + i * IN, IN, bits, r.q + i * IN, r.scale + i * (IN / 32),
                    r.sum + i * (IN / 32));
        if (r.q8) k->bytes(r.q + i * IN, IN, r.q8 + i * IN);
    }
    return r;
}

static void free_rows(rows *r)
{
    free(r->x);
    free(r->scale);
    free(r->sum);
    free(r->q);
    free(r->q8);
}

static ltd_acts acts_from(const rows *r, size_t row)
{
    return (ltd_acts){.x = r->x + row * IN,
                      .q = r->q + row * IN,
                      .q8 = r->q8 ? r->q8 + row * IN : NULL,
                      .scale = r->scale + row * (IN / 32),
                      .sum = r->sum + row * (IN / 32),
                      .n = IN};
}

/* --- linear --- */

static void check_against_double(const ltd_packed *w, const rows *r, const float *y)
{
    float wide[IN];
    for (int32_t o = 0; o < OUT; o++) {
        ltd_pack_get_row(w, o, wide);
        for (size_t i = 0; i < ROWS; i++) {
            double sum = 0, size = 0;
            for (size_t k = 0; k < IN; k++) {
                size_t at = i * IN + k;
                double a = ltd_pack_is_quantized(w->kind)
                               ? (double)r->q[at] * (double)r->scale[at / 32]
                               : (double)r->x[at];
                sum += (double)wide[k] * a;
                /* Q4's offset and product cancel: both count for the rounding. */
                size += (fabs((double)wide[k]) + (w->kind == LTD_PACK_Q4 ? 0.2 : 0)) * fabs(a);
            }
            near("linear", (double)y[i * LDY + (size_t)o], sum, 1e-5 * size + 1e-30);
        }
    }
}

/* m rows at once equal one row at a time, in whole and in slices of tiles. */
static void check_rows(const ltd_kernels *k, const ltd_packed *w, const rows *r, float *ret)
{
    float *y = randoms((size_t)ROWS * LDY, 1);
    for (size_t i = 0; i < ROWS; i++) {
        ltd_acts a = acts_from(r, i);
        k->linear(w, &a, 1, 0, w->tiles, ret + i * LDY, LDY);
    }
    ltd_acts a = acts_from(r, 0);
    for (int32_t m = 1; m <= ROWS; m++) {
        k->linear(w, &a, m, 0, w->tiles, y, LDY);
        same("m rows", y, ret, (size_t)m * LDY * sizeof *y);
    }
    for (int32_t t = 0; t < w->tiles; t += 2) {
        int32_t end = t + 2 < w->tiles ? t + 2 : w->tiles;
        k->linear(w, &a, 5, t, end, y, 16);
        for (size_t i = 0; i < 5; i++)
            same("a slice", y + i * 16, ret + i * LDY + 8 * (size_t)t,
                 8 * (size_t)(end - t) * sizeof *y);
    }
    free(y);
}

/* Every instruction set against plain C, whose results are y[0]. */
static void check_matrix(const weight_form *form, int32_t bits)
{
    weight_matrix file;
    ltd_packed w;
    weight_matrix_make(&file, form, OUT, IN, &rng);
    weight_matrix_pack(&w, &file);
    rows r = make_rows(ltd_kernels_get(LTD_ISA_PLAIN), bits);
    float *y[2] = {randoms((size_t)ROWS * LDY, 1), randoms((size_t)ROWS * LDY, 1)};
    for (int i = 0; i < LTD_ISA_COUNT; i++) {
        const ltd_kernels *k = ltd_kernels_get((ltd_isa)i);
        if (!k) continue;
        check_rows(k, &w, &r, y[i > 0]);
        if (i == 0) check_against_double(&w, &r, y[0]);
        if (i > 0) same(form->name, y[0], y[1], (size_t)ROWS * LDY * sizeof **y);
    }
    free(y[0]);
    free(y[1]);
    free_rows(&r);
    ltd_pack_fini(&w);
    weight_matrix_free(&file);
}

static void linear_rows_stand_alone_and_instruction_sets_agree(void **state)
{
    (void)state;
    for (int i = 0; i < LTD_ISA_COUNT; i++)
        if (!ltd_kernels_get((ltd_isa)i))
            print_message("# no %s here: skipped\n", ltd_isa_name((ltd_isa)i));
    for (int form = 0; form < WEIGHT_FORMS; form++)
        for (int32_t bits = 8; bits <= 16; bits += 8) check_matrix(&weight_forms[form], bits);
}

/* --- rows --- */

/* 64 integers of 8 bits as bytes, in the order of Q4's nibbles. */
static void same_bytes(const ltd_kernels *p, const ltd_kernels *o, const int16_t *q)
{
    static const int order[8] = {0, 4, 1, 5, 2, 6, 3, 7};
    int8_t a[64], b[64];
    p->bytes(q, 64, a);
    o->bytes(q, 64, b);
    same("bytes", a, b, sizeof a);
    for (int i = 0; i < 64; i++) assert_int_equal(a[i], q[i / 8 * 8 + order[i % 8]]);
}

static void quantize_keeps_values_to_half_a_step_and_agrees(void **state)
{
    (void)state;
    const ltd_kernels *p = ltd_kernels_get(LTD_ISA_PLAIN), *o = other();
    for (int32_t bits = 8; bits <= 16; bits += 8) {
        double top = bits == 8 ? 127 : 32639;
        for (int round = 0; round < 200; round++) {
            float *x = randoms(64, powf(10, (float)(round % 60 - 30)));
            int16_t q[2][64];
            float scale[2][2], sum[2][2];
            if (round % 7 == 0) memset(x, 0, 32 * sizeof *x);
            p->quantize(x, 64, bits, q[0], scale[0], sum[0]);
            o->quantize(x, 64, bits, q[1], scale[1], sum[1]);
            same("q", q[0], q[1], sizeof q[0]);
            same("scale", scale[0], scale[1], sizeof scale[0]);
            same("sum", sum[0], sum[1], sizeof sum[0]);
            if (bits == 8) same_bytes(p, o, q[0]);
            for (int g = 0; g < 2; g++) {
                double total = 0, s = (double)scale[0][g];
                for (int i = 32 * g; i < 32 * g + 32; i++) {
                    assert_true(abs(q[0][i]) <= (int)top);
                    near("value", s * q[0][i], (double)x[i], s * (0.5 + 1e-2));
                    total += q[0][i];
                }
                near("sum", (double)sum[0][g], s * total, 1e-6 * fabs(s * total) + 1e-44);
            }
            free(x);
        }
    }
}

static void rmsnorm_and_add_agree_and_are_right(void **state)
{
    (void)state;
    const ltd_kernels *p = ltd_kernels_get(LTD_ISA_PLAIN), *o = other();
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
    const ltd_kernels *p = ltd_kernels_get(LTD_ISA_PLAIN), *o = other();
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

static void silu_mul_agrees_for_every_width_and_stays_inside(void **state)
{
    (void)state;
    const ltd_kernels *p = ltd_kernels_get(LTD_ISA_PLAIN), *o = other();
    for (int32_t n = 1; n <= 40; n++) {
        float *g = randoms(40, n % 5 ? 4.0f : 60.0f), *u = randoms(40, 1);
        float a[48], b[48];
        for (int i = 0; i < 48; i++) a[i] = b[i] = 12345;
        p->silu_mul(g, u, n, a);
        o->silu_mul(g, u, n, b);
        same("silu_mul", a, b, sizeof a);
        for (int32_t i = 0; i < n; i++) {
            double want = (double)g[i] / (1 + exp(-(double)g[i])) * (double)u[i];
            near("silu_mul", (double)a[i], want, 1e-6 * fabs(want) + 1e-30);
        }
        for (int32_t i = n; i < 48; i++) assert_true(a[i] == 12345);
        free(g);
        free(u);
    }
}

static void halves_are_stored_alike(void **state)
{
    (void)state;
    const ltd_kernels *p = ltd_kernels_get(LTD_ISA_PLAIN), *o = other();
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
        cmocka_unit_test(linear_rows_stand_alone_and_instruction_sets_agree),
        cmocka_unit_test(quantize_keeps_values_to_half_a_step_and_agrees),
        cmocka_unit_test(rmsnorm_and_add_agree_and_are_right),
        cmocka_unit_test(rope_agrees_and_turns_pairs),
        cmocka_unit_test(silu_mul_agrees_for_every_width_and_stays_inside),
        cmocka_unit_test(halves_are_stored_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
