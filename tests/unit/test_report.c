/* The report: well-formed, self-contained, with and without a training run behind it. */
#include <ctype.h>
#include <math.h>
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
#include "trainer/report/report_svg.h"
#include "tests/support/temp_dir.h"

static ltd_bench bench;

static char *report(const ltd_bench *b, const char *folder)
{
    ltd_str s = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    ltd_report_run run;
    if (folder && ltd_report_run_load(&run, folder, &err) < 0) fail_msg("%s", err.msg);
    if (ltd_report_html(b, folder ? &run : NULL, &s, &err) < 0) fail_msg("%s", err.msg);
    if (folder) ltd_report_run_fini(&run);
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

/* No figure that does not exist is drawn. */
static void no_nan(const char *text)
{
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf\""));
    assert_null(strstr(text, "inf%"));
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
    no_nan(text);
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
    no_nan(text);
    free(text);
}

/* --- runs --- */

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void curves_are_drawn_when_there_are_some(void **state)
{
    (void)state;
    put("metrics.csv", "step,rollout/ep_rew_mean,train/depth/entropy,valid/tok_s\n"
                       "100,0.1,0.69,\n200,0.2,0.5,101\n300,nan,0.4,\n400,0.15,0.39,120\n");
    char *text = report(NULL, dir);
    well_formed(text);
    assert_non_null(strstr(text, "<polyline"));
    assert_non_null(strstr(text, "Reward of a cycle"));
    no_nan(text);
    free(text);
    /* What a killed run leaves, and what is no CSV at all. */
    static const char *const odd[] = {"",
                                      "step",
                                      "step,a\n",
                                      "step,a\n1,2\n1",
                                      "\n\n\n",
                                      ",,,\n1\n",
                                      "step,rollout/ep_rew_mean\n5,1\n5,1\n",
                                      "step,rollout/ep_rew_mean\n5,nan\n6,inf\n",
                                      "a\nb\nc\n"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        put("metrics.csv", odd[i]);
        put("histograms.csv", odd[i]);
        put("actions.csv", odd[i]);
        text = report(NULL, dir);
        well_formed(text);
        no_nan(text);
        free(text);
    }
}

static void put_run_files(void)
{
    char folder[128];
    snprintf(folder, sizeof folder, "%s/plan", dir);
    assert_true(mkdir(folder, 0777) == 0 || access(folder, W_OK) == 0);
    put("plan/metrics.csv", "step,plan/train,plan/valid,plan/best\n1,1.5,,\n2,1.6,1.7,1.7\n");
    put("metrics.csv", "step,rollout/ep_rew_mean,phase/draft,phase/verify,valid/speedup\n"
                       "0,,,,1.74\n100,0.1,0.2,0.8,\n200,0.2,0.3,0.7,1.81\n");
    put("histograms.csv",
        "step,value,accept_len,forwards,size,valid_accept_len,valid_forwards,valid_size\n"
        "0,1,,,,3,4,5\n100,1,5,6,7,,,\n100,2,2,1,0,,,\n200,1,5,6,7,,,\n200,300,1,1,1,,,\n");
    put("actions.csv", "forwards,confidence_from,confidence_to,asked,went_on,stopped,nodes\n"
                       "0,0.9,1,40,38,2,0\n1,0.3,0.4,20,5,15,3.25\n2,0.1,0.2,3,0,0,\n");
    put("calibration.json",
        "{\"version\": 1, \"t_ar_ms\": 5, \"commit_ms\": 0.05, \"decide_ms\": 0.001,"
        "\"verify\": [{\"rows\": 1, \"context\": 64, \"ms\": 5}, {\"rows\": 9, \"context\": 64, "
        "\"ms\": 9}, {\"rows\": 1, \"context\": 256, \"ms\": 6}, {\"rows\": 9, \"context\": 256, "
        "\"ms\": 11}], \"draft\": [{\"rows\": 1, \"context\": 64, \"ms\": 0.5}], \"machine\": "
        "{\"cpu\": \"A cpu\", \"isa\": \"avx2\", \"threads\": 2, \"fingerprint\": \"A cpu, avx2, "
        "2 threads\"}, \"model\": {\"sha256\": \"ab\"}}");
    put("run.json", "{\"version\": 1, \"commit\": \"c0ffee\", \"utc\": \"2026-01-01T00:00:00Z\", "
                    "\"machine\": \"A <cpu>\", \"model\": {\"path\": \"m.gguf\", \"sha256\": "
                    "\"0123456789abcdef\", \"dtype\": \"Q4_1\"}, \"drafter\": null}");
    put("config.yaml", "train:\n  lr: 0.125\n");
}

