/* The document around the pictures. */
#include "trainer/report/report.h"

#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "trainer/bench/accept_depth.h"
#include "trainer/report/report_svg.h"

/* Rows take --c0.. in order: ar grey, then hues that differ in lightness too; phases --p0... */
static const char style[] =
    ":root{--bg:#fff;--fg:#1c1f24;--dim:#667080;--rule:#e2e6ec;--c0:#9aa3b0;--c1:#c2691f;"
    "--c2:#2f6db3;--c3:#1f8a5f;--c4:#8457b5;--c5:#b8336a;--c6:#0f8b97;--c7:#8a7a12;"
    "--p0:#c2691f;--p1:#b8336a;--p2:#2f6db3;--p3:#1f8a5f;--p4:#9aa3b0}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#14171c;--fg:#e4e8ee;--dim:#98a2b0;"
    "--rule:#2b313a;--c0:#7b8594;--c1:#e0904f;--c2:#6aa3e0;--c3:#4fb98c;--c4:#b08cdb;"
    "--c5:#e0719f;--c6:#45b8c4;--c7:#c2b045;--p0:#e0904f;--p1:#e0719f;--p2:#6aa3e0;"
    "--p3:#4fb98c;--p4:#7b8594}}\n"
    "body{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;"
    "max-width:900px;margin:2rem auto;padding:0 1rem}\n"
    "h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}\n"
    ".meta,figcaption,caption{color:var(--dim);font-size:.88rem}"
    ".verdict{font-size:1.15rem;font-weight:600;margin:1rem 0}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.88rem;"
    "font-variant-numeric:tabular-nums;margin-bottom:1.4rem}"
    "caption{text-align:left;padding-bottom:.2rem}"
    "th,td{padding:.25rem .5rem;text-align:right;border-bottom:1px solid var(--rule);"
    "white-space:nowrap}.loses{color:var(--c5)}th:first-child,td:first-child{text-align:left}\n"
    "figure{margin:0}svg{width:100%;height:auto;display:block}"
    ".panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(240px,1fr));gap:1.2rem}"
    ".wide{grid-template-columns:repeat(auto-fill,minmax(360px,1fr))}\n"
    "text{fill:var(--fg);font:12px system-ui,sans-serif}.label{text-anchor:end}"
    ".tick{text-anchor:middle;fill:var(--dim);font-size:11px}.group{font-weight:600}"
    ".grid{stroke:var(--rule)}.axis{stroke:var(--dim)}.one{stroke:var(--dim);"
    "stroke-dasharray:3 3}.whisker{stroke:var(--fg);stroke-width:1.2}"
    ".series{fill:none;stroke-width:1.8}\n"
    "code{font-size:.85rem;overflow-wrap:anywhere}\n";

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
    ltd_str_puts(out, "<div class=\"scroll\"><table><caption><b>");
    ltd_report_escape(title, out);
    ltd_str_printf(out, "</b>: %d prompts, up to %d tokens, %d repetition%s", t->prompts,
                   b->max_new, b->reps, b->reps == 1 ? "" : "s");
    if (b->sampling.temperature > 0)
        ltd_str_printf(out, ", temperature %g", b->sampling.temperature);
    ltd_str_puts(out, "</caption>\n");
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
    ltd_str_puts(out, "<h2>ltd against the others</h2>\n<div class=\"scroll\"><table><caption>"
                      "Speed of ltd over that of each other row, with 95 % intervals; prompts are "
                      "drawn within tasks. Red: slower, with 95 % confidence.</caption>\n"
                      "<tr><th>policy</th><th>all prompts</th>");
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
    ltd_str_puts(out,
                 "<div class=\"scroll\"><table><caption>Row ltd: % of its cycles by depth d of "
                 "the draft</caption>\n<tr><th>d</th>");
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

