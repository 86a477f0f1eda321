/* What the dashboard leaves on a screen, under a scripted clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/screen.h"
#include "trainer/metrics/columns.h"
#include "trainer/metrics/dashboard.h"

static const uint64_t SECOND = 1000000000u;

static struct {
    ltd_clock_script script;
    ltd_clock clock;
    FILE *out;
    char *bytes; /* all that was written */
    size_t size, seen;
    screen screen;
    ltd_dashboard d;
} t;

/* A terminal of that size; width 0: a file. */
static void begin(int width, int height)
{
    t.script.ns = 5 * SECOND;
    t.clock = ltd_clock_scripted(&t.script);
    t.out = open_memstream(&t.bytes, &t.size);
    assert_non_null(t.out);
    t.seen = 0;
    screen_init(&t.screen, width ? width : SCREEN_COLUMNS);
    ltd_dashboard_init(&t.d, t.out, &t.clock, "train", "runs/a");
    assert_false(t.d.line.redraw);
    t.d.utf8 = true;
    if (width == 0) return;
    t.d.line.redraw = true;
    t.d.line.every_ns = SECOND / 5;
    t.d.line.width = t.d.width = width;
    t.d.height = height;
}

static int end(void **state)
{
    (void)state;
    fclose(t.out);
    free(t.bytes);
    return 0;
}

/* What was written since goes to the screen; nothing may wrap. */
static void look(void)
{
    fflush(t.out);
    screen_write(&t.screen, t.bytes + t.seen);
    t.seen = t.size;
    assert_false(t.screen.wrapped);
}

