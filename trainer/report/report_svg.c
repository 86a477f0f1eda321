#include "trainer/report/report_svg.h"

#include <math.h>
#include <stdio.h>

void ltd_report_escape(const char *text, ltd_str *out)
{
    for (; *text; text++) {
        const char *entity = *text == '&'    ? "&amp;"
                             : *text == '<'  ? "&lt;"
                             : *text == '>'  ? "&gt;"
                             : *text == '"'  ? "&quot;"
                             : *text == '\'' ? "&#39;"
                                             : NULL;
        if (entity)
            ltd_str_puts(out, entity);
        else
            ltd_str_push(out, text, 1);
    }
}

void ltd_report_color(int i, char ret[16])
{
    snprintf(ret, 16, "var(--c%d)", i % LTD_REPORT_COLORS);
}

double ltd_report_step(double span, int ticks)
{
    if (!(span > 0) || !isfinite(span)) return 1;
    double raw = span / ticks, power = pow(10, floor(log10(raw))), f = raw / power;
    return power * (f <= 1 ? 1 : f <= 2 ? 2 : f <= 5 ? 5 : 10);
}

int ltd_report_ticks(double from, double hi, double step)
{
    double n = floor((hi - from) / step + 0.01) + 1;
    return n > 0 ? n < 16 ? (int)n : 16 : 0;
}

/* --- speed-up --- */

static double widest(const ltd_bench_task *t, double most)
{
    for (int32_t i = 0; i < t->n_rows; i++) {
        double hi =
            isfinite(t->rows[i].speedup_ci.hi) ? t->rows[i].speedup_ci.hi : t->rows[i].speedup;
        if (isfinite(hi) && hi > most) most = hi;
    }
    return most;
}

static void put_bar(const ltd_bench_row *r, int i, double most, ltd_str *out)
{
    char color[16];
    ltd_report_color(i, color);
    ltd_str_puts(out, "<span>");
    ltd_report_escape(r->policy, out);
    ltd_str_printf(out, "</span><div class=\"bar\">");
    if (isfinite(r->speedup))
        ltd_str_printf(out, "<i style=\"width:%.2f%%;background:%s\"></i>", 100 * r->speedup / most,
                       color);
    ltd_str_printf(out, "<u style=\"left:%.2f%%\"></u>", 100 / most);
    if (isfinite(r->speedup_ci.lo) && isfinite(r->speedup_ci.hi))
        ltd_str_printf(out, "<b style=\"left:%.2f%%;width:%.2f%%\"></b>",
                       100 * r->speedup_ci.lo / most,
                       100 * (r->speedup_ci.hi - r->speedup_ci.lo) / most);
    if (isfinite(r->speedup))
        ltd_str_printf(out, "</div><span>%.2f x</span>\n", r->speedup);
    else
        ltd_str_puts(out, "</div><span>-</span>\n");
}

static void put_group(const ltd_bench_task *t, double most, ltd_str *out)
{
    ltd_str_puts(out, "<figure><figcaption><b>");
    ltd_report_escape(t->task, out);
    ltd_str_puts(out, "</b></figcaption>\n<div class=\"bars\">\n");
    for (int32_t i = 0; i < t->n_rows; i++) put_bar(&t->rows[i], i, most, out);
    ltd_str_puts(out, "</div></figure>\n");
}

void ltd_report_bars(const ltd_bench *b, ltd_str *out)
{
    double most = widest(&b->all, 1); /* the same axis for all panels */
    for (int32_t i = 0; i < b->n_tasks; i++) most = widest(&b->tasks[i], most);
    ltd_str_puts(out, "<div class=\"panels\">\n");
    if (b->n_tasks != 1) put_group(&b->all, most, out);
    for (int32_t i = 0; i < b->n_tasks; i++) put_group(&b->tasks[i], most, out);
    ltd_str_puts(out, "</div>\n");
}

/* --- accepted length --- */

void ltd_report_accepted(const ltd_bench_task *all, ltd_str *out)
{
    ltd_str_puts(out, "<div class=\"panels\">\n");
    for (int32_t i = 0; i < all->n_rows; i++) {
        const ltd_bench_row *r = &all->rows[i];
        double count[LTD_RUN_ACCEPT];
        char color[16], title[64];
        for (int k = 0; k < LTD_RUN_ACCEPT; k++) count[k] = r->accept_hist[k];
        ltd_report_color(i, color);
        snprintf(title, sizeof title, "%s: mean %.2f", r->policy, r->accept_len);
        ltd_report_histogram(title, count, LTD_RUN_ACCEPT, color, out);
    }
    ltd_str_puts(out, "</div>\n");
}

/* --- phases --- */

static void put_shares(const ltd_bench_row *r, ltd_str *out)
{
    ltd_str_puts(out, "<span>");
    ltd_report_escape(r->policy, out);
    ltd_str_puts(out, "</span><div class=\"bar\">");
    for (int p = 0; p < LTD_PHASE_COUNT; p++) {
        if (!isfinite(r->phase[p])) continue;
        ltd_str_printf(out,
                       "<i style=\"width:%.2f%%;background:var(--p%d)\" title=\"%s %.2f %%\"></i>",
                       100 * r->phase[p], p, ltd_phase_name((ltd_phase)p), 100 * r->phase[p]);
    }
    double verify = r->phase[LTD_PHASE_VERIFY];
    if (isfinite(verify))
        ltd_str_printf(out, "</div><span>%.0f %%</span>\n", 100 * verify);
    else
        ltd_str_puts(out, "</div><span>-</span>\n");
}

void ltd_report_phases(const ltd_bench_task *all, ltd_str *out)
{
    ltd_str_puts(out, "<figcaption>Share of the windows; at the end of a row that of verifying.");
    for (int p = 0; p < LTD_PHASE_COUNT; p++) {
        char color[16];
        snprintf(color, sizeof color, "var(--p%d)", p);
        ltd_report_key(color, ltd_phase_name((ltd_phase)p), out);
    }
    ltd_str_puts(out, "</figcaption>\n<div class=\"bars\">\n");
    for (int32_t i = 0; i < all->n_rows; i++) put_shares(&all->rows[i], out);
    ltd_str_puts(out, "</div>\n");
}
