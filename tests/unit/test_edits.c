#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/edits.h"

static void edits_are_counted(void **state)
{
    (void)state;
    assert_int_equal(ltd_edits("", ""), 0);
    assert_int_equal(ltd_edits("train", "train"), 0);
    assert_int_equal(ltd_edits("trian", "train"), 1);
    assert_int_equal(ltd_edits("trains", "train"), 1);
    assert_int_equal(ltd_edits("tain", "train"), 1);
    assert_int_equal(ltd_edits("brain", "train"), 1);
    assert_int_equal(ltd_edits("rtani", "train"), 2);
    assert_int_equal(ltd_edits("ca", "abc"), 3);
    assert_int_equal(ltd_edits("", "train"), 5);
    assert_int_equal(ltd_edits("kitten", "sitting"), 3);
}

static void long_words_are_cut(void **state)
{
    (void)state;
    char a[200] = {0}, b[200] = {0};
    for (int i = 0; i < 199; i++) a[i] = b[i] = 'x';
    a[100] = 'y'; /* behind the cut */
    assert_int_equal(ltd_edits(a, b), 0);
    a[62] = 'y';
    assert_int_equal(ltd_edits(a, b), 1);
    assert_int_equal(ltd_edits(a, ""), 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_are_counted),
        cmocka_unit_test(long_words_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
