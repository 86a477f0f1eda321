/* The report: well-formed, self-contained, with and without a training run behind it. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/bench_sample.h"
#include "trainer/report/report.h"

static ltd_bench bench;

static char *report(const ltd_bench *b, const char *dir)
{
    ltd_str s = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_report_html(b, dir, &s, &err) < 0) fail_msg("%s", err.msg);
    return ltd_str_take(&s);
}

/* Every tag is closed in order, attributes are quoted, & begins an entity. */
static void well_formed(const char *text)
{
    char stack[64][16];
    int depth = 0;
    const char *style = strstr(text, "<style>"), *after = strstr(text, "</style>");
    for (const char *p = text; *p; p++) {
        bool in_style = p > style + 6 && p < after;
        if (*p == '&' && !in_style) assert_true(strchr(p, ';') && strchr(p, ';') - p < 9);
        if (*p != '<' || in_style) continue;
        assert_true(p[1] == '!' || p[1] == '/' || isalpha((unsigned char)p[1]));
        bool closing = p[1] == '/', quoted = false;
        char name[16] = "";
        sscanf(p + (closing ? 2 : 1), "%15[a-z0-9]", name);
        const char *end = p;
        for (; *end && (quoted || *end != '>'); end++) {
            if (*end == '"') quoted = !quoted;
            assert_true(end == p || *end != '<');
        }
        assert_int_equal(*end, '>');
        if (closing) {
            assert_true(depth > 0);
            assert_string_equal(stack[--depth], name);
        } else if (p[1] != '!' && end[-1] != '/') {
            assert_true(depth < 64);
            strcpy(stack[depth++], name);
        }
        p = end;
    }
    assert_int_equal(depth, 0);
}

static void a_bench_gives_a_whole_document(void **state)
{
    (void)state;
    bench_sample(&bench, 150);
    char *text = report(&bench, NULL);
    well_formed(text);
    assert_non_null(strstr(text, "<svg"));
    assert_non_null(strstr(text, "A &lt;cpu&gt;"));
    assert_non_null(strstr(text, "ltd against the others"));
    assert_non_null(strstr(text, "<b>answers that ended by themselves</b>: 4 prompts"));
    assert_non_null(strstr(text, "<td>accepted</td><td>50.0</td><td>50.0</td>"));
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "http"));
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf\""));
    free(text);
}

static void missing_figures_are_left_out(void **state)
{
    (void)state;
    bench_sample(&bench, 150);
    bench.tuned.forwards = -1;
    for (int r = 0; r < SAMPLE_ROWS; r++) {
        ltd_bench_row *row = &bench.all.rows[r];
        row->vs_tuned = row->vs_tuned_ci.lo = row->vs_tuned_ci.hi = 0.0 / 0.0;
        row->speedup_ci = row->vs_tuned_ci;
        memset(row->accept_hist, 0, sizeof row->accept_hist);
    }
    bench.all.rows[1].speedup = 0.0 / 0.0;
    bench.versus.row[0].all.value = bench.versus.row[1].mean.ci.lo = 0.0 / 0.0;
    char *text = report(&bench, NULL);
    well_formed(text);
    assert_null(strstr(text, "nan"));
    free(text);
}

static void put_metrics(const char *dir, const char *csv)
{
    char path[256];
    snprintf(path, sizeof path, "%s/metrics.csv", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(csv, f);
    fclose(f);
}

static void curves_are_drawn_when_there_are_some(void **state)
{
    (void)state;
    char dir[] = "test_report_XXXXXX", path[256];
    assert_non_null(mkdtemp(dir));
    char *text = report(NULL, dir);
    well_formed(text);
    assert_null(strstr(text, "<polyline"));
    free(text);
    put_metrics(dir, "step,rollout/ep_rew_mean,train/depth/entropy,valid/tok_s\n"
                     "100,0.1,0.69,\n200,0.2,0.5,101\n300,nan,0.4,\n400,0.15,0.39,120\n");
    text = report(NULL, dir);
    well_formed(text);
    assert_non_null(strstr(text, "<polyline"));
    assert_non_null(strstr(text, "Reward of a cycle"));
    assert_null(strstr(text, "nan"));
    free(text);
    /* What a killed run leaves, and what is no CSV at all. */
    static const char *const odd[] = {"",
                                      "step",
                                      "step,a\n",
                                      "step,a\n1,2\n1",
                                      "\n\n\n",
                                      ",,,\n1\n",
                                      "step,rollout/ep_rew_mean\n5,1\n5,1\n",
                                      "a\nb\nc\n"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        put_metrics(dir, odd[i]);
        text = report(NULL, dir);
        well_formed(text);
        free(text);
    }
    snprintf(path, sizeof path, "%s/metrics.csv", dir);
    unlink(path);
    rmdir(dir);
}

static void a_file_is_written(void **state)
{
    (void)state;
    char path[] = "test_report_file_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    ltd_err err = LTD_ERR_INIT;
    bench_sample(&bench, 150);
    if (ltd_report_write(&bench, NULL, path, &err) < 0) fail_msg("%s", err.msg);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_in_range(st.st_size, 5000, 200000);
    unlink(path);
    assert_int_equal(ltd_report_write(&bench, NULL, "no/such/folder/x.html", &err), LTD_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bench_gives_a_whole_document),
        cmocka_unit_test(missing_figures_are_left_out),
        cmocka_unit_test(curves_are_drawn_when_there_are_some),
        cmocka_unit_test(a_file_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
