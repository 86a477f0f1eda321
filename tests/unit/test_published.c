/* The published figures: every mean is that of its tasks, but for the known misprints; what is no
 * such file is refused by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "trainer/suites/published.h"

static const char *const tasks[] = {"mt_bench", "gsm8k", "alpaca", "qa"};
static const char *const models[] = {"llama-3.1-8b", "vicuna-13b", "deepseek-r1-distill-llama-8b",
                                     "qwen3-14b", "qwen3-32b"};
static ltd_published figures;
static ltd_err err;

static int setup(void **state)
{
    (void)state;
    const char *root = getenv("LTD_SOURCE_ROOT");
    char path[4096];
    snprintf(path, sizeof path, "%s/configs/published/ltd.csv", root ? root : ".");
    if (ltd_published_load(&figures, path, &err) == LTD_OK) return 0;
    print_message("# %s\n", err.msg);
    return -1;
}

static int teardown(void **state)
{
    (void)state;
    ltd_published_fini(&figures);
    return 0;
}

/* Printed with two digits: four tasks and their mean may each be off by half of the last. */
static bool is_mean(double sum, double mean)
{
    return fabs(sum / 4 - mean) <= 0.01 + 1e-9;
}

static void means_are_those_of_the_tasks(void **state)
{
    (void)state;
    int checked = 0, misprints = 0;
    for (int32_t i = 0; i < figures.n; i++) {
        const ltd_published_row *r = &figures.row[i];
        double speedup = 0, tau = 0;
        if (strcmp(r->task, "mean") != 0) continue;
        for (int t = 0; t < 4; t++) {
            ltd_published_cell c =
                ltd_published_find(&figures, r->table, r->model, r->method, tasks[t]);
            speedup += c.speedup;
            tau += c.tau;
        }
        if (isnan(speedup)) continue; /* a mean alone was printed */
        checked++;
        if (!is_mean(speedup, r->speedup))
            fail_msg("table %d, %s, %s: mean %g of %g", r->table, r->model, r->method, r->speedup,
                     speedup / 4);
        if (isnan(tau) || is_mean(tau, r->tau)) continue;
        misprints++;
        bool known = (r->table == 1 || r->table == 5) &&
                     strncmp(r->model, "deepseek", strlen("deepseek")) == 0;
        if (!known)
            fail_msg("table %d, %s, %s: mean tau %g of %g", r->table, r->model, r->method, r->tau,
                     tau / 4);
    }
    assert_int_equal(misprints, 6);
    assert_int_equal(checked, 25 + 25 + 3 + 3 + 4 + 3);
}

static void the_main_tables_are_whole(void **state)
{
    (void)state;
    for (int m = 0; m < 5; m++)
        for (int32_t table = 1; table <= 5; table += 4) {
            ltd_published_cell c = ltd_published_find(&figures, table, models[m], "ltd", "mean");
            assert_true(c.speedup > 1 && c.tau > 1);
        }
    ltd_published_cell c = ltd_published_find(&figures, 1, "vicuna-13b", "specdec++", "gsm8k");
    assert_true(c.speedup == 4.09 && c.tau == 6.16);
    c = ltd_published_find(&figures, 5, "llama-3.1-8b", "gridsearch", "qa");
    assert_true(c.speedup == 2.31 && c.tau == 3.40);
    c = ltd_published_find(&figures, 7, "llama-3.1-8b", "iteration-3", "qa");
    assert_true(c.speedup == 3.44 && isnan(c.tau));
    c = ltd_published_find(&figures, 1, "qwen3-14b", "ddd", "qa");
    assert_true(isnan(c.speedup) && isnan(c.tau));
}

static void a_model_is_found_by_its_beginning(void **state)
{
    (void)state;
    for (int m = 0; m < 5; m++)
        assert_string_equal(ltd_published_model(&figures, models[m]), models[m]);
    assert_string_equal(ltd_published_model(&figures, "deepseek"), models[2]);
    assert_string_equal(ltd_published_model(&figures, "v"), "vicuna-13b");
    assert_null(ltd_published_model(&figures, "qwen3"));
    assert_null(ltd_published_model(&figures, ""));
    assert_null(ltd_published_model(&figures, "llama-2"));
}

static void bad_files_are_refused_by_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"", "f: no figures"},
        {"table,model\n", "f:1: expected 'table,"},
        {"table,temperature,model,method,task,speedup,tau\n", "f: no figures"},
        {"table,temperature,model,method,task,speedup,tau\n1,0,m,ddd,qa,1\n",
         "f:2: expected 7 columns"},
        {"table,temperature,model,method,task,speedup,tau\n1,0,m,ddd,qa,1,2,3\n",
         "f:2: expected 7 columns"},
        {"table,temperature,model,method,task,speedup,tau\n\n1,0,m,ddd,qa,fast,2\n",
         "f:3: column 6 is 'fast'"},
        {"table,temperature,model,method,task,speedup,tau\n1,,m,ddd,qa,1,2\n",
         "f:2: column 2 is ''"},
        {"table,temperature,model,method,task,speedup,tau\n1,0,,ddd,qa,1,2\n",
         "f:2: column 3 is ''"},
        {"table,temperature,model,method,task,speedup,tau\n1,0,m,ddd,qa,1,2\n1,0,m,ddd,qa,1,3\n",
         "f:3: table 1 has m, ddd, qa already"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ltd_published p;
        assert_int_equal(ltd_published_parse(&p, "f", bad[i].text, strlen(bad[i].text), &err),
                         LTD_EFORMAT);
        if (strncmp(err.msg, bad[i].message, strlen(bad[i].message)) != 0)
            fail_msg("'%s', expected '%s'", err.msg, bad[i].message);
        assert_null(p.row);
    }
    ltd_published p;
    assert_int_equal(ltd_published_load(&p, "/nowhere/x.csv", &err), LTD_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_are_those_of_the_tasks),
        cmocka_unit_test(the_main_tables_are_whole),
        cmocka_unit_test(a_model_is_found_by_its_beginning),
        cmocka_unit_test(bad_files_are_refused_by_line),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
