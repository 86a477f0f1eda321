#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "models/kernels/pool.h"
#include "tests/support/weights.h"

enum { OUT = 19, IN = 512 };

static ltd_rng rng;

static bool rounded(const weight_form *f)
{
    ltd_pack_kind own;
    return ltd_pack_kind_of(f->dtype, &own, NULL) < 0 || own != f->kind;
}

static const uint8_t *row_of(const weight_matrix *m, int32_t row)
{
    return m->data + (size_t)row * (m->view.bytes / OUT);
}

static void packed_rows_widen_to_the_files_own_values(void **state)
{
    (void)state;
    for (int f = 0; f < WEIGHT_FORMS; f++) {
        if (rounded(&weight_forms[f])) continue;
        weight_matrix m;
        ltd_packed w;
        float got[IN], want[IN];
        weight_matrix_make(&m, &weight_forms[f], OUT, IN, &rng);
        weight_matrix_pack(&w, &m);
        for (int32_t r = 0; r < OUT; r++) {
            ltd_pack_get_row(&w, r, got);
            assert_int_equal(ltd_dtype_to_f32(want, row_of(&m, r), m.view.dtype, IN, NULL), 0);
            for (int k = 0; k < IN; k++) /* by value: Q4_0's zeros may differ in sign */
                if (got[k] != want[k])
                    fail_msg("%s row %d, column %d: %.9g, expected %.9g", m.form->name, r, k,
                             (double)got[k], (double)want[k]);
        }
        ltd_pack_fini(&w);
        weight_matrix_free(&m);
    }
}

static void rows_past_the_end_of_the_last_tile_are_zero(void **state)
{
    (void)state;
    for (int f = 0; f < WEIGHT_FORMS; f++) {
        weight_matrix m;
        ltd_packed w;
        float got[IN];
        weight_matrix_make(&m, &weight_forms[f], OUT, IN, &rng);
        weight_matrix_pack(&w, &m);
        assert_int_equal(w.tiles, 2);
        assert_int_equal(w.width, 24);
        for (int32_t r = OUT; r < 32; r++) {
            ltd_pack_get_row(&w, r, got);
            for (int k = 0; k < IN; k++) assert_true(got[k] == 0);
        }
        ltd_pack_fini(&w);
        weight_matrix_free(&m);
    }
}

static void floats_round_to_q8_as_gguf_does(void **state)
{
    (void)state;
    weight_matrix m;
    ltd_packed w;
    float got[IN], want[IN];
    weight_matrix_make(&m, &weight_forms[11], OUT, IN, &rng);
    memset(m.data, 0, 32 * 4); /* a block of zeros */
    weight_matrix_pack(&w, &m);
    for (int32_t r = 0; r < OUT; r++) {
        ltd_pack_get_row(&w, r, got);
        memcpy(want, row_of(&m, r), sizeof want);
        for (int b = 0; b < IN; b += 32) {
            float top = 0;
            for (int k = b; k < b + 32; k++) top = fmaxf(top, fabsf(want[k]));
            float d = top / 127, half = ltd_f16_to_f32(ltd_f32_to_f16(d));
            for (int k = b; k < b + 32; k++) {
                float q = top > 0 ? roundf(want[k] * (1 / d)) : 0;
                assert_true(got[k] == half * q);
            }
        }
    }
    ltd_pack_fini(&w);
    weight_matrix_free(&m);
}

