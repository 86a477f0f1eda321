#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <cmocka.h>

#include "trainer/metrics/spark.h"

static void draws(ltd_spark *s, int columns, bool utf8, const char *expected)
{
    ltd_str out = LTD_STR_INIT;
    ltd_spark_draw(s, columns, utf8, &out);
    assert_string_equal(ltd_str_text(&out), expected);
    ltd_str_fini(&out);
}

static void a_curve_goes_from_its_lowest_to_its_highest(void **state)
{
    (void)state;
    ltd_spark s = LTD_SPARK_INIT;
    draws(&s, 10, true, "");
    for (int i = 0; i < 8; i++) ltd_spark_push(&s, -1 + 0.25 * i);
    draws(&s, 10, true, "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588");
    draws(&s, 10, false, "_.:-=+*#");
    assert_true(s.low == -1 && s.high == 0.75);
    draws(&s, 4, false, "_:+#"); /* means of two */
    assert_true(s.low == -0.875 && s.high == 0.625);
    draws(&s, 0, false, "");
}

static void equal_values_lie_in_the_middle_and_no_number_is_none(void **state)
{
    (void)state;
    ltd_spark s = LTD_SPARK_INIT;
    ltd_spark_push(&s, NAN);
    draws(&s, 3, false, "");
    ltd_spark_push(&s, 5);
    ltd_spark_push(&s, INFINITY);
    ltd_spark_push(&s, 5);
    draws(&s, 3, false, "==");
}

static void a_long_history_keeps_its_shape(void **state)
{
    (void)state;
    static ltd_spark s = LTD_SPARK_INIT;
    int64_t n = 100003;
    for (int64_t i = 0; i < n; i++) ltd_spark_push(&s, (double)i);
    assert_true(s.n <= LTD_SPARK_BINS);
    assert_int_equal(s.n * s.each + s.in_sum, n);
    /* Bins of equal numbers of values: a straight line stays one. */
    for (int i = 0; i < s.n; i++)
        assert_true(fabs(s.bin[i] - ((double)(i * s.each) + (double)(s.each - 1) / 2)) < 1e-6);
    draws(&s, 8, false, "_.:-=+*#");
}

static void bar(double share, int columns, bool utf8, const char *expected)
{
    ltd_str out = LTD_STR_INIT;
    ltd_spark_bar(share, columns, utf8, &out);
    assert_string_equal(ltd_str_text(&out), expected);
    ltd_str_fini(&out);
}

static void bars_fill_by_eighths(void **state)
{
    (void)state;
    bar(0, 3, true, "\u2591\u2591\u2591");
    bar(1, 3, true, "\u2588\u2588\u2588");
    bar(0.5, 3, true, "\u2588\u258c\u2591");
    bar(1.0 / 24, 3, true, "\u258f\u2591\u2591");
    bar(2, 2, true, "\u2588\u2588");
    bar(-1, 2, true, "\u2591\u2591");
    bar(NAN, 2, true, "\u2591\u2591");
    bar(0.5, 4, false, "##..");
    bar(0.3, 4, false, "#...");
    bar(0.5, 0, true, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_curve_goes_from_its_lowest_to_its_highest),
        cmocka_unit_test(equal_values_lie_in_the_middle_and_no_number_is_none),
        cmocka_unit_test(a_long_history_keeps_its_shape),
        cmocka_unit_test(bars_fill_by_eighths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
