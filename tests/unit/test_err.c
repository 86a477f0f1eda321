#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/status.h"

static void the_first_failure_is_kept_whole(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_fail(&err, LTD_EFORMAT, "%s: found %d, expected %d", "x.gguf", 2, 3),
                     LTD_EFORMAT);
    assert_string_equal(err.msg, "x.gguf: found 2, expected 3");
    assert_int_equal(err.code, LTD_EFORMAT);
    assert_true(strstr(err.file, "test_err.c") != NULL);
}

static void context_goes_in_front(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_fail(&err, LTD_EIO, "no such file");
    assert_int_equal(ltd_err_prefix(&err, LTD_EIO, "checkpoint %s", "run.h5"), LTD_EIO);
    assert_string_equal(err.msg, "checkpoint run.h5: no such file");
}

static void a_null_record_is_fine(void **state)
{
    (void)state;
    assert_int_equal(ltd_fail(NULL, LTD_EINVAL, "x"), LTD_EINVAL);
    assert_int_equal(ltd_err_prefix(NULL, LTD_EINVAL, "x"), LTD_EINVAL);
}

static void long_messages_are_cut_not_overrun(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    char big[2000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    ltd_fail(&err, LTD_EINVAL, "%s", big);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    ltd_err_prefix(&err, LTD_EINVAL, "where");
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    assert_memory_equal(err.msg, "where: xxx", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_failure_is_kept_whole),
        cmocka_unit_test(context_goes_in_front),
        cmocka_unit_test(a_null_record_is_fine),
        cmocka_unit_test(long_messages_are_cut_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
