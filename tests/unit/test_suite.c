/* Suites from made-up benches: definitions, the table beside the published one, JSON; the rows of
 * the suite `paper`. */
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

#include "base/json.h"
#include "tests/support/bench_sample.h"
#include "trainer/suites/suite_paper.h"

static ltd_bench cold, hot;
static ltd_published figures;
static ltd_suite suite;
static ltd_err err;

static const char csv[] = "table,temperature,model,method,task,speedup,tau\n"
                          "1,0,m,eagle3,chat,3.70,6.39\n"
                          "1,0,m,eagle3,mean,2.00,6.28\n"
                          "1,0,m,ltd,chat,3.96,\n"
                          "1,0,m,ltd,mean,2.50,6.56\n"
                          "5,1,m,ltd,mean,1.50,4.51\n"
                          "1,0,other,ltd,mean,9.99,9.99\n";

static void rename_row(ltd_bench *b, int32_t row, const char *name)
{
    ltd_bench_task *tasks[] = {&b->tasks[0], &b->tasks[1], &b->all, &b->ended};
    for (int t = 0; t < 4; t++)
        snprintf(tasks[t]->rows[row].policy, sizeof tasks[t]->rows[row].policy, "%s", name);
}

static int setup(void **state)
{
    (void)state;
    bench_sample(&cold, 150);
    bench_sample(&hot, 120);
    ltd_bench *benches[] = {&cold, &hot};
    for (int i = 0; i < 2; i++) {
        rename_row(benches[i], 1, "eagle3");
        rename_row(benches[i], 2, "ltd-paper");
        benches[i]->tuned.forwards = -1;
    }
    hot.sampling.temperature = 1;
    hot.sampling.top_p = 1;
    if (ltd_published_parse(&figures, "figures", csv, strlen(csv), &err) < 0) return -1;
    suite = (ltd_suite){.kind = &ltd_suite_paper,
                        .n = 2,
                        .bench = {&cold, &hot},
                        .published = &figures,
                        .model = "m"};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ltd_published_fini(&figures);
    return 0;
}

/* --- definitions --- */

/* Two prompts of equal length, 1 s and 4 s under ar, 1 s and 1 s under x. */
static void both_definitions_are_told(void **state)
{
    (void)state;
    static ltd_bench_cell cells[2][2];
    static ltd_bench_task task = {.prompts = 2, .n_rows = 2};
    static const uint64_t seconds[2][2] = {{1, 4}, {1, 1}};
    for (int r = 0; r < 2; r++)
        for (int p = 0; p < 2; p++) {
            cells[r][p].run = (ltd_run){.prompts = 1, .tokens = 20, .cycles = 10};
            cells[r][p].run.ns = seconds[r][p] * UINT64_C(1000000000);
        }
    assert_int_equal(ltd_bench_fold(&task, cells[0], 2, 1, 0, -1, 0, 0, &err), LTD_OK);
    assert_true(fabs(task.rows[1].speedup - 2.5) < 1e-12);                 /* 5 s / 2 s */
    assert_true(fabs(task.rows[1].speedup_mean_of_prompts - 1.6) < 1e-12); /* 20 / 12.5 */
    assert_true(task.rows[0].speedup_mean_of_prompts == 1);
}

static void the_mean_is_that_of_the_tasks(void **state)
{
    (void)state;
    cold.tasks[0].rows[2].speedup_mean_of_prompts = 1.5;
    cold.tasks[1].rows[2].speedup_mean_of_prompts = 2.5;
    cold.tasks[0].rows[2].speedup = 1;
    cold.tasks[1].rows[2].speedup = 2;
    cold.tasks[0].rows[2].accept_len = 3;
    cold.tasks[1].rows[2].accept_len = 4;
    ltd_suite_mean m = ltd_suite_mean_of(&cold, 2);
    assert_true(m.speedup_mean_of_prompts == 2 && m.speedup == 1.5 && m.tau == 3.5);
}

