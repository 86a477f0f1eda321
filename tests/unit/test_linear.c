/* Linear layers: every instruction set against plain C bit for bit, on every kind of weights and on
 * random shapes; plain C against double precision. */
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
#include "models/kernels/tables.h"
#include "tests/support/weights.h"

/* More rows than a pass of any kernel takes. */
enum { SHAPES = 10000, MAX_ROWS = 70, MAX_OUT = 72, MAX_IN = 640 };

static ltd_rng rng;

/* A layer's input and output; `y` of plain C, one row at a time, is what others must equal. */
typedef struct layer {
    weight_matrix file;
    ltd_packed w;
    int32_t m, bits;
    float *x, *y, *got; /* [m, in], [m, width], [m, width] */
} layer;

static int32_t between(int32_t low, int32_t high)
{
    return low + (int32_t)ltd_rng_below(&rng, (uint64_t)(high - low + 1));
}

static float *room(size_t n)
{
    float *p = ltd_mem_aligned(n, sizeof *p);
    assert_non_null(p);
    return p;
}

/* Outliers, and sometimes rows of largest integers, groups of zeros or of denormals. */
static void fill(float *x, size_t n, int32_t in)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = ltd_rng_normal(&rng);
        if (ltd_rng_below(&rng, 97) == 0) x[i] *= 50;
    }
    for (size_t at = 0; at + 32 <= n; at += 32) switch (ltd_rng_below(&rng, 40)) {
        case 0: memset(x + at, 0, 32 * sizeof *x); break;
        case 1:
            for (int i = 0; i < 32; i++) x[at + (size_t)i] = 1e-42f;
            break;
        default: break;
        }
    if (ltd_rng_below(&rng, 4) == 0)
        for (int32_t i = 0; i < in; i++) x[i] = ltd_rng_below(&rng, 2) ? 1 : -1;
}

static void layer_make(layer *l, const weight_form *form, int32_t out, int32_t in, int32_t m,
                       int32_t bits)
{
    weight_matrix_make(&l->file, form, out, in, &rng);
    weight_matrix_pack(&l->w, &l->file);
    size_t n = (size_t)m * (size_t)in, width = (size_t)m * (size_t)l->w.width;
    *l = (layer){l->file, l->w, m, bits, room(n), room(width), room(width)};
    fill(l->x, n, in);
}

static void layer_free(layer *l)
{
    free(l->x);
    free(l->y);
    free(l->got);
    ltd_pack_fini(&l->w);
    weight_matrix_free(&l->file);
}

/* Wider rows of the largest integers, that the layer's must not be mixed with. */
static void spoil(const ltd_kernels *k, ltd_acts *a, int32_t m, int32_t width)
{
    float *x = room((size_t)width);
    for (int32_t i = 0; i < width; i++) x[i] = 1;
    a->n = width;
    for (int32_t i = 0; i < m; i++) k->quantize(x, i, 0, width, a);
    free(x);
}

/* Rows [row, row + m) of the layer, quantised by k, in one call; tiles in one or several. */
static void run(const layer *l, const ltd_kernels *k, int32_t row, int32_t m, int32_t step,
                float *y)
{
    ltd_acts a;
    ltd_err err = LTD_ERR_INIT;
    int32_t wide = (l->w.in + 31) / 32 * 32 + 64;
    if (ltd_acts_init(&a, m, wide, l->bits, &err) < 0) fail_msg("%s", err.msg);
    spoil(k, &a, m, wide);
    a.x = l->x + (size_t)row * (size_t)l->w.in;
    a.n = l->w.in;
    if (ltd_pack_is_quantized(l->w.kind))
        for (int32_t i = 0; i < m; i++)
            k->quantize(a.x + (size_t)i * (size_t)l->w.in, i, 0, a.n, &a);
    for (int32_t t = 0; t < l->w.tiles; t += step) {
        int32_t end = t + step < l->w.tiles ? t + step : l->w.tiles;
        k->linear(&l->w, &a, m, t, end, y + LTD_TILE * t, (size_t)l->w.width);
    }
    ltd_acts_fini(&a);
}

static void run_plain(const layer *l)
{
    for (int32_t i = 0; i < l->m; i++)
        run(l, ltd_kernels_get(LTD_ISA_PLAIN), i, 1, l->w.tiles,
            l->y + (size_t)i * (size_t)l->w.width);
}

static void check(const layer *l, const ltd_kernels *k, int32_t step)
{
    size_t n = (size_t)l->m * (size_t)l->w.width;
    memset(l->got, 0xff, n * sizeof *l->got);
    run(l, k, 0, l->m, step, l->got);
    if (memcmp(l->got, l->y, n * sizeof *l->y) == 0) return;
    size_t i = 0;
    while (memcmp(&l->got[i], &l->y[i], sizeof *l->y) == 0) i++;
    fail_msg("%s, %s, %d bits, %d rows of %d x %d: row %zu, output %zu is %.9g, plain C's is %.9g",
             k->name, l->file.form->name, l->bits, l->m, l->w.out, l->w.in, i / (size_t)l->w.width,
             i % (size_t)l->w.width, (double)l->got[i], (double)l->y[i]);
}

/* The instruction sets of this machine but plain C; and AMX with tiles whatever they cost, since
 * its own table takes the product that is faster at the time. */
static const ltd_kernels *fast_ones[LTD_ISA_COUNT];
static int n_fast;

