/* The comparison from made-up records: figures, table, verdict, JSON there and back. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "tests/support/bench_sample.h"
#include "trainer/bench/accept_depth.h"

static ltd_bench bench;

static void figures_are_sums_over_sums(void **state)
{
    (void)state;
    bench_sample(&bench, 150);
    const ltd_bench_row *ar = ltd_bench_find(&bench.tasks[0], "ar"),
                        *tuned = ltd_bench_find(&bench.tasks[0], "static-tuned"),
                        *ltd = ltd_bench_find(&bench.all, "ltd");
    assert_int_equal(ar->tokens, 40 + 50 + 60 + 70 + 80 + 90); /* one repetition */
    assert_true(fabs(ar->seconds - 3.9) < 1e-6);
    assert_true(fabs(ar->tok_s - 100) < 1e-3);
    assert_true(ar->speedup == 1 && ar->speedup_ci.lo == 1 && ar->speedup_ci.hi == 1);
    assert_true(fabs(ar->vs_tuned - ar->tok_s / tuned->tok_s) < 1e-9);
    assert_true(tuned->vs_tuned == 1);
    assert_true(fabs(ltd->speedup - 1.5) < 0.02 && fabs(ltd->vs_tuned - 1.2) < 0.02);
    assert_true(ltd->speedup_ci.lo <= ltd->speedup && ltd->speedup <= ltd->speedup_ci.hi);
    assert_true(fabs(ltd->accept_len - 2) < 1e-9 && fabs(ltd->forwards_mean - 2) < 1e-9);
    assert_true(fabs(ltd->size_mean - 4) < 1e-9);
    assert_true(fabs(ltd->phase[LTD_PHASE_VERIFY] - 0.75) < 1e-6);
    assert_true(fabs(ltd->prefill_target_ms - 20) < 1e-9);
    assert_int_equal(ltd->identical, 12);
    assert_int_equal(ltd->of, 12);
    assert_true(isnan(ltd->regret) && isnan(ltd->table_seconds));
}

static void prompts_without_cycles_change_nothing_but_the_count(void **state)
{
    (void)state;
    ltd_bench_cell cells[2] = {{.identical = true}, {.identical = true}};
    ltd_bench_task task = {.task = "t", .prompts = 2, .n_rows = 1};
    cells[0].run.prompts = cells[1].run.prompts = 1;
    cells[0].run.tokens = 10;
    cells[0].run.ns = 1000000000;
    assert_int_equal(ltd_bench_fold(&task, cells, 2, 1, 0, -1, 100, 0, NULL), 0);
    assert_true(task.rows[0].tok_s == 10 && task.rows[0].of == 2);
    assert_true(task.rows[0].speedup_ci.lo == 1 && task.rows[0].speedup_ci.hi == 1);
    assert_true(isnan(task.rows[0].vs_tuned));
}

static char *text_of(void (*write)(const ltd_bench *, ltd_str *))
{
    ltd_str s = LTD_STR_INIT;
    write(&bench, &s);
    return ltd_str_take(&s);
}

static void plain_table(const ltd_bench *b, ltd_str *out)
{
    ltd_bench_table(b, false, out);
}

