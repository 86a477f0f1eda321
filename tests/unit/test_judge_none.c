/* A judge over HTTP, in a program that was built without libcurl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "trainer/wiki/judge/judge_http.h"

static void it_is_refused_with_the_way_out(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_str none = LTD_STR_INIT;
    ltd_wiki_http *http = (ltd_wiki_http *)&none;
    const ltd_wiki_http_options o = {.url = "http://127.0.0.1:8080/v1"};
    assert_int_equal(ltd_wiki_http_open(&http, &o, &err), LTD_EUNSUPPORTED);
    assert_null(http);
    assert_non_null(strstr(err.msg, "built without libcurl"));
    assert_non_null(strstr(err.msg, "libcurl4-openssl-dev"));
    assert_non_null(strstr(err.msg, "export the requests"));
    assert_int_equal(ltd_wiki_http_post(http, &none, &none, &err), LTD_EUNSUPPORTED);
    ltd_wiki_http_close(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_is_refused_with_the_way_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
