#include "trainer/report/report_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "trainer/report/report_svg.h"

/* --- facts --- */

static void put_fact(const char *what, const char *text, ltd_str *out)
{
    if (!text[0]) return;
    ltd_str_printf(out, "<tr><th>%s</th><td>", what);
    ltd_report_escape(text, out);
    ltd_str_puts(out, "</td></tr>\n");
}

void ltd_report_facts(const ltd_report_run *r, ltd_str *out)
{
    char commit[128] = "";
    if (r->commit[0]) snprintf(commit, sizeof commit, "%s, %s", r->utc, r->commit);
    ltd_str_puts(out, "<table class=\"facts\">\n");
    put_fact("machine", r->machine, out);
    put_fact("model", r->model, out);
    put_fact("draft head", r->head, out);
    put_fact("trained, commit", commit, out);
    put_fact("folder", r->dir, out);
    ltd_str_puts(out, "</table>\n");
}

/* --- figures --- */

static void put_figure(const ltd_report_figure *f, ltd_str *out)
{
    if (!isfinite(f->value)) {
        ltd_str_puts(out, "<td>-</td>");
        return;
    }
    ltd_str_printf(out, "<td>%.*f", f->digits, f->value);
    if (isfinite(f->ci.lo) && isfinite(f->ci.hi))
        ltd_str_printf(out, " <small>[%.*f, %.*f]</small>", f->digits, f->ci.lo, f->digits,
                       f->ci.hi);
    ltd_str_puts(out, "</td>");
}

void ltd_report_figures(const ltd_report_run *const *run, int n, ltd_str *out)
{
    ltd_report_figure f[LTD_REPORT_RUNS][LTD_REPORT_FIGURES];
    int rows = 0;
    for (int r = 0; r < n; r++) ltd_report_run_figures(run[r], f[r], &rows);
    ltd_str_puts(out, "<h2>Figures at the end</h2>\n<div class=\"scroll\"><table>\n");
    for (int r = 0; n > 1 && r < n; r++) {
        if (r == 0) ltd_str_puts(out, "<tr><th>figure</th>");
        ltd_str_puts(out, "<th>");
        ltd_report_escape(run[r]->name, out);
        ltd_str_puts(out, r == n - 1 ? "</th></tr>\n" : "</th>");
    }
    for (int i = 0; i < rows; i++) {
        bool any = false;
        for (int r = 0; r < n; r++) any = any || isfinite(f[r][i].value);
        if (!any) continue;
        ltd_str_printf(out, "<tr><td>%s</td>", f[0][i].label);
        for (int r = 0; r < n; r++) put_figure(&f[r][i], out);
        ltd_str_puts(out, "</tr>\n");
    }
    ltd_str_puts(out, "</table></div>\n");
}

/* --- cost table --- */

/* Points of one context. */
typedef struct curve {
    double rows[LTD_COST_MAX_POINTS], ms[LTD_COST_MAX_POINTS];
    size_t n;
    char name[96];
} curve;

static void take(curve *c, const ltd_cost *cost, int32_t context)
{
    c->n = 0;
    for (int32_t i = 0; i < cost->n_verify; i++) {
        if (cost->verify[i].context != context) continue;
        c->rows[c->n] = cost->verify[i].rows;
        c->ms[c->n++] = (double)cost->verify[i].ms;
    }
}

/* Contexts in ascending order, as the points are; the first LTD_REPORT_SERIES. */
static int take_contexts(curve *c, const ltd_cost *cost)
{
    int n = 0;
    for (int32_t i = 0; i < cost->n_verify && n < LTD_REPORT_SERIES; i++) {
        int32_t context = cost->verify[i].context;
        if (i && cost->verify[i - 1].context == context) continue;
        snprintf(c[n].name, sizeof c[n].name, "%d tokens before", context);
        take(&c[n++], cost, context);
    }
    return n;
}

static void put_curves(const curve *c, int n, const char *title, const char *unit, ltd_str *out)
{
    ltd_report_line line[LTD_REPORT_SERIES];
    for (int k = 0; k < n; k++) line[k] = (ltd_report_line){c[k].name, c[k].rows, c[k].ms, c[k].n};
    ltd_report_lines(title, unit, line, n, out);
}

