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

static void open_svg(ltd_str *out, int width, int height, const char *title)
{
    ltd_str_printf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", width, height);
    ltd_report_escape(title, out);
    ltd_str_puts(out, "\">\n");
}

static void put_text(ltd_str *out, double x, double y, const char *class, const char *text)
{
    ltd_str_printf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
    ltd_report_escape(text, out);
    ltd_str_puts(out, "</text>\n");
}

static void put_line(ltd_str *out, double x1, double y1, double x2, double y2, const char *class)
{
    ltd_str_printf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n",
                   x1, y1, x2, y2, class);
}

static void put_rect(ltd_str *out, double x, double y, double w, double h, const char *color,
                     const char *tip)
{
    ltd_str_printf(out,
                   "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
                   "style=\"fill:%s\"><title>",
                   x, y, w, h, color);
    ltd_report_escape(tip, out);
    ltd_str_puts(out, "</title></rect>\n");
}

/* --- speed-up --- */

enum { WIDTH = 860, LABEL = 150, RIGHT = 90, BAR = 14, GAP = 5, GROUP = 28 };

static double widest(const ltd_bench_task *t, double most)
{
    for (int32_t i = 0; i < t->n_rows; i++) {
        double hi =
            isfinite(t->rows[i].speedup_ci.hi) ? t->rows[i].speedup_ci.hi : t->rows[i].speedup;
        if (isfinite(hi) && hi > most) most = hi;
    }
    return most;
}

static void put_bar(const ltd_bench_row *r, int i, double scale, double y, ltd_str *out)
{
    char color[16], tip[160], value[32];
    double end = r->speedup;
    ltd_report_color(i, color);
    put_text(out, LABEL - 8, y + BAR - 3, "label", r->policy);
    if (!isfinite(r->speedup)) return;
    snprintf(tip, sizeof tip, "%s: %.3f x, %.1f tok/s", r->policy, r->speedup, r->tok_s);
    put_rect(out, LABEL, y, r->speedup * scale, BAR, color, tip);
    if (isfinite(r->speedup_ci.lo) && isfinite(r->speedup_ci.hi)) {
        double lo = LABEL + r->speedup_ci.lo * scale, hi = LABEL + r->speedup_ci.hi * scale;
        put_line(out, lo, y + BAR / 2.0, hi, y + BAR / 2.0, "whisker");
        put_line(out, lo, y + 3, lo, y + BAR - 3, "whisker");
        put_line(out, hi, y + 3, hi, y + BAR - 3, "whisker");
        if (r->speedup_ci.hi > end) end = r->speedup_ci.hi;
    }
    snprintf(value, sizeof value, "%.2f x", r->speedup);
    put_text(out, LABEL + end * scale + 6, y + BAR - 3, "value", value);
}

static double put_group(const ltd_bench_task *t, double scale, double y, ltd_str *out)
{
    put_text(out, 0, y + 16, "group", t->task);
    y += GROUP;
    for (int32_t i = 0; i < t->n_rows; i++, y += BAR + GAP) put_bar(&t->rows[i], i, scale, y, out);
    return y + 6;
}

void ltd_report_bars(const ltd_bench *b, ltd_str *out)
{
    double most = widest(&b->all, 1);
    int groups = b->n_tasks == 1 ? 0 : 1, height = 24;
    for (int32_t i = 0; i < b->n_tasks; i++) most = widest(&b->tasks[i], most);
    height += (b->n_tasks + groups) * (GROUP + 6 + b->all.n_rows * (BAR + GAP));
    double scale = (WIDTH - LABEL - RIGHT) / most, step = ltd_report_step(most, 5), y = 0;
    open_svg(out, WIDTH, height, "Speed-up over plain decoding");
    for (double v = 0; v <= most * 1.0001; v += step) {
        char tick[16];
        snprintf(tick, sizeof tick, "%g", v);
        put_line(out, LABEL + v * scale, GROUP - 6, LABEL + v * scale, height - 18, "grid");
        put_text(out, LABEL + v * scale, height - 4, "tick", tick);
    }
    put_line(out, LABEL + scale, GROUP - 6, LABEL + scale, height - 18, "one");
    if (groups) y = put_group(&b->all, scale, y, out);
    for (int32_t i = 0; i < b->n_tasks; i++) y = put_group(&b->tasks[i], scale, y, out);
    ltd_str_puts(out, "</svg>\n");
}

