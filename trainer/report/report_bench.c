/* The part of a report that tells a bench: bars, tables, accepted lengths, phases. */
#include <math.h>
#include <stdio.h>

#include "trainer/bench/accept_depth.h"
#include "trainer/report/report_parts.h"
#include "trainer/report/report_svg.h"

/* "1.83 <small>[1.79, 1.87]</small>" */
static void put_ratio_text(double v, ltd_interval ci, ltd_str *out)
{
    if (!isfinite(v)) {
        ltd_str_puts(out, "-");
        return;
    }
    ltd_str_printf(out, "%.3f", v);
    if (isfinite(ci.lo) && isfinite(ci.hi))
        ltd_str_printf(out, " <small>[%.3f, %.3f]</small>", ci.lo, ci.hi);
}

static void put_ratio(double v, ltd_interval ci, ltd_str *out)
{
    ltd_str_puts(out, "<td>");
    put_ratio_text(v, ci, out);
    ltd_str_puts(out, "</td>");
}

static void put_row(const ltd_bench_row *r, ltd_str *out)
{
    ltd_str_puts(out, "<tr><td title=\"");
    ltd_report_escape(r->detail, out);
    ltd_str_puts(out, "\">");
    ltd_report_escape(r->policy, out);
    ltd_str_printf(out, "</td><td>%.1f</td>", r->tok_s);
    put_ratio(r->speedup, r->speedup_ci, out);
    put_ratio(r->vs_tuned, r->vs_tuned_ci, out);
    ltd_str_printf(out, "<td>%.2f</td><td>%.2f</td><td>%.1f</td>", r->accept_len, r->forwards_mean,
                   r->size_mean);
    if (r->of)
        ltd_str_printf(out, "<td>%d/%d</td></tr>\n", r->identical, r->of);
    else
        ltd_str_puts(out, "<td>n/a</td></tr>\n");
}

static void put_table(const ltd_bench *b, const ltd_bench_task *t, const char *title, ltd_str *out)
{
    ltd_str_puts(out, "<p class=\"caption\"><b>");
    ltd_report_escape(title, out);
    ltd_str_printf(out, "</b>: %d prompts, up to %d tokens, %d repetition%s", t->prompts,
                   b->max_new, b->reps, b->reps == 1 ? "" : "s");
    if (b->sampling.temperature > 0)
        ltd_str_printf(out, ", temperature %g", b->sampling.temperature);
    ltd_str_puts(out, "</p>\n<div class=\"scroll\"><table>\n");
    ltd_str_puts(out, "<tr><th>policy</th><th>tok/s</th><th>x ar [95 %]</th>"
                      "<th>x tuned [95 %]</th><th>accepted</th><th>forwards</th>"
                      "<th>nodes</th><th>same text</th></tr>\n");
    for (int32_t i = 0; i < t->n_rows; i++) put_row(&t->rows[i], out);
    ltd_str_puts(out, "</table></div>\n");
}

static void put_versus_cell(const ltd_ratio *r, ltd_str *out)
{
    if (ltd_versus_loses(r))
        ltd_str_puts(out, "<td class=\"loses\">");
    else
        ltd_str_puts(out, "<td>");
    put_ratio_text(r->value, r->ci, out);
    ltd_str_puts(out, "</td>");
}

static void put_versus(const ltd_bench *b, ltd_str *out)
{
    const ltd_versus *v = &b->versus;
    int32_t n = b->n_tasks > 1 ? b->n_tasks : 0;
    if (!v->n) return;
    ltd_str_puts(out, "<h2>ltd against the others</h2>\n<p class=\"caption\">"
                      "Speed of ltd over that of each other row, with 95 % intervals; prompts are "
                      "drawn within tasks. Red: slower, with 95 % confidence.</p>\n"
                      "<div class=\"scroll\"><table>\n<tr><th>policy</th><th>all prompts</th>");
    if (n) ltd_str_puts(out, "<th>mean of tasks</th>");
    for (int32_t t = 0; t < n; t++) {
        ltd_str_puts(out, "<th>");
        ltd_report_escape(b->tasks[t].task, out);
        ltd_str_puts(out, "</th>");
    }
    ltd_str_puts(out, "</tr>\n");
    for (int32_t i = 0; i < v->n; i++) {
        ltd_str_puts(out, "<tr><td>");
        ltd_report_escape(v->row[i].policy, out);
        ltd_str_puts(out, "</td>");
        put_versus_cell(&v->row[i].all, out);
        if (n) put_versus_cell(&v->row[i].mean, out);
        for (int32_t t = 0; t < n; t++) put_versus_cell(&v->row[i].task[t], out);
        ltd_str_puts(out, "</tr>\n");
    }
    ltd_str_puts(out, "</table></div>\n");
}

/* Of row ltd, in percent. */
static void put_positions(const ltd_bench_task *t, ltd_str *out)
{
    static const char *const what[] = {"verified", "accepted", "accepted, of those to d - 1"};
    const ltd_bench_row *r = ltd_bench_find(t, "ltd");
    int32_t n = r ? ltd_accept_depths(r->accept_hist, r->depth_hist) : 0;
    if (!n) return;
    ltd_str_puts(out, "<p class=\"caption\">Row ltd: % of its cycles by depth d of the draft</p>\n"
                      "<div class=\"scroll\"><table>\n<tr><th>d</th>");
    for (int32_t d = 1; d <= n; d++) ltd_str_printf(out, "<th>%d</th>", d);
    ltd_str_puts(out, "</tr>\n");
    for (int k = 0; k < 3; k++) {
        ltd_str_printf(out, "<tr><td>%s</td>", what[k]);
        for (int32_t d = 1; d <= n; d++) {
            ltd_accept_depth at = ltd_accept_at(r->accept_hist, r->depth_hist, d);
            const double share[] = {at.verified, at.accepted, at.given};
            if (isfinite(share[k]))
                ltd_str_printf(out, "<td>%.1f</td>", 100 * share[k]);
            else
                ltd_str_puts(out, "<td>-</td>");
        }
        ltd_str_puts(out, "</tr>\n");
    }
    ltd_str_puts(out, "</table></div>\n");
}

