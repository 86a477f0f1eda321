/* Has the machine changed since it was calibrated: made-up tables. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "env/cost_file.h"
#include "trainer/calibrate/drift.h"

static ltd_cost used, now;

/* 1, 2, 4 and 8 rows at two contexts: 10, 11, 14 and 20 ms, half more at the second. */
static void make(ltd_cost *c, double speed, int32_t n_contexts)
{
    static const int32_t rows[] = {1, 2, 4, 8};
    static const float ms[] = {10, 11, 14, 20};
    *c = (ltd_cost){.t_ar_ms = 10};
    for (int k = 0; k < n_contexts; k++)
        for (int i = 0; i < 4; i++) {
            float t = (float)speed * ms[i] * (k ? 1.5f : 1);
            c->verify[c->n_verify++] = (ltd_cost_point){rows[i], k ? 512 : 128, t, t};
        }
    assert_int_equal(ltd_cost_finish(c, NULL), 0);
}

#define near(a, b) assert_true(fabs((a) - (b)) < 1e-6)

static void a_slower_machine_of_the_same_shape(void **state)
{
    (void)state;
    make(&used, 1, 2);
    make(&now, 1.12, 1);
    ltd_drift d = ltd_drift_compare(&now, &used);
    near(d.speed, 1.12);
    near(d.shape, 0);
    assert_false(ltd_drift_large(&d));
    make(&now, 1.16, 1);
    d = ltd_drift_compare(&now, &used);
    assert_true(ltd_drift_large(&d));
    make(&now, 0.86, 1); /* and a faster one */
    d = ltd_drift_compare(&now, &used);
    assert_true(ltd_drift_large(&d));
}

static void another_shape_is_found_where_it_is_furthest_off(void **state)
{
    (void)state;
    make(&used, 1, 2);
    make(&now, 1, 1);
    now.verify[1].ms *= 1.05f;
    now.verify[2].ms *= 0.91f;
    ltd_drift d = ltd_drift_compare(&now, &used);
    near(d.speed, 1);
    near(d.shape, -0.09);
    assert_int_equal(d.rows, 4);
    assert_false(ltd_drift_large(&d));
    now.verify[3].ms *= 1.11f;
    d = ltd_drift_compare(&now, &used);
    near(d.shape, 0.11);
    assert_int_equal(d.rows, 8);
    assert_true(ltd_drift_large(&d));
}

/* Rows that the table lacks lie between those that it has. */
static void the_table_is_interpolated(void **state)
{
    (void)state;
    make(&used, 1, 2);
    make(&now, 1, 1);
    now.verify[2].rows = 3;
    now.verify[2].ms = 12.5f;
    ltd_drift d = ltd_drift_compare(&now, &used);
    near(d.shape, 0);
}

static void nothing_known_is_no_drift(void **state)
{
    (void)state;
    ltd_drift d = {0, 0, 0};
    assert_false(ltd_drift_large(&d));
    make(&used, 1, 1);
    make(&now, 1, 1);
    now.n_verify = 1;
    d = ltd_drift_compare(&now, &used);
    near(d.speed, 1);
    assert_int_equal(d.rows, 0);
}

static void it_is_told_in_words(void **state)
{
    (void)state;
    char text[128];
    assert_string_equal(ltd_drift_text(&(ltd_drift){1.124, 0.04, 5}, text, sizeof text),
                        "this machine runs at 1.12x of the times its calibration says; 5 rows "
                        "+4.0 % beside one");
    assert_string_equal(ltd_drift_text(&(ltd_drift){0.9, 0, 0}, text, sizeof text),
                        "this machine runs at 0.90x of the times its calibration says");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slower_machine_of_the_same_shape),
        cmocka_unit_test(another_shape_is_found_where_it_is_furthest_off),
        cmocka_unit_test(the_table_is_interpolated),
        cmocka_unit_test(nothing_known_is_no_drift),
        cmocka_unit_test(it_is_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