static void put_meta(const ltd_bench *b, ltd_str *out)
{
    ltd_str_puts(out, "<p class=\"meta\">");
    ltd_report_escape(b->cpu, out);
    ltd_str_printf(out, ", %s, %d threads<br/>", b->isa, b->threads);
    ltd_report_escape(b->model_path, out);
    ltd_str_printf(out, " (%s, %.12s), draft head ", b->model_dtype, b->model_hash);
    ltd_report_escape(b->head_path[0] ? b->head_path : "none", out);
    ltd_str_printf(out, "%s<br/>%s, commit ", b->lookup ? ", prompt lookup" : "", b->utc);
    ltd_report_escape(b->commit, out);
    char drift[128];
    if (b->drift.speed > 0)
        ltd_str_printf(out, "<br/>%s", ltd_drift_text(&b->drift, drift, sizeof drift));
    ltd_str_puts(out, "<br/><code>");
    ltd_report_escape(b->command, out);
    ltd_str_puts(out, "</code></p>\n");
}

static void put_bench(const ltd_bench *b, ltd_str *out)
{
    ltd_str verdict = LTD_STR_INIT;
    ltd_bench_verdict(b, &verdict);
    put_meta(b, out);
    ltd_str_puts(out, "<p class=\"verdict\">");
    ltd_report_escape(ltd_str_text(&verdict), out);
    ltd_str_puts(out, "</p>\n");
    out->failed = out->failed || verdict.failed;
    ltd_str_fini(&verdict);
    ltd_str_puts(out, "<h2>Speed-up over plain decoding</h2>\n<figure>");
    ltd_report_bars(b, out);
    ltd_str_puts(out, "<figcaption>Sum of tokens / sum of time, over the same of row ar. Lines: "
                      "95 % interval, paired bootstrap over prompts.</figcaption></figure>\n");
    if (b->n_tasks != 1) put_table(b, &b->all, "all", out);
    for (int32_t i = 0; i < b->n_tasks; i++) put_table(b, &b->tasks[i], b->tasks[i].task, out);
    if (b->ended.prompts > 0 && b->ended.prompts < b->all.prompts)
        put_table(b, &b->ended, "answers that ended by themselves", out);
    put_versus(b, out);
    ltd_str_puts(out, "<h2>Accepted length</h2>\n<figure>");
    ltd_report_accepted(&b->all, out);
    ltd_str_puts(out, "<figcaption>Share of cycles by accept_len, the target's own token "
                      "included.</figcaption></figure>\n");
    put_positions(&b->all, out);
    ltd_str_puts(out, "<h2>Where the time goes</h2>\n<figure>");
    ltd_report_phases(&b->all, out);
    ltd_str_puts(out, "</figure>\n");
}

void ltd_report_begin(const char *title, ltd_str *out)
{
    ltd_str_puts(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n"
                      "<title>ltd report</title>\n<style>\n");
    ltd_str_puts(out, style);
    ltd_str_puts(out, "</style></head>\n<body>\n<h1>");
    ltd_report_escape(title, out);
    ltd_str_puts(out, "</h1>\n");
}

void ltd_report_end(ltd_str *out)
{
    ltd_str_puts(out, "</body></html>\n");
}

int ltd_report_html(const ltd_bench *b, const char *run_dir, ltd_str *out, ltd_err *err)
{
    ltd_report_begin("Speculative decoding on this machine", out);
    if (b) put_bench(b, out);
    int rc = run_dir ? ltd_report_curves(run_dir, out, err) : LTD_OK;
    ltd_report_end(out);
    if (rc == LTD_OK && out->failed) rc = ltd_fail(err, LTD_ENOMEM, "report: no memory");
    return rc;
}

int ltd_report_write(const ltd_bench *b, const char *run_dir, const char *path, ltd_err *err)
{
    ltd_str text = LTD_STR_INIT;
    int rc = ltd_report_html(b, run_dir, &text, err);
    if (rc == LTD_OK) rc = ltd_file_write(path, text.data, text.len, err);
    ltd_str_fini(&text);
    return rc;
}
