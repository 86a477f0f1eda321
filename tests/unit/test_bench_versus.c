/* Row ltd against the others: figures of a bench that is small enough to work out, who counts as an
 * opponent, and how it is told. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/bench/bench.h"

enum { ROWS = 4, EACH = 3, MOST = 7 };

static ltd_bench bench;
static ltd_bench_cell cells[ROWS * EACH * MOST];

/* Seconds a token of each row; in every second task goodput takes half and ltd as long as ever.
 * Oracles take next to nothing. */
static void make(int32_t n_tasks)
{
    static const char *const name[ROWS] = {"ar", "goodput", "ltd", "oracle"};
    static const double pace[ROWS] = {8, 6, 4, 1};
    int32_t n = n_tasks * EACH;
    memset(cells, 0, sizeof cells);
    memset(&bench, 0, sizeof bench);
    bench.reps = 1;
    bench.replayed = true;
    bench.tuned.forwards = -1;
    bench.n_tasks = n_tasks;
    bench.all.prompts = n;
    bench.all.n_rows = ROWS;
    for (int32_t t = 0; t < n_tasks; t++) {
        snprintf(bench.tasks[t].task, sizeof bench.tasks[t].task, "task%d", t);
        bench.tasks[t].prompts = EACH;
    }
    for (int32_t r = 0; r < ROWS; r++) {
        snprintf(bench.all.rows[r].policy, sizeof bench.all.rows[r].policy, "%s", name[r]);
        for (int32_t p = 0; p < n; p++) {
            double s = r == 1 && p / EACH % 2 ? pace[r] / 2 : pace[r];
            cells[r * n + p].run = (ltd_run){.prompts = 1,
                                             .cycles = 1,
                                             .tokens = 10 * (1 + p / EACH),
                                             .ns = (uint64_t)(s * 1e9) * (1 + (uint64_t)p / EACH)};
        }
    }
    bench.cells = cells;
    assert_int_equal(ltd_versus_fold(&bench, 100, 1, NULL), 0);
    bench.cells = NULL;
}

#define near(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static void every_other_row_is_met_on_tasks_all_and_mean(void **state)
{
    (void)state;
    make(2);
    const ltd_versus *v = &bench.versus;
    assert_int_equal(v->n, 3);
    assert_string_equal(v->row[0].policy, "ar");
    near(v->row[0].all.value, 2);
    near(v->row[0].mean.value, 2);
    assert_string_equal(v->row[1].policy, "goodput");
    near(v->row[1].task[0].value, 1.5);
    near(v->row[1].task[1].value, 0.75);
    near(v->row[1].mean.value, 1.125);
    near(v->row[1].all.value, (6 + 2 * 3) / (4 + 2 * 4.0)); /* longer answers weigh more */
    assert_true(ltd_versus_loses(&v->row[1].task[1]) && !ltd_versus_loses(&v->row[1].task[0]));
}

static void an_oracle_is_no_opponent(void **state)
{
    (void)state;
    make(2);
    assert_string_equal(bench.versus.row[2].policy, "oracle");
    near(bench.versus.row[2].all.value, 0.25);
    assert_string_equal(ltd_versus_best(&bench.versus)->policy, "goodput");
}

static void without_row_ltd_there_is_nothing(void **state)
{
    (void)state;
    make(1);
    strcpy(bench.all.rows[2].policy, "switch");
    bench.cells = cells;
    assert_int_equal(ltd_versus_fold(&bench, 100, 1, NULL), 0);
    bench.cells = NULL;
    assert_int_equal(bench.versus.n, 0);
    assert_null(ltd_versus_best(&bench.versus));
    ltd_str s = LTD_STR_INIT;
    ltd_bench_table(&bench, false, &s);
    ltd_bench_verdict(&bench, &s);
    assert_null(strstr(ltd_str_text(&s), "ltd against"));
    assert_null(strstr(ltd_str_text(&s), "fastest other row"));
    ltd_str_fini(&s);
}

static void the_table_marks_what_is_lost(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    make(2);
    ltd_bench_table(&bench, false, &s);
    const char *block = strstr(ltd_str_text(&s), "ltd against");
    assert_non_null(block);
    assert_non_null(strstr(block, "  1.500     0.750*"));
    assert_non_null(strstr(block, "  1.125 [1.125, 1.125]"));
    assert_non_null(strstr(block, "* slower"));
    ltd_str_clear(&s);
    make(1);
    bench.all.rows[3].policy[0] = 'x';
    ltd_bench_table(&bench, false, &s);
    assert_null(strstr(ltd_str_text(&s), "mean of tasks"));
    ltd_str_fini(&s);
}

static void many_tasks_take_more_lines(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    make(MOST);
    ltd_bench_table(&bench, false, &s);
    char *text = ltd_str_take(&s), *block = strstr(text, "ltd against");
    assert_non_null(strstr(block, "task6"));
    int lines = 0, named = 0;
    for (char *line = strtok(block, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        assert_in_range(strlen(line), 1, 120);
        named += strncmp(line, "  goodput", 9) == 0;
    }
    assert_int_equal(named, 3); /* two of the block, one of the details */
    free(text);
}

static void the_verdict_names_the_fastest_other_row(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    make(2);
    ltd_bench_verdict(&bench, &s);
    assert_string_equal(ltd_str_text(&s),
                        "+0.0 % [+0.0, +0.0] over goodput, the fastest other row, "
                        "mean of the tasks +12.5 % [+12.5, +12.5]\n");
    ltd_str_clear(&s);
    bench.tuned = (ltd_setting){1, 2, true, 0};
    bench.all.rows[2].vs_tuned = 1.25;
    bench.all.rows[2].vs_tuned_ci = (ltd_interval){1.2, 1.3};
    ltd_bench_verdict(&bench, &s);
    assert_non_null(
        strstr(ltd_str_text(&s), "+25.0 % [+20.0, +30.0] over the best static setting"));
    assert_non_null(strstr(ltd_str_text(&s), "; +0.0 % [+0.0, +0.0] over goodput, the fastest"));
    ltd_str_clear(&s);
    strcpy(bench.versus.row[1].policy, "static-tuned"); /* told of once */
    ltd_bench_verdict(&bench, &s);
    assert_null(strstr(ltd_str_text(&s), "fastest"));
    assert_non_null(strstr(ltd_str_text(&s), "; mean of the tasks +12.5 %"));
    ltd_str_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_other_row_is_met_on_tasks_all_and_mean),
        cmocka_unit_test(an_oracle_is_no_opponent),
        cmocka_unit_test(without_row_ltd_there_is_nothing),
        cmocka_unit_test(the_table_marks_what_is_lost),
        cmocka_unit_test(many_tasks_take_more_lines),
        cmocka_unit_test(the_verdict_names_the_fastest_other_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