static void published_figures_are_found_by_temperature_and_row(void **state)
{
    (void)state;
    ltd_published_cell c = ltd_suite_published(&suite, 0, "ltd-paper", "mean");
    assert_true(c.speedup == 2.5 && c.tau == 6.56);
    assert_true(ltd_suite_published(&suite, 1, "ltd-paper", "mean").speedup == 1.5);
    assert_true(isnan(ltd_suite_published(&suite, 0.5, "ltd-paper", "mean").speedup));
    assert_true(isnan(ltd_suite_published(&suite, 0, "ltd", "mean").speedup)); /* ours */
    assert_true(isnan(ltd_suite_published(&suite, 0, "ar", "mean").speedup));
    suite.published = NULL;
    assert_true(isnan(ltd_suite_published(&suite, 0, "ltd-paper", "mean").speedup));
}

/* --- shown --- */

static void the_table_has_measured_beside_published(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    for (int t = 0; t < 2; t++) {
        cold.tasks[t].rows[1].speedup_mean_of_prompts = 1.25;
        cold.tasks[t].rows[2].speedup_mean_of_prompts = 1.5;
    }
    ltd_suite_table(&suite, false, &s);
    const char *text = ltd_str_text(&s);
    assert_non_null(strstr(text, "temperature 0: 12 prompts"));
    assert_non_null(strstr(text, "temperature 1: 12 prompts"));
    assert_non_null(strstr(text, "  ltd-paper       1.50/2.00    1.50/2.00    1.50/2.00       1.200"
                                 "  2.50/6.56       1.250\n"));
    assert_non_null(strstr(text, "  published: m\n  speedup/tau     chat "));
    assert_non_null(strstr(text, "published: m, A100, arXiv 2603.01639, table 1\n"
                                 "  speedup/tau     chat         mean       \n"
                                 "  eagle3          3.70/6.39    2.00/6.28  \n"
                                 "  ltd-paper       3.96         2.50/6.56  \n"));
    assert_non_null(strstr(text, "arXiv 2603.01639, table 5"));
    assert_non_null(strstr(text, "mean over prompts of tok/s over the same mean of ar"));
    assert_non_null(strstr(text, "12/12"));
    char *line = ltd_str_take(&s);
    for (char *at = strtok(line, "\n"); at; at = strtok(NULL, "\n"))
        assert_in_range(strlen(at), 0, 120);
    free(line);
    suite.published = NULL;
    ltd_suite_table(&suite, false, &s);
    assert_null(strstr(ltd_str_text(&s), "published"));
    ltd_str_fini(&s);
}

static void json_has_the_tasks_of_all_temperatures(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    ltd_json_doc *doc;
    ltd_json tasks, temperatures, published, rows;
    const char *text;
    double t;
    ltd_suite_json(&suite, &s);
    if (ltd_json_parse(&doc, "suite", ltd_str_text(&s), s.len, &err) < 0) fail_msg("%s", err.msg);
    ltd_json root = ltd_json_root(doc);
    int64_t version;
    assert_int_equal(ltd_json_get_int(root, "version", 1, 1, &version, &err), LTD_OK);
    assert_int_equal(ltd_json_get_string(root, "suite", &text, &err), LTD_OK);
    assert_string_equal(text, "paper");
    assert_int_equal(ltd_json_get_array(root, "tasks", &tasks, &err), LTD_OK);
    assert_int_equal(ltd_json_count(tasks), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ltd_json_get_f64(ltd_json_at(tasks, i), "temperature", &t, &err), LTD_OK);
        assert_true(t == (i < 2 ? 0 : 1));
    }
    assert_int_equal(ltd_json_get_array(root, "temperatures", &temperatures, &err), LTD_OK);
    assert_int_equal(ltd_json_count(temperatures), 2);
    static const char *const keys[] = {"mean", "all", "ended", "versus", "verdict"};
    for (int k = 0; k < 5; k++) assert_true(ltd_json_has(ltd_json_at(temperatures, 1), keys[k]));
    assert_int_equal(ltd_json_get_object(root, "published", &published, &err), LTD_OK);
    assert_int_equal(ltd_json_get_array(published, "rows", &rows, &err), LTD_OK);
    assert_int_equal(ltd_json_count(rows),
                     5); /* eagle3 2, ltd 2, ltd at 1: not the other model's */
    ltd_json_free(doc);
    ltd_str_clear(&s);
    suite.published = NULL;
    ltd_suite_json(&suite, &s);
    assert_non_null(strstr(ltd_str_text(&s), "\"published\": null"));
    ltd_str_fini(&s);
}

