#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "trainer/metrics/progress.h"

static const uint64_t SECOND = 1000000000u;
static ltd_clock_script script;
static ltd_clock clock_;

static FILE *begin(ltd_progress *p, uint64_t total)
{
    FILE *out = tmpfile();
    assert_non_null(out);
    script.ns = 5 * SECOND;
    clock_ = ltd_clock_scripted(&script);
    ltd_progress_init(p, out, &clock_, "train", total);
    return out;
}

static void wrote(FILE *out, const char *expected)
{
    char text[2000];
    rewind(out);
    size_t n = fread(text, 1, sizeof text - 1, out);
    text[n] = 0;
    fclose(out);
    assert_string_equal(text, expected);
}

static void a_file_gets_plain_lines_now_and_then(void **state)
{
    (void)state;
    ltd_progress p;
    FILE *out = begin(&p, 1000);
    assert_false(p.redraw);
    script.ns += SECOND;
    ltd_progress_update(&p, 100, "reward 0.5");
    for (int i = 0; i < 49; i++) {
        script.ns += SECOND / 10;
        ltd_progress_update(&p, 200, NULL);
    }
    ltd_progress_note(&p, "checkpoint saved");
    script.ns += SECOND;
    ltd_progress_update(&p, 600, NULL);
    script.ns += SECOND;
    ltd_progress_finish(&p, 1000, "reward 0.7");
    wrote(out, "train   10%  100/1000  100/s  ETA 9.0s  reward 0.5\n"
               "checkpoint saved\n"
               "train   60%  600/1000  87/s  ETA 4.6s\n"
               "train  100%  1000/1000  127/s  took 7.9s  reward 0.7\n");
}

static void a_terminal_line_is_redrawn_and_cut(void **state)
{
    (void)state;
    ltd_progress p;
    FILE *out = begin(&p, 100);
    p.redraw = true;
    p.width = 45;
    script.ns += 10 * SECOND;
    ltd_progress_update(&p, 50, "\xc3\xa9\xc3\xa9 and much more that doesn't fit");
    ltd_progress_note(&p, "note");
    ltd_progress_update(&p, 50, NULL); /* at once, since the note took the line */
    ltd_progress_finish(&p, 100, NULL);
    wrote(out, "\rtrain  ##########..........   50%  50/100  5\033[K"
               "\r\033[Knote\n"
               "\rtrain  ##########..........   50%  50/100  5\033[K"
               "\rtrain  ####################  100%  100/100  \033[K\n");
    out = begin(&p, 0);
    p.redraw = p.color = true;
    p.width = 14;
    ltd_progress_update(&p, 3, "\xc3\xa9");
    wrote(out, "\r\033[1mtrain\033[0m  3  0.0\033[K");
    out = begin(&p, 0);
    p.redraw = true;
    p.width = 19;
    ltd_progress_update(&p, 3, "\xc3\xa9\xc3\xa9");
    wrote(out, "\rtrain  3  0.00/s  \033[K");
}

static void quiet_draws_nothing_and_work_brought_along_does_not_count(void **state)
{
    (void)state;
    ltd_progress p;
    FILE *out = begin(&p, 10);
    p.quiet = true;
    ltd_progress_update(&p, 5, "x");
    ltd_progress_note(&p, "x");
    ltd_progress_finish(&p, 10, "x");
    wrote(out, "");
    out = begin(&p, 1000);
    p.start_done = 800;
    script.ns += 10 * SECOND;
    ltd_progress_update(&p, 900, NULL);
    wrote(out, "train   90%  900/1000  10/s  ETA 10s\n");
}

static void durations_read_well(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{0, "0.0s"},     {0.44, "0.4s"},        {9.94, "9.9s"}, {9.96, "10s"},
                 {59.4, "59s"},   {59.6, "1m00s"},       {125, "2m05s"}, {3599.6, "1h00m"},
                 {3725, "1h02m"}, {273600, "3d04h"},     {-1, "?"},      {NAN, "?"},
                 {INFINITY, "?"}, {99999999, "1157d09h"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[16];
        ltd_progress_duration(text, cases[i].seconds);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_gets_plain_lines_now_and_then),
        cmocka_unit_test(a_terminal_line_is_redrawn_and_cut),
        cmocka_unit_test(quiet_draws_nothing_and_work_brought_along_does_not_count),
        cmocka_unit_test(durations_read_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