/* Half a step of (max - min) / 15, and what halves of d and m lose. */
static void floats_round_to_q4_within_half_a_step(void **state)
{
    (void)state;
    weight_matrix m;
    ltd_packed w;
    float got[IN], want[IN];
    weight_matrix_make(&m, &weight_forms[13], OUT, IN, &rng);
    for (int k = 0; k < 64; k++) { /* a block of zeros, one of equal weights */
        float equal = k < 32 ? 0 : -0.375f;
        memcpy(m.data + 4 * k, &equal, 4);
    }
    weight_matrix_pack(&w, &m);
    for (int32_t r = 0; r < OUT; r++) {
        ltd_pack_get_row(&w, r, got);
        memcpy(want, row_of(&m, r), sizeof want);
        for (int b = 0; b < IN; b += 32) {
            float min = want[b], max = want[b];
            for (int k = b; k < b + 32; k++) {
                min = fminf(min, want[k]);
                max = fmaxf(max, want[k]);
            }
            float half = (max - min) / 30, most = fmaxf(fabsf(min), fabsf(max));
            for (int k = b; k < b + 32; k++)
                assert_true(fabsf(got[k] - want[k]) <= half * 1.001f + most * 0x1p-10f);
        }
    }
    for (int k = 0; k < 64; k++) {
        ltd_pack_get_row(&w, 0, got);
        assert_true(got[k] == (k < 32 ? 0 : -0.375f));
    }
    ltd_pack_fini(&w);
    weight_matrix_free(&m);
}

static void what_is_no_number_cannot_become_an_integer(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        weight_matrix m;
        ltd_packed w;
        ltd_err err = LTD_ERR_INIT;
        weight_matrix_make(&m, &weight_forms[11], OUT, IN, &rng);
        memcpy(m.data + ((size_t)5 * IN + 40) * sizeof(float), &bad[i], sizeof(float));
        assert_int_equal(ltd_pack_init(&w, OUT, IN, i < 3 ? LTD_PACK_Q8 : LTD_PACK_Q4, NULL, &err),
                         0);
        assert_int_equal(ltd_pack_rows(&w, 0, &m.view, NULL, &err), LTD_EFORMAT);
        assert_non_null(strstr(err.msg, "row 5 "));
        ltd_pack_fini(&w);
        weight_matrix_free(&m);
    }
}

static void rows_may_be_reordered_and_stacked(void **state)
{
    (void)state;
    for (int f = 0; f < WEIGHT_FORMS; f++) {
        weight_matrix m;
        ltd_packed once, w;
        ltd_err err;
        float got[IN], want[IN];
        int32_t order[OUT];
        for (int32_t i = 0; i < OUT; i++) order[i] = i * 7 % OUT;
        weight_matrix_make(&m, &weight_forms[f], OUT, IN, &rng);
        weight_matrix_pack(&once, &m);
        assert_int_equal(ltd_pack_init(&w, 2 * OUT, IN, m.form->kind, NULL, &err), 0);
        assert_int_equal(ltd_pack_rows(&w, 0, &m.view, order, &err), 0);
        assert_int_equal(ltd_pack_rows(&w, OUT, &m.view, NULL, &err), 0);
        for (int32_t r = 0; r < OUT; r++) {
            ltd_pack_get_row(&once, order[r], want);
            ltd_pack_get_row(&w, r, got);
            assert_memory_equal(got, want, sizeof got);
            ltd_pack_get_row(&once, r, want);
            ltd_pack_get_row(&w, OUT + r, got);
            assert_memory_equal(got, want, sizeof got);
        }
        ltd_pack_fini(&once);
        ltd_pack_fini(&w);
        weight_matrix_free(&m);
    }
}

/* Packed over what was there: nothing of the old row stays. */
static void a_row_may_be_packed_again(void **state)
{
    (void)state;
    for (int f = 0; f < WEIGHT_FORMS; f++) {
        weight_matrix a, b;
        ltd_packed w, fresh;
        ltd_err err;
        weight_matrix_make(&a, &weight_forms[f], OUT, IN, &rng);
        weight_matrix_make(&b, &weight_forms[f], OUT, IN, &rng);
        weight_matrix_pack(&w, &a);
        weight_matrix_pack(&fresh, &b);
        assert_int_equal(ltd_pack_rows(&w, 0, &b.view, NULL, &err), 0);
        assert_int_equal(ltd_pack_bytes(&w), ltd_pack_bytes(&fresh));
        assert_memory_equal(w.data, fresh.data, ltd_pack_bytes(&w));
        ltd_pack_fini(&w);
        ltd_pack_fini(&fresh);
        weight_matrix_free(&a);
        weight_matrix_free(&b);
    }
}

/* From every lane to another one: the row arrives bit for bit, scales and all, and its neighbours
 * stay. */