static void a_text_that_differs_fails_the_suite(void **state)
{
    (void)state;
    assert_true(ltd_suite_identical(&suite));
    hot.all.rows[1].identical--;
    assert_false(ltd_suite_identical(&suite));
    hot.all.rows[1].identical = hot.all.rows[1].of = 0; /* not compared */
    assert_true(ltd_suite_identical(&suite));
}

/* --- rows of the paper --- */

static ltd_str heard;

static void hear(void *ctx, int level, const char *line)
{
    (void)ctx;
    (void)level;
    ltd_str_printf(&heard, "%s\n", line);
}

static const ltd_logger logger = {hear, NULL, LTD_LOG_INFO};
static ltd_paper_learnt learnt;
static ltd_strings wanted;
static ltd_preset row[LTD_PAPER_ROWS];
static int32_t n_rows;

/* All that rows need, or nothing of it. */
static void list(bool all)
{
    static ltd_policy policy;
    static const char *const nets[] = {"c2t", "disco", "specdec++"};
    static char net[3]; /* never played */
    learnt = (ltd_paper_learnt){.grid = {0, 0, false, 0}};
    for (int i = 0; all && i < 3; i++)
        learnt.nets.rule[learnt.nets.n++] =
            (ltd_rule_setting){.rule = ltd_rule_find(nets[i]), .net = (ltd_mlp *)(void *)&net[i]};
    if (all) learnt.grid = (ltd_setting){7, 120, false, 0};
    ltd_paper_parts parts = {&wanted, &learnt, all ? &policy : NULL, true, &logger};
    ltd_str_clear(&heard);
    ltd_paper_rows(&parts, row, &n_rows);
}

static const ltd_preset *find(const char *name)
{
    for (int32_t i = 0; i < n_rows; i++)
        if (strcmp(row[i].name, name) == 0) return &row[i];
    fail_msg("no row %s", name);
    return NULL;
}

static float param(const char *name, const char *which)
{
    const ltd_preset *p = find(name);
    for (int32_t i = 0; i < p->rule->n_params; i++)
        if (strcmp(p->rule->param[i].name, which) == 0) return p->param[i];
    fail_msg("%s has no parameter %s", name, which);
    return NAN;
}

static void rows_are_played_as_the_paper_has_them(void **state)
{
    (void)state;
    static const char *const names[] = {
        "ar",        "eagle3",     "ddd",       "svip",         "gammatune", "c2t", "disco",
        "specdec++", "gridsearch", "ltd-paper", "static-tuned", "goodput",   "ltd"};
    wanted.n = 0;
    list(true);
    assert_int_equal(n_rows, LTD_PAPER_ROWS);
    for (int i = 0; i < LTD_PAPER_ROWS; i++) {
        const ltd_preset *p = &row[i];
        bool ours = i == 0 || i >= 10;
        assert_string_equal(p->name, names[i]);
        assert_int_equal(p->plain_head, !ours);
        assert_int_equal(p->kind == LTD_PRESET_NAMED, ours);
        assert_false(p->lookup || p->setting.lookup);
        if (p->kind == LTD_PRESET_FIXED) assert_int_equal(p->setting.top_k, 10);
        if (p->kind != LTD_PRESET_RULE) continue;
        assert_int_equal(p->top_k, 10);
        assert_int_equal(p->max_forwards, strcmp(p->name, "c2t") == 0 ? 9 : 13);
        assert_int_equal(p->sizes[p->n_sizes - 1], 60);
        assert_int_equal(p->n_sizes, strcmp(p->name, "c2t") == 0 ? 61 : 1);
        assert_int_equal(p->net != NULL, p->rule->net.inputs > 0);
        assert_true(param(p->name, "g") == 0);
        assert_true(param(p->name, strcmp(p->name, "gammatune") ? "V" : "per") == 60);
    }
    assert_int_equal(find("eagle3")->setting.forwards, 9);
    assert_int_equal(find("eagle3")->setting.size, 60);
    assert_int_equal(find("gridsearch")->setting.size, 120);
    assert_int_equal(find("ltd-paper")->kind, LTD_PRESET_POLICY);
    assert_true(param("ddd", "theta") == -0.3f && param("ddd", "first") == 6);
    assert_true(param("ddd", "every") == 2 && param("ddd", "last") == 10);
    assert_true(param("svip", "h") == 0.3f);
    assert_true(param("gammatune", "eta") == 0.2f && param("gammatune", "start") == 9);
    assert_true(param("gammatune", "least") == 5 && param("gammatune", "most") == 13);
    assert_true(param("c2t", "least") == 9 && param("c2t", "depth") == 9);
    assert_true(param("c2t", "keep") == 0.5f);
    assert_true(param("disco", "th") == 0.5f);
    assert_true(param("specdec++", "h") == 0.7f && param("specdec++", "least") == 2);
    assert_int_equal(heard.len, 0);
}

