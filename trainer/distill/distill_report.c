#include "trainer/distill/distill_report.h"

#include <math.h>

#include "base/file.h"
#include "trainer/report/report_svg.h"

enum { DEPTHS = 8 };

static void put_number(double v, int digits, ltd_str *out)
{
    if (isfinite(v))
        ltd_str_printf(out, "<td>%.*f</td>", digits, v);
    else
        ltd_str_puts(out, "<td>-</td>");
}

/* Figures of a task, or, t NULL, their mean over tasks. */
static void put_row(const ltd_head_report *r, const ltd_head_task *t, ltd_str *out)
{
    static const int32_t chains[] = {1, 2, 3, 5};
    ltd_str_puts(out, "<tr><td>");
    ltd_report_escape(t ? t->task : "mean", out);
    ltd_str_puts(out, "</td>");
    for (int32_t d = 1; d <= 4; d++)
        put_number(ltd_head_report_figure(r, t, ltd_simulated_right, d), 3, out);
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++)
        put_number(ltd_head_report_figure(r, t, ltd_simulated_chain_len, chains[i]), 2, out);
    for (int32_t i = 0; i < r->n_trees; i++)
        put_number(ltd_head_report_figure(r, t, ltd_simulated_tree_len, i), 2, out);
    put_number(ltd_head_report_figure(r, t, ltd_simulated_covered, 0), 3, out);
    put_number(ltd_head_report_figure(r, t, ltd_simulated_covered, 1), 3, out);
    ltd_str_puts(out, "</tr>\n");
}

static void put_table(const ltd_head_report *r, ltd_str *out)
{
    ltd_str_puts(out, "<h2>Accepted length by task</h2>\n<p class=\"caption\">"
                      "right: share of the first, second... drafted tokens that are right where "
                      "all before them are; chain, tree: tokens a cycle, the target's own "
                      "included; covered: next tokens in the vocabulary, and with those of the "
                      "text before</p>\n<div class=\"scroll\"><table>\n<tr><th>task</th>");
    for (int d = 1; d <= 4; d++) ltd_str_printf(out, "<th>right %d</th>", d);
    ltd_str_puts(out, "<th>chain 1</th><th>chain 2</th><th>chain 3</th><th>chain 5</th>");
    for (int32_t i = 0; i < r->n_trees; i++)
        ltd_str_printf(out, "<th>tree %d/%d</th>", r->tree[i].forwards, r->tree[i].size);
    ltd_str_puts(out, "<th>covered</th><th>with text</th></tr>\n");
    for (int32_t t = 0; t < r->n_tasks; t++) put_row(r, &r->task[t], out);
    put_row(r, NULL, out);
    ltd_str_puts(out, "</table></div>\n");
}

static void put_depths(const ltd_head_report *r, ltd_str *out)
{
    double x[DEPTHS], y[LTD_REPORT_SERIES][DEPTHS];
    ltd_report_line line[LTD_REPORT_SERIES];
    int n = r->n_tasks < LTD_REPORT_SERIES ? r->n_tasks : LTD_REPORT_SERIES;
    for (int t = 0; t < n; t++) {
        for (int d = 0; d < DEPTHS; d++) {
            x[d] = d + 1;
            y[t][d] = d < r->chain ? ltd_simulated_right(&r->task[t].sum, d + 1) : (double)NAN;
        }
        line[t] = (ltd_report_line){r->task[t].task, x, y[t], DEPTHS};
    }
    ltd_str_puts(out, "<h2>By position</h2>\n<div class=\"panels\">\n");
    ltd_report_lines("Right tokens by depth", "share", line, n, out);
    ltd_str_puts(out, "</div>\n<p class=\"note\">Of drafted tokens at that depth whose "
                      "predecessors are all right.</p>\n");
}

int ltd_distill_report_write(const ltd_head_report *r, const ltd_distill_facts *facts,
                             const char *dir, const char *path, ltd_err *err)
{
    ltd_str text = LTD_STR_INIT;
    ltd_report_csv metrics;
    int rc = ltd_report_csv_load(&metrics, dir, "metrics.csv", err);
    if (rc < 0) return rc;
    ltd_report_begin("A draft head from the model's own text", &text);
    ltd_str_puts(&text, "<p class=\"meta\">");
    for (size_t i = 0; i < facts->n; i++) {
        if (i) ltd_str_puts(&text, "<br/>");
        ltd_report_escape(facts->line[i], &text);
    }
    ltd_str_puts(&text, "</p>\n");
    put_table(r, &text);
    put_depths(r, &text);
    ltd_report_curves(&metrics, &text);
    ltd_report_csv_fini(&metrics);
    ltd_report_end(&text);
    if (text.failed) rc = ltd_fail(err, LTD_ENOMEM, "report: no memory");
    if (rc == LTD_OK) rc = ltd_file_write(path, text.data, text.len, err);
    ltd_str_fini(&text);
    return rc;
}