static void figures(void)
{
    ltd_dashboard *d = &t.d;
    static const char *const names[] = {"cycles/s", "decisions/s", "tokens/s", "x plain",
                                        "accepted", "forwards",    "nodes",    "reward",
                                        "KL",       "entropy",     "explained"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ltd_dashboard_figure_set(d, names[i], "%.2f", (double)i + 0.25);
    static const char *const phases[] = {"draft", "decide", "verify", "commit", "other"};
    static const double share[] = {0.41, 0.004, 0.52, 0.02, 0.046};
    for (int i = 0; i < 5; i++) ltd_dashboard_share_set(d, phases[i], share[i]);
    for (int i = 0; i < 8; i++) ltd_dashboard_point(d, "reward", 0.25 * i);
}

static void shows(int row, const char *expected)
{
    assert_string_equal(screen_line(&t.screen, row), expected);
}

static void a_terminal_of_80_columns(void **state)
{
    (void)state;
    begin(80, 24);
    ltd_dashboard_begin(&t.d, 0, 20000);
    ltd_dashboard_what(&t.d, "both policies, live");
    figures();
    t.script.ns += 65 * SECOND;
    ltd_dashboard_update(&t.d, 10000);
    look();
    shows(0, "train: both policies, live  runs/a");
    shows(1, "█████████████████████░░░░░░░░░░░░░░░░░░░░░   50%  10000/20000  1m05s  ETA 1m05s");
    shows(2, "reward  ▁▂▃▄▅▆▇█  0.000 to 1.750");
    shows(3, "cycles/s      0.25  decisions/s   1.25  tokens/s      2.25  x plain       3.25");
    shows(4, "accepted      4.25  forwards      5.25  nodes         6.25  reward        7.25");
    shows(5, "KL            8.25  entropy       9.25  explained    10.25");
    shows(6, "draft    █████████░░░░░░░░░░░░░  41.0%  decide   ▏░░░░░░░░░░░░░░░░░░░░░   0.4%");
    shows(7, "verify   ███████████▌░░░░░░░░░░  52.0%  commit   ▌░░░░░░░░░░░░░░░░░░░░░   2.0%");
    shows(8, "other    █░░░░░░░░░░░░░░░░░░░░░   4.6%");
    shows(9, "");
    assert_int_equal(t.screen.row, 9); /* below it, at the left */
    assert_int_equal(t.screen.column, 0);
    assert_false(t.screen.colored);
}

static void it_is_drawn_again_in_its_place_and_not_too_often(void **state)
{
    (void)state;
    begin(80, 24);
    screen_write(&t.screen, "$ ltd train\n");
    ltd_dashboard_begin(&t.d, 0, 100);
    figures();
    ltd_dashboard_update(&t.d, 1); /* at once */
    size_t first = (fflush(t.out), t.size);
    assert_true(first > 0);
    t.script.ns += SECOND / 10;
    ltd_dashboard_update(&t.d, 50);
    assert_int_equal((fflush(t.out), t.size), first);
    t.script.ns += SECOND / 10;
    ltd_dashboard_update(&t.d, 60);
    look();
    shows(0, "$ ltd train");
    shows(1, "train  runs/a");
    assert_non_null(strstr(screen_line(&t.screen, 2), " 60%  60/100"));
    assert_int_equal(t.screen.row, 10);
    /* Fewer lines: what is below is gone. */
    ltd_dashboard_begin(&t.d, 0, 0);
    t.script.ns += SECOND;
    ltd_dashboard_update(&t.d, 7);
    look();
    shows(1, "train  runs/a");
    shows(2, "7  1.0s");
    shows(3, "");
    shows(9, "");
    assert_int_equal(t.screen.row, 3);
}

static void lines_above_it_stay(void **state)
{
    (void)state;
    begin(80, 24);
    ltd_dashboard_begin(&t.d, 0, 100);
    ltd_dashboard_above(&t.d, "before");
    ltd_dashboard_update(&t.d, 50);
    ltd_dashboard_above(&t.d, "one");
    ltd_dashboard_above(&t.d, "two");
    look();
    shows(0, "before");
    shows(1, "one");
    shows(2, "two");
    shows(3, "train  runs/a");
    assert_non_null(strstr(screen_line(&t.screen, 4), " 50%"));
    assert_int_equal(t.screen.row, 5);
    t.script.ns += 10 * SECOND;
    ltd_dashboard_finish(&t.d, 100);
    ltd_dashboard_above(&t.d, "three"); /* behind it: it is left alone */
    look();
    shows(3, "train  runs/a");
    assert_non_null(strstr(screen_line(&t.screen, 4), "100%  100/100  took 10s"));
    shows(5, "three");
    assert_int_equal(t.screen.row, 6);
}

/* Every width and height: no line as wide as the terminal, none below it. */
static void it_fits_any_terminal(void **state)
{
    (void)state;
    static const char *const wide =
        "runs/\u6f22\u5b57\u6f22\u5b57\u6f22\u5b57-e\u0301\033[31m\xff-with-a-name-that-goes-on";
    for (int width = 1; width <= 200; width++)
        for (int height = 1; height <= 24; height += height < 12 ? 1 : 12) {
            begin(width, height);
            t.d.title = wide;
            t.d.utf8 = width % 2;
            t.d.line.color = width % 3 == 0;
            ltd_dashboard_what(&t.d, "stage 2 of 4: depth, over records");
            for (int total = 0; total < 2; total++) {
                ltd_dashboard_begin(&t.d, 0, (uint64_t)total * 1000000);
                figures();
                t.script.ns += SECOND;
                ltd_dashboard_update(&t.d, 400000);
                look();
                for (int r = 0; r < SCREEN_ROWS; r++)
                    assert_true(screen_used(&t.screen, r) < width || width == 1);
                assert_true(t.screen.row < height);
                assert_int_equal(t.screen.row > 0, width >= 40 && height >= 6);
            }
            end(NULL);
        }
    begin(80, 24);
}

static void a_small_terminal_has_one_line(void **state)
{
    (void)state;
    begin(39, 24);
    ltd_dashboard_begin(&t.d, 0, 100);
    figures();
    t.script.ns += 10 * SECOND;
    ltd_dashboard_update(&t.d, 50);
    look();
    shows(0, "train  ##########..........   50%  50/");
    assert_int_equal(t.screen.row, 0);
    ltd_dashboard_above(&t.d, "note");
    ltd_dashboard_finish(&t.d, 100);
    look();
    shows(0, "note");
    shows(1, "train  ####################  100%  100");
    assert_int_equal(t.screen.row, 2);
}

static void resize(int width, int height)
{
    if (width < t.screen.width) screen_narrow(&t.screen, width);
    t.screen.width = width;
    t.d.line.width = t.d.width = width;
    t.d.height = height;
    t.script.ns += SECOND;
    ltd_dashboard_update(&t.d, 70);
    look();
}

static void it_follows_the_size_of_the_terminal(void **state)
{
    (void)state;
    begin(120, 40);
    screen_write(&t.screen, "$ ltd train\n");
    ltd_dashboard_begin(&t.d, 0, 100);
    figures();
    t.script.ns += SECOND;
    ltd_dashboard_update(&t.d, 50);
    look();
    assert_int_equal(t.screen.row, 8);
    /* The terminal wraps the lines that were there: they are erased all the same. */
    resize(50, 40);
    shows(0, "$ ltd train");
    shows(1, "train  runs/a");
    for (int r = 2; r < SCREEN_ROWS; r++) assert_null(strstr(screen_line(&t.screen, r), "runs/a"));
    assert_int_equal(t.screen.row, 1 + 1 + 1 + 1 + 6 + 5);
    resize(50, 8);
    assert_int_equal(t.screen.row, 1 + 7);
    shows(9, "");
    /* Too small: one line, and back. */
    resize(30, 8);
    shows(0, "$ ltd train");
    assert_int_equal(strncmp(screen_line(&t.screen, 1), "train  ####", 11), 0);
    shows(2, "");
    resize(100, 24);
    shows(0, "$ ltd train");
    shows(1, "train  runs/a");
    assert_int_equal(t.screen.row, 1 + 1 + 1 + 1 + 3 + 3);
}

static void a_file_gets_plain_lines(void **state)
{
    (void)state;
    begin(0, 0);
    ltd_dashboard_what(&t.d, "both policies, live");
    ltd_dashboard_begin(&t.d, 0, 1000);
    ltd_dashboard_figure_set(&t.d, "reward", "%.1f", 0.5);
    ltd_dashboard_share_set(&t.d, "draft", 0.5);
    ltd_dashboard_point(&t.d, "reward", 0.5);
    t.script.ns += SECOND;
    ltd_dashboard_update(&t.d, 100);
    ltd_dashboard_update(&t.d, 101);
    ltd_dashboard_above(&t.d, "note");
    t.script.ns += 5 * SECOND;
    ltd_dashboard_figure_set(&t.d, "reward", "%.1f", 0.7);
    ltd_dashboard_finish(&t.d, 1000);
    fflush(t.out);
    assert_string_equal(
        t.bytes, "train   10%  100/1000  100/s  ETA 9.0s  both policies, live  reward 0.5\n"
                 "note\n"
                 "train  100%  1000/1000  167/s  took 6.0s  both policies, live  reward 0.7\n");
}

static void quiet_draws_nothing_but_lets_lines_through(void **state)
{
    (void)state;
    begin(80, 24);
    t.d.line.quiet = true;
    ltd_dashboard_begin(&t.d, 0, 1000);
    figures();
    ltd_dashboard_update(&t.d, 100);
    ltd_dashboard_above(&t.d, "ltd: warning: hot");
    ltd_dashboard_finish(&t.d, 1000);
    ltd_dashboard_leave(&t.d);
    fflush(t.out);
    assert_string_equal(t.bytes, "ltd: warning: hot\n");
}

static void colours_and_ascii_are_the_terminals_choice(void **state)
{
    (void)state;
    begin(80, 24);
    t.d.line.color = true;
    t.d.utf8 = false;
    ltd_dashboard_begin(&t.d, 0, 100);
    figures();
    ltd_dashboard_update(&t.d, 50);
    look();
    assert_true(t.screen.colored);
    shows(0, "train  runs/a");
    shows(2, "reward  _.:-=+*#  0.000 to 1.750");
    for (const char *p = t.bytes; *p; p++) assert_true((unsigned char)*p < 0x80);
}

static void what_fails_leaves_a_line_of_its_own(void **state)
{
    (void)state;
    for (int width = 30; width <= 80; width += 50) {
        begin(width, 24);
        ltd_dashboard_begin(&t.d, 0, 100);
        ltd_dashboard_update(&t.d, 50);
        ltd_dashboard_leave(&t.d);
        look();
        assert_int_equal(t.screen.column, 0);
        assert_int_equal(screen_used(&t.screen, t.screen.row), 0);
        assert_true(screen_used(&t.screen, t.screen.row - 1) > 0);
        if (width == 30) end(NULL);
    }
}

static void more_figures_than_there_is_room_for(void **state)
{
    (void)state;
    static char names[LTD_DASHBOARD_FIGURES + 5][8];
    begin(80, 24);
    ltd_dashboard_begin(&t.d, 0, 100);
    for (int i = 0; i < LTD_DASHBOARD_FIGURES + 5; i++) {
        snprintf(names[i], sizeof names[i], "f%d", i);
        ltd_dashboard_figure_set(&t.d, names[i], "%s", "a text that is much too long for a cell");
        ltd_dashboard_share_set(&t.d, names[i], 0.1);
    }
    assert_int_equal(t.d.n_figures, LTD_DASHBOARD_FIGURES);
    assert_int_equal(t.d.n_shares, LTD_DASHBOARD_SHARES);
    ltd_dashboard_update(&t.d, 50);
    look();
    ltd_dashboard_figure_set(&t.d, "f0", "%d", 7); /* again: in its place */
    assert_int_equal(t.d.n_figures, LTD_DASHBOARD_FIGURES);
    assert_string_equal(t.d.figure[0].text, "7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_terminal_of_80_columns, end),
        cmocka_unit_test_teardown(it_is_drawn_again_in_its_place_and_not_too_often, end),
        cmocka_unit_test_teardown(lines_above_it_stay, end),
        cmocka_unit_test_teardown(it_fits_any_terminal, end),
        cmocka_unit_test_teardown(a_small_terminal_has_one_line, end),
        cmocka_unit_test_teardown(it_follows_the_size_of_the_terminal, end),
        cmocka_unit_test_teardown(a_file_gets_plain_lines, end),
        cmocka_unit_test_teardown(quiet_draws_nothing_but_lets_lines_through, end),
        cmocka_unit_test_teardown(colours_and_ascii_are_the_terminals_choice, end),
        cmocka_unit_test_teardown(what_fails_leaves_a_line_of_its_own, end),
        cmocka_unit_test_teardown(more_figures_than_there_is_room_for, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