void ltd_report_costs(const ltd_report_run *const *run, int n, ltd_str *out)
{
    curve c[LTD_REPORT_SERIES];
    int curves = 0;
    bool any = false;
    for (int r = 0; r < n; r++) any = any || run[r]->cost;
    if (!any) return;
    ltd_str_puts(out, "<h2>What verifying costs here</h2>\n<div class=\"panels\">\n");
    for (int r = 0; n > 1 && r < n; r++, curves++) {
        snprintf(c[r].name, sizeof c[r].name, "%.90s", run[r]->name);
        c[r].n = 0;
        if (run[r]->cost) take(&c[r], run[r]->cost, run[r]->cost->middle_context);
    }
    if (n == 1) curves = take_contexts(c, run[0]->cost);
    put_curves(c, curves, "T(V)", "ms, by rows verified", out);
    for (int k = 0; k < curves; k++)
        for (size_t i = c[k].n; i > 0; i--) c[k].ms[i - 1] /= c[k].ms[0];
    put_curves(c, curves, "T(V) / T(1)", "by rows verified", out);
    ltd_str_puts(out, "</div>\n");
    if (n > 1) return;
    const ltd_cost *cost = run[0]->cost;
    ltd_str_printf(out, "<p class=\"note\">A plain decoding step %.2f ms", (double)cost->t_ar_ms);
    if (cost->n_draft)
        ltd_str_printf(
            out, "; a draft forward of %d rows %.2f ms", cost->draft[cost->n_draft - 1].rows,
            ltd_cost_draft(cost, cost->draft[cost->n_draft - 1].rows, cost->middle_context));
    ltd_str_printf(out, "; committing %.3f ms; a decision %.4f ms.</p>\n", (double)cost->commit_ms,
                   (double)cost->decide_ms);
}

/* --- configuration --- */

static void put_value(const ltd_config *c, const ltd_key *key, ltd_str *out)
{
    ltd_str value = LTD_STR_INIT;
    ltd_config_value(c, key, &value);
    ltd_report_escape(ltd_str_text(&value), out);
    ltd_str_fini(&value);
}

void ltd_report_config(const ltd_report_run *r, ltd_str *out)
{
    int set = 0;
    size_t n = ltd_config_key_count();
    if (!r->config && !r->config_why[0]) return;
    ltd_str_puts(out, "<h2>Configuration</h2>\n");
    if (!r->config) {
        ltd_str_puts(out, "<p class=\"note\">It can't be read by this version: ");
        ltd_report_escape(r->config_why, out);
        ltd_str_puts(out, "</p>\n");
        return;
    }
    for (size_t i = 0; i < n; i++) set += !ltd_config_is_default(r->config, ltd_config_key(i));
    ltd_str_printf(out,
                   "<details><summary>%d of %zu keys are not at their defaults</summary>\n"
                   "<div class=\"scroll\"><table class=\"keys\"><tr><th>key</th><th>value</th>"
                   "<th>default</th></tr>\n",
                   set, n);
    for (size_t i = 0; i < n; i++) {
        const ltd_key *key = ltd_config_key(i);
        bool preset = ltd_config_is_default(r->config, key);
        ltd_str_printf(out, "<tr><td>%s</td><td%s>", key->name, preset ? "" : " class=\"set\"");
        put_value(r->config, key, out);
        ltd_str_puts(out, "</td><td>");
        if (!preset) ltd_report_escape(key->preset, out);
        ltd_str_puts(out, "</td></tr>\n");
    }
    ltd_str_puts(out, "</table></div></details>\n");
}

bool ltd_report_same_key(const ltd_report_run *const *run, int n, const ltd_key *key)
{
    ltd_str first = LTD_STR_INIT;
    bool same = true;
    ltd_config_value(run[0]->config, key, &first);
    for (int r = 1; r < n; r++) {
        ltd_str other = LTD_STR_INIT;
        ltd_config_value(run[r]->config, key, &other);
        same = same && strcmp(ltd_str_text(&first), ltd_str_text(&other)) == 0;
        ltd_str_fini(&other);
    }
    ltd_str_fini(&first);
    return same;
}

void ltd_report_config_differences(const ltd_report_run *const *run, int n, ltd_str *out)
{
    int rows = 0;
    ltd_str_puts(out, "<h2>Differences of the configurations</h2>\n");
    for (int r = 0; r < n; r++) {
        if (run[r]->config) continue;
        ltd_str_puts(out, "<p class=\"note\">That of ");
        ltd_report_escape(run[r]->name, out);
        ltd_str_puts(out, " can't be read");
        if (run[r]->config_why[0]) ltd_str_puts(out, ": ");
        ltd_report_escape(run[r]->config_why, out);
        ltd_str_puts(out, "</p>\n");
        return;
    }
    for (size_t i = 0; i < ltd_config_key_count(); i++) {
        const ltd_key *key = ltd_config_key(i);
        if (ltd_report_same_key(run, n, key)) continue;
        if (!rows++)
            ltd_str_puts(out, "<div class=\"scroll\"><table class=\"keys\"><tr><th>key</th>");
        for (int r = 0; rows == 1 && r < n; r++) {
            ltd_str_puts(out, "<th>");
            ltd_report_escape(run[r]->name, out);
            ltd_str_puts(out, r == n - 1 ? "</th></tr>\n" : "</th>");
        }
        ltd_str_printf(out, "<tr><td>%s</td>", key->name);
        for (int r = 0; r < n; r++) {
            ltd_str_puts(out, "<td>");
            put_value(run[r]->config, key, out);
            ltd_str_puts(out, "</td>");
        }
        ltd_str_puts(out, "</tr>\n");
    }
    ltd_str_puts(out, rows ? "</table></div>\n" : "<p class=\"note\">None.</p>\n");
}