static void a_run_has_all_sections(void **state)
{
    (void)state;
    static const char *const there[] = {"1.81 x plain decoding on held-out prompts",
                                        "A &lt;cpu&gt;",
                                        "m.gguf (Q4_1, 0123456789ab)",
                                        "2026-01-01T00:00:00Z, c0ffee",
                                        "Figures at the end",
                                        "Reward of a cycle",
                                        "Phases",
                                        "What cycles are like",
                                        "Draft forwards",
                                        "<rect",
                                        "What the policy does",
                                        "title=\"20 questions\">25</td>",
                                        "title=\"15 cycles\">3.2</td>",
                                        "training prompts",
                                        "ms, by rows verified",
                                        "256 tokens before",
                                        "A plain decoding step 5.00 ms",
                                        "1 of ",
                                        "<td>train.lr</td><td class=\"set\">0.125</td>"};
    put_run_files();
    char *text = report(NULL, dir);
    well_formed(text);
    no_nan(text);
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        if (!strstr(text, there[i])) fail_msg("not in the page: %s", there[i]);
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "http"));
    free(text);
    put("config.yaml", "train:\n  no_such_key: 1\n");
    text = report(NULL, dir);
    well_formed(text);
    assert_non_null(strstr(text, "can't be read by this version: "));
    free(text);
}

static void runs_are_compared(void **state)
{
    (void)state;
    put_run_files();
    ltd_report_run a, b;
    ltd_err err = LTD_ERR_INIT;
    ltd_str s = LTD_STR_INIT;
    if (ltd_report_run_load(&a, dir, &err) < 0) fail_msg("%s", err.msg);
    put("config.yaml", "train:\n  lr: 0.25\n");
    put("metrics.csv", "step,rollout/ep_rew_mean\n50,0.3\n70,0.4\n");
    if (ltd_report_run_load(&b, dir, &err) < 0) fail_msg("%s", err.msg);
    strcpy(a.name, "first <1>");
    strcpy(b.name, "second");
    const ltd_report_run *const both[] = {&a, &b};
    if (ltd_report_compared(both, 2, &s, &err) < 0) fail_msg("%s", err.msg);
    const char *text = ltd_str_text(&s);
    well_formed(text);
    no_nan(text);
    assert_non_null(strstr(text, "first &lt;1&gt;"));
    assert_non_null(strstr(text, "<tr><td>train.lr</td><td>0.125</td><td>0.25</td></tr>"));
    assert_null(strstr(text, "<tr><td>train.gamma_depth</td>"));
    assert_non_null(strstr(text, "<td>reward of a cycle</td><td>0.200</td><td>0.400</td>"));
    assert_int_equal(ltd_report_compared(both, 1, &s, &err), LTD_EINVAL);
    ltd_str_fini(&s);
    ltd_report_run_fini(&a);
    ltd_report_run_fini(&b);
}

static void what_is_no_run_is_refused(void **state)
{
    (void)state;
    ltd_report_run run;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_report_run_load(&run, "/tmp/ltd-no-such-run", &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "no run folder: it has neither config.yaml nor metrics.csv"));
    put_run_files();
    static const char *const damaged[] = {"calibration.json", "run.json", "bench.json"};
    for (int i = 0; i < 3; i++) {
        put_run_files();
        put(damaged[i], "{\"version\": ");
        assert_int_equal(ltd_report_run_load(&run, dir, &err), LTD_EFORMAT);
        assert_non_null(strstr(err.msg, damaged[i]));
    }
    char folder[128];
    snprintf(folder, sizeof folder, "%s/bench.json", dir);
    unlink(folder);
    snprintf(folder, sizeof folder, "%s/head", dir);
    assert_int_equal(mkdir(folder, 0777), 0);
    assert_int_equal(ltd_report_run_load(&run, dir, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "ltd distill"));
    rmdir(folder);
}

