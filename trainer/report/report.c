/* The pages: which sections in which order. */
#include "trainer/report/report.h"

#include <stdio.h>

#include "base/file.h"
#include "trainer/report/report_parts.h"
#include "trainer/report/report_svg.h"

static int finish(ltd_str *out, ltd_err *err)
{
    ltd_report_end(out);
    return out->failed ? ltd_fail(err, LTD_ENOMEM, "report: no memory") : LTD_OK;
}

static void put_verdict(const char *text, ltd_str *out)
{
    ltd_str_puts(out, "<p class=\"verdict\">");
    ltd_report_escape(text, out);
    ltd_str_puts(out, "</p>\n");
}

/* --- a run, a bench --- */

/* What cycles were like: at the end, and on the way there. */
static void put_histograms(const ltd_report_csv *t, ltd_str *out)
{
    static const struct {
        const char *title, *key, *valid;
    } what[] = {{"Accepted length", "accept_len", "valid_accept_len"},
                {"Draft forwards", "forwards", "valid_forwards"},
                {"Nodes verified", "size", "valid_size"}};
    if (!t->rows) return;
    ltd_str_puts(out, "<h2>What cycles are like</h2>\n<div class=\"panels\">\n");
    for (int k = 0; k < 3; k++) {
        double count[LTD_RUN_SIZES];
        char color[16];
        ltd_report_color(k + 1, color);
        ltd_report_last_histogram(t, what[k].valid, count, LTD_RUN_SIZES);
        ltd_report_histogram(what[k].title, count, LTD_RUN_SIZES, color, out);
    }
    ltd_str_puts(out, "</div>\n<p class=\"note\">Greedy, on held-out prompts, in the last "
                      "validation.</p>\n<div class=\"panels\">\n");
    for (int k = 0; k < 3; k++) ltd_report_strip(what[k].title, t, what[k].key, out);
    ltd_str_puts(out, "</div>\n");
}

static void put_run(const ltd_report_run *run, ltd_str *out)
{
    ltd_report_curves(&run->metrics, out);
    put_histograms(&run->histograms, out);
    ltd_report_actions(&run->actions, out);
    ltd_report_curves(&run->plan, out);
    ltd_report_costs(&run, 1, out);
    ltd_report_config(run, out);
}

int ltd_report_html(const ltd_bench *b, const ltd_report_run *run, ltd_str *out, ltd_err *err)
{
    ltd_str verdict = LTD_STR_INIT;
    char title[300] = "Speculative decoding on this machine";
    if (run) snprintf(title, sizeof title, "Run %s", run->name);
    if (!b && run) b = run->bench;
    ltd_report_begin(title, out);
    if (b) ltd_bench_verdict(b, &verdict);
    if (!verdict.len && run) ltd_report_run_verdict(run, &verdict);
    if (verdict.len) put_verdict(ltd_str_text(&verdict), out);
    out->failed = out->failed || verdict.failed;
    ltd_str_fini(&verdict);
    if (run) ltd_report_facts(run, out);
    if (run) ltd_report_figures(&run, 1, out);
    if (b) ltd_report_bench(b, out);
    if (run) put_run(run, out);
    return finish(out, err);
}

int ltd_report_write(const ltd_bench *b, const char *run_dir, const char *path, ltd_err *err)
{
    ltd_str text = LTD_STR_INIT;
    ltd_report_run run;
    bool has_run = run_dir && ltd_report_is_run(run_dir);
    int rc = has_run ? ltd_report_run_load(&run, run_dir, err) : LTD_OK;
    if (rc < 0) return rc;
    rc = ltd_report_html(b, has_run ? &run : NULL, &text, err);
    if (has_run) ltd_report_run_fini(&run);
    if (rc == LTD_OK) rc = ltd_file_write(path, text.data, text.len, err);
    ltd_str_fini(&text);
    return rc;
}

/* --- several runs --- */

static void put_verdicts(const ltd_report_run *const *run, int n, ltd_str *out)
{
    ltd_str_puts(out, "<table class=\"facts\">\n");
    for (int r = 0; r < n; r++) {
        ltd_str verdict = LTD_STR_INIT;
        char color[16];
        ltd_report_color(r + 1, color);
        ltd_report_run_verdict(run[r], &verdict);
        ltd_str_puts(out, "<tr><th>");
        ltd_report_key(color, run[r]->name, out);
        ltd_str_puts(out, "</th><td>");
        ltd_report_escape(ltd_str_text(&verdict), out);
        ltd_str_puts(out, "</td></tr>\n");
        ltd_str_fini(&verdict);
    }
    ltd_str_puts(out, "</table>\n");
}

int ltd_report_compared(const ltd_report_run *const *run, int n, ltd_str *out, ltd_err *err)
{
    const ltd_report_csv *metrics[LTD_REPORT_RUNS], *plan[LTD_REPORT_RUNS];
    const char *name[LTD_REPORT_RUNS];
    if (n < 2 || n > LTD_REPORT_RUNS)
        return ltd_fail(err, LTD_EINVAL, "report: %d runs, expected 2 to %d", n, LTD_REPORT_RUNS);
    for (int r = 0; r < n; r++) {
        metrics[r] = &run[r]->metrics;
        plan[r] = &run[r]->plan;
        name[r] = run[r]->name;
    }
    ltd_report_begin("Runs compared", out);
    put_verdicts(run, n, out);
    ltd_report_figures(run, n, out);
    ltd_report_config_differences(run, n, out);
    ltd_report_curves_of(metrics, plan, name, n, out);
    ltd_report_costs(run, n, out);
    for (int r = 0; r < n; r++) {
        ltd_str_puts(out, "<h2>");
        ltd_report_escape(run[r]->name, out);
        ltd_str_puts(out, "</h2>\n");
        ltd_report_facts(run[r], out);
    }
    return finish(out, err);
}