static void put_figure(const char *form, double v, ltd_str *out)
{
    ltd_str_puts(out, "<td>");
    if (isfinite(v))
        ltd_str_printf(out, form, v);
    else
        ltd_str_puts(out, "-");
    ltd_str_puts(out, "</td>");
}

static void put_classes(const ltd_bench_task *t, ltd_str *out)
{
    bool any = false;
    for (int32_t i = 0; i < t->n_rows; i++) any = any || ltd_accept_by_known(&t->rows[i].accept_by);
    if (!any) return;
    ltd_str_puts(out, "<p class=\"caption\">Tokens a cycle by what they are part of, with their "
                      "share of all tokens, and by quarter of the answer</p>\n"
                      "<div class=\"scroll\"><table>\n<tr><th>policy</th>");
    for (int k = 0; k < LTD_TOKEN_CLASSES; k++)
        ltd_str_printf(out, "<th>%s</th><th>%%</th>", ltd_token_class_name((ltd_token_class)k));
    for (int k = 0; k < LTD_QUARTERS; k++)
        ltd_str_printf(out, "<th>%d/%d</th>", k + 1, LTD_QUARTERS);
    ltd_str_puts(out, "</tr>\n");
    for (int32_t i = 0; i < t->n_rows; i++) {
        const ltd_accept_by *by = &t->rows[i].accept_by;
        if (!ltd_accept_by_known(by)) continue;
        ltd_str_puts(out, "<tr><td>");
        ltd_report_escape(t->rows[i].policy, out);
        ltd_str_puts(out, "</td>");
        for (int k = 0; k < LTD_TOKEN_CLASSES; k++) {
            put_figure("%.2f", by->accept[k], out);
            put_figure("%.1f", 100 * by->share[k], out);
        }
        for (int k = 0; k < LTD_QUARTERS; k++) put_figure("%.2f", by->quarter[k], out);
        ltd_str_puts(out, "</tr>\n");
    }
    ltd_str_puts(out, "</table></div>\n");
}

static void put_meta(const ltd_bench *b, ltd_str *out)
{
    ltd_str_puts(out, "<p class=\"meta\">");
    ltd_report_escape(b->cpu, out);
    ltd_str_puts(out, ", ");
    ltd_report_escape(b->isa, out);
    ltd_str_printf(out, ", %d threads<br/>", b->threads);
    ltd_report_escape(b->model_path, out);
    char hash[13];
    snprintf(hash, sizeof hash, "%.12s", b->model_hash);
    ltd_str_puts(out, " (");
    ltd_report_escape(b->model_dtype, out);
    ltd_str_puts(out, ", ");
    ltd_report_escape(hash, out);
    ltd_str_puts(out, "), draft head ");
    ltd_report_escape(b->head_path[0] ? b->head_path : "none", out);
    ltd_str_puts(out, b->lookup ? ", prompt lookup<br/>" : "<br/>");
    ltd_report_escape(b->utc, out);
    ltd_str_puts(out, ", commit ");
    ltd_report_escape(b->commit, out);
    char drift[128];
    if (b->drift.speed > 0)
        ltd_str_printf(out, "<br/>%s", ltd_drift_text(&b->drift, drift, sizeof drift));
    ltd_str_puts(out, "<br/><code>");
    ltd_report_escape(b->command, out);
    ltd_str_puts(out, "</code></p>\n");
}

void ltd_report_bench(const ltd_bench *b, ltd_str *out)
{
    ltd_str_puts(out, "<h2>Speed-up over plain decoding</h2>\n");
    put_meta(b, out);
    ltd_report_bars(b, out);
    ltd_str_puts(out, "<p class=\"note\">Sum of tokens / sum of time, over the same of row ar. "
                      "Lines: 95 % interval, paired bootstrap over prompts. Dashed: plain "
                      "decoding.</p>\n");
    if (b->n_tasks != 1) put_table(b, &b->all, "all", out);
    if (b->n_tasks > 1) ltd_str_puts(out, "<details><summary>Task by task</summary>\n");
    for (int32_t i = 0; i < b->n_tasks; i++) put_table(b, &b->tasks[i], b->tasks[i].task, out);
    if (b->n_tasks > 1) ltd_str_puts(out, "</details>\n");
    if (b->ended.prompts > 0 && b->ended.prompts < b->all.prompts)
        put_table(b, &b->ended, "answers that ended by themselves", out);
    put_versus(b, out);
    ltd_str_puts(out, "<h2>Accepted length of the bench</h2>\n");
    ltd_report_accepted(&b->all, out);
    ltd_str_puts(out, "<p class=\"note\">Share of cycles by accept_len, the target's own token "
                      "included.</p>\n");
    put_positions(&b->all, out);
    put_classes(&b->all, out);
    ltd_str_puts(out, "<h2>Where the time of the bench goes</h2>\n<figure>");
    ltd_report_phases(&b->all, out);
    ltd_str_puts(out, "</figure>\n");
}
