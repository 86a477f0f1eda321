#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "trainer/metrics/columns.h"

static void text_takes_the_columns_that_a_terminal_gives_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int columns;
    } cases[] = {{"", 0},
                 {"runs/a", 6},
                 {"\u00e9t\u00e9", 3},
                 {"\u6f22\u5b57", 4}, /* wide */
                 {"e\u0301", 1},      /* a combining accent */
                 {"\U0001f680", 2},   /* a rocket */
                 {"\u2588\u258f", 2}, /* blocks */
                 {"a\033[31mb", 7},   /* an escape is shown, not obeyed */
                 {"a\nb", 3},         /* */
                 {"\xff\xfe", 2},     /* no UTF-8 */
                 {"\xe6\xbc", 2},     /* cut within a character */
                 {"\u202e"
                  "a\u200b\u2028",
                  4}}; /* right to left, no space, a line's end */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(ltd_columns(cases[i].text), cases[i].columns);
}

static void fits(const char *text, int room, const char *expected, int columns, bool whole)
{
    ltd_str out = LTD_STR_INIT;
    int used = 0;
    assert_int_equal(ltd_columns_put(&out, text, room, &used), whole);
    assert_string_equal(ltd_str_text(&out), expected);
    assert_int_equal(used, columns);
    ltd_str_fini(&out);
}

static void what_does_not_fit_is_cut_between_characters(void **state)
{
    (void)state;
    fits("runs/a", 6, "runs/a", 6, true);
    fits("runs/a", 4, "runs", 4, false);
    fits("\u6f22\u5b57", 4, "\u6f22\u5b57", 4, true);
    fits("\u6f22\u5b57", 3, "\u6f22", 2, false);
    fits("\u6f22\u5b57", 1, "", 0, false);
    fits("e\u0301x", 1, "e\u0301", 1, false);
    fits("x", 0, "", 0, false);
    fits("", 0, "", 0, true);
    fits("a\033[31m\xff", 20, "a?[31m?", 7, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_takes_the_columns_that_a_terminal_gives_it),
        cmocka_unit_test(what_does_not_fit_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