/* --- accepted length --- */

static void put_histogram(const ltd_bench_row *r, int i, int last, ltd_str *out)
{
    enum { W = 270, H = 130, BASE = 104, TOP = 22 };
    char color[16], text[96];
    double sum = 0, most = 0;
    for (int k = 0; k < LTD_RUN_ACCEPT; k++) sum += r->accept_hist[k];
    for (int k = 0; k < LTD_RUN_ACCEPT; k++) most = fmax(most, r->accept_hist[k]);
    if (!(sum > 0)) return;
    double step = (double)W / last;
    ltd_report_color(i, color);
    snprintf(text, sizeof text, "%s: mean %.2f", r->policy, r->accept_len);
    open_svg(out, W, H, text);
    put_text(out, 0, 13, "group", text);
    for (int k = 1; k <= last; k++) {
        double share = r->accept_hist[k] / sum, h = (BASE - TOP) * r->accept_hist[k] / most;
        snprintf(text, sizeof text, "%d accepted: %.1f %% of cycles", k, 100 * share);
        put_rect(out, (k - 1) * step + 1, BASE - h, step - 2, h, color, text);
        snprintf(text, sizeof text, "%d", k);
        if (last <= 12 || k % 4 == 1) put_text(out, (k - 0.5) * step, BASE + 15, "tick", text);
    }
    put_line(out, 0, BASE, W, BASE, "axis");
    ltd_str_puts(out, "</svg>\n");
}

void ltd_report_accepted(const ltd_bench_task *all, ltd_str *out)
{
    int last = 4; /* the same axis for all panels */
    for (int32_t i = 0; i < all->n_rows; i++)
        for (int k = last + 1; k < LTD_RUN_ACCEPT; k++)
            if (all->rows[i].accept_hist[k]) last = k;
    ltd_str_puts(out, "<div class=\"panels\">\n");
    for (int32_t i = 0; i < all->n_rows; i++) put_histogram(&all->rows[i], i, last, out);
    ltd_str_puts(out, "</div>\n");
}

/* --- phases --- */

void ltd_report_phases(const ltd_bench_task *all, ltd_str *out)
{
    int height = 30 + all->n_rows * (BAR + GAP + 4);
    double width = WIDTH - LABEL - RIGHT, y = 30, x = LABEL;
    open_svg(out, WIDTH, height, "Share of time by phase");
    for (int p = 0; p < LTD_PHASE_COUNT; p++, x += 90) {
        char color[16];
        snprintf(color, sizeof color, "var(--p%d)", p);
        put_rect(out, x, 4, 11, 11, color, ltd_phase_name((ltd_phase)p));
        put_text(out, x + 16, 14, "value", ltd_phase_name((ltd_phase)p));
    }
    for (int32_t i = 0; i < all->n_rows; i++, y += BAR + GAP + 4) {
        const ltd_bench_row *r = &all->rows[i];
        put_text(out, LABEL - 8, y + BAR - 3, "label", r->policy);
        x = LABEL;
        for (int p = 0; p < LTD_PHASE_COUNT; p++) {
            char color[16], tip[96];
            double w = isfinite(r->phase[p]) ? r->phase[p] * width : 0;
            snprintf(color, sizeof color, "var(--p%d)", p);
            snprintf(tip, sizeof tip, "%s: %s %.2f %%", r->policy, ltd_phase_name((ltd_phase)p),
                     100 * r->phase[p]);
            put_rect(out, x, y, w, BAR, color, tip);
            x += w;
        }
    }
    ltd_str_puts(out, "</svg>\n");
}