static void rows_that_lack_something_are_left_out_and_say_how_to_get_it(void **state)
{
    (void)state;
    wanted.n = 0;
    list(false);
    assert_int_equal(n_rows, LTD_PAPER_ROWS - 5);
    static const char *const lines[] = {"row c2t is left out: its net is not trained",
                                        "row disco is left out",
                                        "row specdec++ is left out",
                                        "row gridsearch is left out",
                                        "row ltd-paper is left out",
                                        "`ltd record --env.top_k=10",
                                        "--paper-policy"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_non_null(strstr(ltd_str_text(&heard), lines[i]));
    ltd_paper_parts headless = {&wanted, &learnt, NULL, false, &logger};
    ltd_paper_rows(&headless, row, &n_rows);
    assert_int_equal(n_rows, 4);
    assert_non_null(strstr(ltd_str_text(&heard), "row eagle3 is left out: no draft head"));
    ltd_str_fini(&heard);
}

static void rows_may_be_chosen(void **state)
{
    (void)state;
    wanted = (ltd_strings){.n = 2, .v = {"svip", "eagle3"}};
    list(true);
    assert_int_equal(n_rows, 2);
    assert_string_equal(row[0].name, "eagle3"); /* in the paper's order */
    assert_int_equal(ltd_paper_check(&wanted, &err), LTD_OK);
    wanted = (ltd_strings){.n = 1, .v = {"switch"}};
    assert_int_equal(ltd_paper_check(&wanted, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "no row called 'switch', expected ar, eagle3, ddd"));
    wanted.n = 0;
}

static void the_grid_is_the_papers(void **state)
{
    (void)state;
    static ltd_candidate c[LTD_TUNE_MAX];
    assert_int_equal(ltd_paper_grid(1, c), 1 + 9 * 11);
    assert_true(c[0].setting.forwards == 0 && c[0].setting.size == 0);
    assert_true(c[1].setting.forwards == 5 && c[1].setting.size == 40);
    assert_true(c[99].setting.forwards == 13 && c[99].setting.size == 240);
    assert_int_equal(ltd_paper_grid(2, c), 1 + 5 * 6);
    assert_true(c[30].setting.forwards == 13 && c[30].setting.size == 240);
}

static void the_papers_configuration_keeps_what_is_its_own(void **state)
{
    (void)state;
    static ltd_setup s, p;
    static ltd_survival survival;
    ltd_config_init(&s.config);
    s.survival = &survival;
    snprintf(s.config.trace.dir, sizeof s.config.trace.dir, "records");
    ltd_paper_setup(&s, &p);
    const ltd_config *c = &p.config;
    assert_true(c->env.top_k == 10 && c->env.max_forwards == 13 && c->env.min_forwards == 2);
    assert_true(!c->env.lookup && c->head.vocabulary == LTD_VOCABULARY_STATIC);
    assert_true(c->env.sizes.n == 12 && c->env.sizes.v[11] == 240);
    assert_true(!p.survival && !p.cost && !c->trace.dir[0]);
    assert_int_equal(ltd_config_check(c, &err), LTD_OK);
    snprintf(p.config.trace.dir, sizeof p.config.trace.dir, "wide");
    ltd_paper_setup(&p, &s);
    assert_string_equal(s.config.trace.dir, "wide"); /* of these widths already */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_definitions_are_told),
        TEST(the_mean_is_that_of_the_tasks),
        TEST(published_figures_are_found_by_temperature_and_row),
        TEST(the_table_has_measured_beside_published),
        TEST(json_has_the_tasks_of_all_temperatures),
        TEST(a_text_that_differs_fails_the_suite),
        cmocka_unit_test(rows_are_played_as_the_paper_has_them),
        cmocka_unit_test(rows_that_lack_something_are_left_out_and_say_how_to_get_it),
        cmocka_unit_test(rows_may_be_chosen),
        cmocka_unit_test(the_grid_is_the_papers),
        cmocka_unit_test(the_papers_configuration_keeps_what_is_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