static void a_row_may_be_copied_from_another_matrix(void **state)
{
    (void)state;
    for (int f = 0; f < WEIGHT_FORMS; f++) {
        weight_matrix a, b;
        ltd_packed from, to, want;
        float got[IN], row[IN];
        weight_matrix_make(&a, &weight_forms[f], OUT, IN, &rng);
        weight_matrix_make(&b, &weight_forms[f], OUT, IN, &rng);
        weight_matrix_pack(&from, &a);
        weight_matrix_pack(&to, &b);
        weight_matrix_pack(&want, &b);
        for (int32_t r = 0; r < OUT; r++) {
            int32_t at = (r * 5 + 3) % OUT;
            ltd_pack_copy_row(&to, at, &from, r);
            ltd_pack_get_row(&from, r, row);
            ltd_pack_get_row(&to, at, got);
            assert_memory_equal(got, row, sizeof got);
            ltd_pack_copy_row(&to, at, &want, at);
            assert_memory_equal(to.data, want.data, ltd_pack_bytes(&to));
        }
        for (int32_t r = 0; r < OUT; r++) ltd_pack_copy_row(&to, r, &from, r);
        assert_memory_equal(to.data, from.data, ltd_pack_bytes(&to));
        ltd_pack_fini(&from);
        ltd_pack_fini(&to);
        ltd_pack_fini(&want);
        weight_matrix_free(&a);
        weight_matrix_free(&b);
    }
}

static void the_first_rows_are_a_matrix(void **state)
{
    (void)state;
    weight_matrix m;
    ltd_packed w;
    weight_matrix_make(&m, &weight_forms[5], OUT, IN, &rng);
    weight_matrix_pack(&w, &m);
    static const int32_t want[][3] = {{1, 1, 8}, {8, 1, 8}, {16, 1, 16}, {17, 2, 24}, {19, 2, 24}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        ltd_packed first = ltd_pack_first(&w, want[i][0]);
        assert_int_equal(first.out, want[i][0]);
        assert_int_equal(first.tiles, want[i][1]);
        assert_int_equal(first.width, want[i][2]);
        assert_ptr_equal(first.data, w.data);
        ltd_pack_fini(&first); /* borrowed: nothing is freed */
    }
    ltd_pack_fini(&w);
    weight_matrix_free(&m);
}

static void what_does_not_fit_gives_an_error(void **state)
{
    (void)state;
    ltd_packed w = {0};
    ltd_err err;
    ltd_pack_kind kind;
    weight_matrix m;
    assert_int_equal(ltd_pack_init(&w, 8, 48, LTD_PACK_Q4, NULL, &err), LTD_EINVAL);
    assert_int_equal(ltd_pack_init(&w, 0, 64, LTD_PACK_F32, NULL, &err), LTD_EINVAL);
    assert_int_equal(ltd_pack_init(&w, 8, -32, LTD_PACK_Q8, NULL, &err), LTD_EINVAL);
    assert_null(w.data);
    assert_int_equal(ltd_pack_kind_of(LTD_DTYPE_Q2_K, &kind, &err), LTD_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, "Q2_K"));
    weight_matrix_make(&m, &weight_forms[3], OUT, IN, &rng);
    assert_int_equal(ltd_pack_init(&w, OUT, IN, LTD_PACK_Q4, NULL, &err), 0);
    assert_int_equal(ltd_pack_rows(&w, 1, &m.view, NULL, &err), LTD_EINVAL);
    assert_int_equal(ltd_pack_rows(&w, -1, &m.view, NULL, &err), LTD_EINVAL);
    ltd_tensor_view narrow = m.view;
    narrow.dims[1] = 256;
    assert_int_equal(ltd_pack_rows(&w, 0, &narrow, NULL, &err), LTD_EINVAL);
    ltd_pack_fini(&w);
    assert_int_equal(ltd_pack_init(&w, OUT, IN, LTD_PACK_Q8G16, NULL, &err), 0);
    assert_int_equal(ltd_pack_rows(&w, 0, &m.view, NULL, &err), LTD_EUNSUPPORTED);
    ltd_pack_fini(&w);
    assert_int_equal(ltd_pack_init(&w, OUT, IN, LTD_PACK_F32, NULL, &err), 0);
    ltd_tensor_view integers = m.view;
    integers.dtype = LTD_DTYPE_I32;
    assert_int_equal(ltd_pack_rows(&w, 0, &integers, NULL, &err), LTD_EUNSUPPORTED);
    ltd_pack_fini(&w);
    weight_matrix_free(&m);
}