static void ended_are_those_that_ar_ended(void **state)
{
    (void)state;
    bench_sample(&bench, 150); /* every third prompt: 40, 70, 100 and 130 tokens */
    const ltd_bench_row *ltd = ltd_bench_find(&bench.ended, "ltd");
    assert_int_equal(bench.ended.prompts, 4);
    assert_int_equal(ltd->tokens, 40 + 70 + 100 + 130);
    assert_int_equal(ltd->of, 4);
    ltd_bench_cell cells[2][3] = {{{.run = {.ended = 0}}, {.run = {.ended = 1, .tokens = 7}}},
                                  {{.run = {.ended = 1}}, {.run = {.tokens = 8}}}};
    ltd_bench_cell *kept;
    int32_t n;
    assert_int_equal(ltd_bench_only_ended(cells[0], 2, 3, 0, &kept, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_true(kept[0].run.tokens == 7 && kept[1].run.tokens == 8); /* whatever row 1 says */
    free(kept);
    char *text = text_of(plain_table);
    assert_non_null(strstr(text, "answers that ended by themselves: 4 prompts"));
    free(text);
    bench.ended.prompts = 0;
    text = text_of(plain_table);
    assert_non_null(strstr(text, "answers that ended by themselves: none of 12\n"));
    free(text);
}

/* Half of the cycles accept nothing, half two nodes; all verify two levels. */
static void acceptance_by_position_follows_from_the_histograms(void **state)
{
    (void)state;
    bench_sample(&bench, 150);
    const ltd_bench_row *r = ltd_bench_find(&bench.all, "ltd");
    assert_int_equal(ltd_accept_depths(r->accept_hist, r->depth_hist), 2);
    ltd_accept_depth one = ltd_accept_at(r->accept_hist, r->depth_hist, 1),
                     two = ltd_accept_at(r->accept_hist, r->depth_hist, 2);
    assert_true(one.verified == 1 && fabs(one.accepted - 0.5) < 0.01 && one.given == one.accepted);
    assert_true(two.verified == 1 && two.accepted == one.accepted && two.given == 1);
    uint32_t accept[LTD_RUN_ACCEPT] = {0, 6, 2, 2}, depth[LTD_RUN_ACCEPT] = {2, 0, 4, 3, 1};
    assert_int_equal(ltd_accept_depths(accept, depth), 4);
    two = ltd_accept_at(accept, depth, 2);
    assert_true(two.verified == 0.8 && two.accepted == 0.2 && two.given == 0.5);
    ltd_accept_depth four = ltd_accept_at(accept, depth, 4);
    assert_true(four.verified == 0.1 && four.accepted == 0 && isnan(four.given));
    char *text = text_of(plain_table);
    assert_non_null(strstr(text, "  accepted, if d-1 is    50."));
    free(text);
}

static void the_table_is_ascii_and_within_a_hundred_and_twenty_columns(void **state)
{
    (void)state;
    bench_sample(&bench, 150);
    char *text = text_of(plain_table);
    for (const char *p = text; *p; p++) assert_true(*p == '\n' || (*p >= ' ' && *p < 127));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        assert_in_range(strlen(line), 0, 120);
    free(text);
    text = text_of(plain_table);
    assert_non_null(strstr(text, "chat: 6 prompts, up to 64 tokens, 3 repetitions"));
    assert_non_null(strstr(text, "static-tuned"));
    assert_non_null(strstr(text, "12/12"));
    assert_non_null(strstr(text, "accept by class, %  heading    % citation    %   copied    %"
                                 "    other    %   1/4   2/4   3/4   4/4\n"));
    assert_non_null(strstr(text, "  static-tuned              -    0        -    0     3.00   50"
                                 "     1.50   50  2.00"));
    assert_non_null(strstr(text, "detail of ltd"));
    free(text);
    const ltd_accept_classes none = {0};
    for (int32_t r = 0; r < bench.all.n_rows; r++)
        bench.all.rows[r].accept_by = ltd_accept_by_of(&none);
    text = text_of(plain_table);
    assert_null(strstr(text, "accept by class"));
    free(text);
}

static void the_verdict_says_gain_or_setting(void **state)
{
    (void)state;
    bench_sample(&bench, 150);
    char *text = text_of(ltd_bench_verdict);
    assert_non_null(strstr(text, "over the best static setting of this machine"));
    assert_int_equal(text[0], '+');
    free(text);
    bench_sample(&bench, 125);
    text = text_of(ltd_bench_verdict);
    assert_non_null(strstr(text, "no gain here: use --forwards 1 --size 2"));
    free(text);
    bench.tuned = (ltd_setting){2, 4, false, 12};
    text = text_of(ltd_bench_verdict);
    assert_non_null(strstr(text, "use --forwards 2 --size 4 --env.top_k=12 --env.lookup=false ("));
    free(text);
    bench.tuned = (ltd_setting){0, 0, false, 0};
    text = text_of(ltd_bench_verdict);
    assert_non_null(strstr(text, "no gain here: use plain decoding"));
    free(text);
    bench.all.rows[2].identical--;
    text = text_of(ltd_bench_verdict);
    assert_non_null(strstr(text, "ERROR: 1 answers differ"));
    free(text);
}

static void json_has_every_field_of_the_contract(void **state)
{
    (void)state;
    static const char *const fields[] = {"policy",      "detail",
                                         "tokens",      "seconds",
                                         "tok_s",       "speedup",
                                         "speedup_ci",  "vs_tuned",
                                         "vs_tuned_ci", "phase",
                                         "accept_len",  "forwards_mean",
                                         "size_mean",   "identical",
                                         "of",          "accept_by_position",
                                         "accept_by",   "speedup_mean_of_prompts"};
    bench_sample(&bench, 150);
    char *text = text_of(ltd_bench_json);
    ltd_json_doc *doc;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_json_parse(&doc, "bench", text, strlen(text), &err) < 0) fail_msg("%s", err.msg);
    ltd_json root = ltd_json_root(doc), tasks, rows, phase;
    const char *command;
    assert_int_equal(ltd_json_get_string(root, "command", &command, &err), 0);
    assert_string_equal(command, bench.command);
    assert_int_equal(ltd_json_get_array(root, "tasks", &tasks, &err), 0);
    assert_int_equal(ltd_json_count(tasks), 2);
    assert_int_equal(ltd_json_get_array(ltd_json_at(tasks, 0), "rows", &rows, &err), 0);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        assert_true(ltd_json_has(ltd_json_at(rows, 2), fields[i]));
    assert_int_equal(ltd_json_get_object(ltd_json_at(rows, 2), "phase", &phase, &err), 0);
    static const char *const phases[] = {"draft", "decide", "verify", "commit", "other"};
    for (int p = 0; p < 5; p++) assert_true(ltd_json_has(phase, phases[p]));
    ltd_json_free(doc);
    free(text);
}

static void read_back(void)
{
    char *text = text_of(ltd_bench_json), path[] = "test_bench_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    ltd_bench *b;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_bench_load(&b, path, &err) < 0) fail_msg("%s", err.msg);
    b->seed = bench.seed;
    ltd_str again = LTD_STR_INIT;
    ltd_bench_json(b, &again);
    assert_string_equal(ltd_str_text(&again), text);
    ltd_str_fini(&again);
    ltd_bench_free(b);
    assert_int_equal(truncate(path, (off_t)strlen(text) / 2), 0);
    assert_int_equal(ltd_bench_load(&b, path, &err), LTD_EFORMAT);
    assert_null(b);
    unlink(path);
    free(text);
}

static void json_reads_back_equal(void **state)
{
    (void)state;
    const ltd_accept_classes nothing = {0};
    bench_sample(&bench, 150);
    read_back();
    bench.drift = (ltd_drift){1.12, -0.03, 5};
    bench.all.rows[2].stop = (ltd_stop_quality){1234, 0.75, 0.5, 0.625};
    bench.all.rows[1].stop = (ltd_stop_quality){9, 1, 0, NAN};
    bench.all.rows[1].accept_by = ltd_accept_by_of(&nothing);
    read_back();
    char *text = text_of(ltd_bench_json), *table = text_of(plain_table);
    assert_non_null(strstr(text, "\"stop\": null"));
    assert_non_null(strstr(text, "\"n\": 1234"));
    assert_non_null(strstr(text, "\"speed\": 1.12"));
    assert_non_null(strstr(table, "drift    this machine runs at 1.12x of the times"));
    assert_non_null(strstr(table, "1234                    75.0                    50.0   0.625"));
    free(text);
    free(table);
    bench.sampling = (ltd_sampling){.temperature = 0.8, .top_k = 20, .top_p = 0.9};
    bench.accept = LTD_ACCEPT_SAMPLED;
    bench.tuned = (ltd_setting){2, 4, true, 12};
    read_back();
}

static void texts_that_differ_by_rule_are_not_compared(void **state)
{
    (void)state;
    bench_sample(&bench, 150);
    bench.sampling.temperature = 0.8;
    for (int32_t r = 0; r < bench.all.n_rows; r++)
        bench.all.rows[r].identical = bench.all.rows[r].of = 0;
    char *text = text_of(ltd_bench_verdict);
    assert_null(strstr(text, "ERROR"));
    free(text);
    ltd_str table = LTD_STR_INIT;
    ltd_bench_table(&bench, false, &table);
    assert_non_null(strstr(ltd_str_text(&table), ", temperature 0.8\n"));
    assert_non_null(strstr(ltd_str_text(&table), "  n/a\n"));
    ltd_str_fini(&table);
}

static void a_table_that_does_as_well_is_named(void **state)
{
    (void)state;
    static const double speeds[] = {150, 149.5, 148};
    for (int i = 0; i < 3; i++) {
        ltd_str text = LTD_STR_INIT;
        bench_sample(&bench, 150);
        bench.all.rows[bench.all.n_rows] = bench.all.rows[bench.all.n_rows - 1];
        ltd_bench_row *table = &bench.all.rows[bench.all.n_rows++];
        snprintf(table->policy, sizeof table->policy, "ltd-table");
        table->tok_s *= speeds[i] / 150;
        ltd_bench_verdict(&bench, &text);
        assert_int_equal(strstr(ltd_str_text(&text), "use --policy table") != NULL, i < 2);
        ltd_str_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_sums_over_sums),
        cmocka_unit_test(prompts_without_cycles_change_nothing_but_the_count),
        cmocka_unit_test(ended_are_those_that_ar_ended),
        cmocka_unit_test(acceptance_by_position_follows_from_the_histograms),
        cmocka_unit_test(the_table_is_ascii_and_within_a_hundred_and_twenty_columns),
        cmocka_unit_test(the_verdict_says_gain_or_setting),
        cmocka_unit_test(json_has_every_field_of_the_contract),
        cmocka_unit_test(json_reads_back_equal),
        cmocka_unit_test(texts_that_differ_by_rule_are_not_compared),
        cmocka_unit_test(a_table_that_does_as_well_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