static void find_fast_ones(void)
{
    for (int i = 1; i < LTD_ISA_COUNT; i++) {
        const ltd_kernels *k = ltd_kernels_get((ltd_isa)i);
        if (k)
            fast_ones[n_fast++] = k;
        else
            print_message("# no %s here: skipped\n", ltd_isa_name((ltd_isa)i));
    }
#if defined(__x86_64__)
    if (ltd_kernels_get(LTD_ISA_AMX)) fast_ones[n_fast++] = ltd_kernels_amx_tiles();
#endif
}

static void random_shapes_agree_bit_for_bit(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        const weight_form *form = &weight_forms[between(0, WEIGHT_FORMS - 1)];
        int32_t unit = (int32_t)ltd_dtype_block(form->dtype);
        if (unit == 1) unit = ltd_pack_is_quantized(form->kind) ? 32 : 1;
        int32_t most = between(0, 9) ? 16 : MAX_ROWS; /* most blocks are small, some are not */
        int32_t out = between(1, between(0, 3) ? 24 : MAX_OUT);
        int32_t in = unit * between(1, (between(0, 3) ? MAX_IN / 4 : MAX_IN) / unit + 1);
        layer l;
        layer_make(&l, form, out, in, between(1, most), between(0, 2) ? 8 : 16);
        run_plain(&l);
        check(&l, ltd_kernels_get(LTD_ISA_PLAIN), between(1, l.w.tiles));
        for (int i = 0; i < n_fast; i++) check(&l, fast_ones[i], between(1, l.w.tiles));
        layer_free(&l);
    }
}

/* Every number of rows there is, at widths of models: chunks, blocks and their remainders. */
static void every_number_of_rows_agrees(void **state)
{
    (void)state;
    for (int f = 0; f < WEIGHT_FORMS; f++)
        for (int32_t bits = 8; bits <= 16; bits += 8) {
            layer l;
            layer_make(&l, &weight_forms[f], 43, 512, MAX_ROWS, bits);
            run_plain(&l);
            for (l.m = 1; l.m <= MAX_ROWS; l.m++)
                for (int i = 0; i < n_fast; i++) check(&l, fast_ones[i], l.w.tiles);
            layer_free(&l);
        }
}

static void plain_c_is_right_to_double_precision(void **state)
{
    (void)state;
    float wide[512];
    for (int f = 0; f < WEIGHT_FORMS; f++)
        for (int32_t bits = 8; bits <= 16; bits += 8) {
            layer l;
            layer_make(&l, &weight_forms[f], 19, 512, 5, bits);
            run_plain(&l);
            bool ints = ltd_pack_is_quantized(l.w.kind);
            double step = bits == 8 ? 0.5 / 127 : 0.5 / 32639; /* of the group's largest */
            for (int32_t i = 0; i < l.m; i++)
                for (int32_t o = 0; o < l.w.out; o++) {
                    double sum = 0, allowed = 1e-30;
                    ltd_pack_get_row(&l.w, o, wide);
                    for (int g = 0; g < 512; g += 32) {
                        const float *x = l.x + (size_t)i * 512 + g;
                        double most = 0;
                        for (int k = 0; k < 32; k++) most = fmax(most, fabs((double)x[k]));
                        for (int k = 0; k < 32; k++) {
                            double w = (double)wide[g + k];
                            sum += w * (double)x[k];
                            /* Products and offsets cancel: both count for the rounding. */
                            allowed += (fabs(w) + 0.3) * fabs((double)x[k]) * 1e-5;
                            if (ints) allowed += fabs(w) * most * step * 1.01;
                        }
                    }
                    double got = (double)l.y[(size_t)i * (size_t)l.w.width + (size_t)o];
                    if (!(fabs(got - sum) <= allowed))
                        fail_msg("%s, %d bits: %.9g, expected %.9g within %g", weight_forms[f].name,
                                 bits, got, sum, allowed);
                }
            layer_free(&l);
        }
}

/* More columns than kernels keep activations of at a time: whole panels, and a group more. */
static void wide_layers_agree(void **state)
{
    (void)state;
    static const int32_t widths[] = {2048, 2048 + 32, 4096, 4096 + 256};
    static const int32_t rows[] = {1, 3, 12, 27, MAX_ROWS};
    for (int f = 0; f < WEIGHT_FORMS; f++) {
        const weight_form *form = &weight_forms[f];
        int32_t w = widths[f % 4];
        if (w % (int32_t)ltd_dtype_block(form->dtype)) w = 4096 + 256;
        for (int32_t bits = 8; bits <= 16; bits += 8) {
            layer l;
            layer_make(&l, form, 40, w, MAX_ROWS, bits);
            run_plain(&l);
            for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
                l.m = rows[r];
                for (int i = 0; i < n_fast; i++) check(&l, fast_ones[i], 2);
            }
            l.m = MAX_ROWS;
            layer_free(&l);
        }
    }
}

int main(void)
{
    ltd_rng_seed(&rng, 7, LTD_STREAM_TEST);
    find_fast_ones();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_c_is_right_to_double_precision),
        cmocka_unit_test(every_number_of_rows_agrees),
        cmocka_unit_test(wide_layers_agree),
        cmocka_unit_test(random_shapes_agree_bit_for_bit),
    };
    return cmocka_run_group_tests_name("linear", tests, NULL, NULL);
}