static void a_long_run_is_thinned(void **state)
{
    (void)state;
    char path[128];
    put_run_files();
    snprintf(path, sizeof path, "%s/metrics.csv", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("step,rollout/ep_rew_mean,rollout/tok_s,rollout/accept_len,rollout/forwards,"
          "rollout/size,rollout/speedup,phase/draft,phase/verify,phase/decide,phase/commit\n",
          f);
    for (int i = 0; i < 100000; i++) {
        fprintf(f, "%d", i);
        for (int k = 0; k < 10; k++) fprintf(f, ",%.4f", (i * 37 + k) % 101 / 100.0);
        fputs("\n", f);
    }
    fclose(f);
    snprintf(path, sizeof path, "%s/histograms.csv", dir);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("step,value,accept_len,forwards,size\n", f);
    for (int i = 0; i < 20000; i++)
        for (int k = 0; k < 20; k++) fprintf(f, "%d,%d,5,6,7\n", i, k);
    fclose(f);
    char *text = report(NULL, dir);
    well_formed(text);
    assert_in_range(strlen(text), 100000, 2000000);
    free(text);
}

/* --- lines --- */

static void thinning_keeps_the_extremes(void **state)
{
    (void)state;
    enum { N = 5000 };
    static double x[N], y[N];
    size_t at[LTD_REPORT_POINTS];
    for (int i = 0; i < N; i++) {
        x[i] = i;
        y[i] = i % 7 == 3 ? (double)NAN : 0.001 * i;
    }
    y[1234] = 50;
    y[4321] = -50;
    ltd_report_line line = {"", x, y, N};
    size_t n = ltd_report_thin(&line, at);
    assert_in_range(n, LTD_REPORT_POINTS / 2, LTD_REPORT_POINTS);
    bool top = false, bottom = false;
    for (size_t i = 0; i < n; i++) {
        assert_true(isfinite(y[at[i]]));
        if (i) assert_true(at[i] > at[i - 1]);
        top = top || at[i] == 1234;
        bottom = bottom || at[i] == 4321;
    }
    assert_true(top && bottom);
    line.n = LTD_REPORT_POINTS; /* few enough: all that are numbers */
    n = ltd_report_thin(&line, at);
    assert_int_equal(n, LTD_REPORT_POINTS - LTD_REPORT_POINTS / 7);
    line.n = 0;
    assert_int_equal(ltd_report_thin(&line, at), 0);
}

/* All coordinates are inside the picture. */
static void inside(const char *text, const char *attribute, double most)
{
    size_t n = strlen(attribute);
    for (const char *p = text; (p = strstr(p, attribute)); p += n) {
        double v = strtod(p + n, NULL);
        assert_true(v >= -0.5 && v <= most + 0.5);
    }
}

static void lines_stay_inside_whatever_the_numbers(void **state)
{
    (void)state;
    static const double series[][4] = {
        {1, 2, 3, 4},          {5, 5, 5, 5},       {0, 0, 0, 0},          {-1e-9, 1e-9, 0, 2e-9},
        {-3e12, 4e12, 1, 2},   {NAN, 7, NAN, NAN}, {INFINITY, 1, 2, NAN}, {-0.5, NAN, NAN, 0.5},
        {1, 1 + 0x1p-52, 1, 1}}; /* a span that no step divides */
    static const double x[4] = {0, 10, 20, 30}, same[4] = {3, 3, 3, 3};
    for (size_t i = 0; i < sizeof series / sizeof *series; i++) {
        for (int k = 0; k < 2; k++) {
            ltd_str s = LTD_STR_INIT;
            ltd_report_line line = {"a", k ? same : x, series[i], 4};
            ltd_report_lines("T", "u", &line, 1, &s);
            well_formed(ltd_str_text(&s));
            no_nan(ltd_str_text(&s));
            inside(ltd_str_text(&s), " x=\"", 360);
            inside(ltd_str_text(&s), " y=\"", 190);
            inside(ltd_str_text(&s), "points=\"", 360);
            assert_true(strstr(ltd_str_text(&s), "<polyline") ||
                        strstr(ltd_str_text(&s), "<circle"));
            ltd_str_fini(&s);
        }
    }
    /* Nothing to draw is no picture. */
    static const double nothing[2] = {NAN, INFINITY};
    ltd_str s = LTD_STR_INIT;
    ltd_report_line lines[2] = {{"a", x, nothing, 2}, {"b", x, x, 0}};
    ltd_report_lines("T", "", lines, 2, &s);
    assert_int_equal(s.len, 0);
    ltd_report_histogram("T", nothing, 2, "red", &s);
    assert_int_equal(s.len, 0);
    ltd_str_fini(&s);
}

static void ticks_are_short(void **state)
{
    (void)state;
    static const struct {
        double v, step;
        const char *text;
    } cases[] = {{0.25, 0.05, "0.25"}, {3000, 1000, "3000"}, {12000, 2000, "12k"},
                 {1.5e6, 5e5, "1.5M"}, {1e-17, 0.1, "0"},    {-20000, 1e4, "-20k"}};
    char text[16];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(ltd_report_tick(cases[i].v, cases[i].step, text), cases[i].text);
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
        cmocka_unit_test(a_run_has_all_sections),
        cmocka_unit_test(runs_are_compared),
        cmocka_unit_test(what_is_no_run_is_refused),
        cmocka_unit_test(a_long_run_is_thinned),
        cmocka_unit_test(thinning_keeps_the_extremes),
        cmocka_unit_test(lines_stay_inside_whatever_the_numbers),
        cmocka_unit_test(ticks_are_short),
        cmocka_unit_test(a_file_is_written),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