/* --- by several threads --- */

static void a_pool_packs_the_same_bytes(void **state)
{
    (void)state;
    enum { ROWS = 333, WIDE = 256, FIRST = 7 };
    ltd_pool *pool;
    int32_t order[ROWS];
    assert_int_equal(ltd_pool_new(&pool, 3, NULL), 0);
    for (int32_t i = 0; i < ROWS; i++) order[i] = ROWS - 1 - i;
    for (int f = 0; f < WEIGHT_FORMS; f++) {
        weight_matrix m;
        ltd_packed one, all;
        weight_matrix_make(&m, &weight_forms[f], ROWS, WIDE, &rng);
        for (int turned = 0; turned < 2; turned++) {
            const int32_t *o = turned ? order : NULL;
            assert_int_equal(ltd_pack_init(&one, FIRST + ROWS, WIDE, m.form->kind, NULL, NULL), 0);
            assert_int_equal(ltd_pack_init(&all, FIRST + ROWS, WIDE, m.form->kind, NULL, NULL), 0);
            assert_int_equal(ltd_pack_rows(&one, FIRST, &m.view, o, NULL), 0);
            assert_int_equal(ltd_pack_rows_pooled(pool, &all, FIRST, &m.view, o, NULL), 0);
            assert_memory_equal(one.data, all.data, ltd_pack_bytes(&one));
            ltd_pack_fini(&one);
            ltd_pack_fini(&all);
        }
        weight_matrix_free(&m);
    }
    ltd_pool_free(pool);
}

static void a_pool_names_the_first_row_that_is_wrong(void **state)
{
    (void)state;
    enum { ROWS = 400, WIDE = 64 };
    ltd_pool *pool;
    weight_matrix m;
    ltd_packed w;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_pool_new(&pool, 3, NULL), 0);
    weight_matrix_make(&m, &weight_forms[11], ROWS, WIDE, &rng); /* F32 rounded to Q8 */
    const float nan = NAN;
    memcpy(m.data + (390 * WIDE + 3) * sizeof nan, &nan, sizeof nan);
    memcpy(m.data + (130 * WIDE + 3) * sizeof nan, &nan, sizeof nan);
    assert_int_equal(ltd_pack_init(&w, ROWS, WIDE, LTD_PACK_Q8, NULL, NULL), 0);
    assert_int_equal(ltd_pack_rows_pooled(pool, &w, 0, &m.view, NULL, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "row 130"));
    assert_int_equal(ltd_pack_rows_pooled(pool, &w, 1, &m.view, NULL, &err), LTD_EINVAL);
    assert_int_equal(ltd_pack_rows_pooled(pool, &w, -1, &m.view, NULL, &err), LTD_EINVAL);
    ltd_pack_fini(&w);
    weight_matrix_free(&m);
    ltd_pool_free(pool);
}

int main(void)
{
    ltd_rng_seed(&rng, 11, LTD_STREAM_TEST);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_rows_widen_to_the_files_own_values),
        cmocka_unit_test(rows_past_the_end_of_the_last_tile_are_zero),
        cmocka_unit_test(floats_round_to_q8_as_gguf_does),
        cmocka_unit_test(floats_round_to_q4_within_half_a_step),
        cmocka_unit_test(what_is_no_number_cannot_become_an_integer),
        cmocka_unit_test(rows_may_be_reordered_and_stacked),
        cmocka_unit_test(a_row_may_be_packed_again),
        cmocka_unit_test(a_row_may_be_copied_from_another_matrix),
        cmocka_unit_test(the_first_rows_are_a_matrix),
        cmocka_unit_test(what_does_not_fit_gives_an_error),
        cmocka_unit_test(a_pool_packs_the_same_bytes),
        cmocka_unit_test(a_pool_names_the_first_row_that_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
