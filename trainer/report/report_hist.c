/* Histograms, and histograms over time. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "trainer/report/report_svg.h"

enum { W = 360, LEFT = 30, RIGHT = 14 };

static void open_figure(const char *title, const char *what, int height, ltd_str *out)
{
    ltd_str_puts(out, "<figure class=\"chart\"><figcaption><b>");
    ltd_report_escape(title, out);
    ltd_str_puts(out, "</b> ");
    ltd_report_escape(what, out);
    ltd_str_printf(out, "</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", W,
                   height);
    ltd_report_escape(title, out);
    ltd_str_puts(out, "\">\n");
}

/* --- one histogram --- */

enum { BARS = 14, TOP = 16, BASE = 116, BARS_HEIGHT = 134, BAR = (W - 2 * RIGHT) / BARS };

/* The values that occur, ascending; with more than there are bars the last one holds the rest. */
typedef struct bars {
    int n, value[BARS];
    bool more;
    double count[BARS], sum, most;
} bars;

static bars gather(const double *count, int n)
{
    bars b = {.n = 0};
    for (int i = 0; i < n; i++) {
        if (!(count[i] > 0) || !isfinite(count[i])) continue;
        b.more = b.n == BARS;
        if (!b.more) b.value[b.n++] = i;
        b.count[b.n - 1] += count[i];
        b.sum += count[i];
    }
    for (int k = 0; k < b.n; k++) b.most = fmax(b.most, b.count[k]);
    return b;
}

void ltd_report_histogram(const char *title, const double *count, int n, const char *color,
                          ltd_str *out)
{
    bars b = gather(count, n);
    if (!b.n) return;
    open_figure(title, "% of cycles", BARS_HEIGHT, out);
    for (int k = 0; k < b.n; k++) {
        int x = RIGHT + k * BAR;
        double share = b.count[k] / b.sum, h = (BASE - TOP) * b.count[k] / b.most;
        ltd_str_printf(out,
                       "<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" "
                       "style=\"fill:%s\"/>\n",
                       x + 1, BASE - h, BAR - 2, h, color);
        if (share >= 0.005)
            ltd_str_printf(out, "<text x=\"%d\" y=\"%.1f\" class=\"tick\">%.0f</text>\n",
                           x + BAR / 2, BASE - h - 3, 100 * share);
        ltd_str_printf(out, "<text x=\"%d\" y=\"%d\" class=\"tick\">%d%s</text>\n", x + BAR / 2,
                       BASE + 14, b.value[k], b.more && k == BARS - 1 ? "+" : "");
    }
    ltd_str_printf(out, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"axis\"/>\n", RIGHT,
                   BASE, W - RIGHT, BASE);
    ltd_str_puts(out, "</svg></figure>\n");
}

void ltd_report_last_histogram(const ltd_report_csv *t, const char *key, double *ret, int n)
{
    const double *step = ltd_report_csv_column(t, "step"),
                 *value = ltd_report_csv_column(t, "value"), *c = ltd_report_csv_column(t, key);
    double last = NAN;
    for (int i = 0; i < n; i++) ret[i] = 0;
    if (!step || !value || !c) return;
    for (size_t i = 0; i < t->rows; i++)
        if (c[i] > 0) last = step[i];
    for (size_t i = 0; i < t->rows; i++)
        if (step[i] == last && value[i] >= 0 && value[i] < n && isfinite(c[i]))
            ret[(int)value[i]] += c[i];
}

/* --- over time --- */

enum { COLUMNS = 60, ROWS = 14, CELL = 13, STRIP_TOP = 4, STRIP_BOTTOM = 20 };

typedef struct strip {
    double from, to; /* steps */
    int value[ROWS]; /* that a row begins with, ascending; the last one holds all behind it */
    int rows;
    bool more; /* values than rows */
    double cell[COLUMNS][ROWS], sum[COLUMNS];
} strip;

/* Rows for the values that occur; at the end of them all the others. */
static void choose_rows(strip *s, const double *value, const double *count, size_t n)
{
    bool seen[512] = {false};
    for (size_t i = 0; i < n; i++)
        if (count[i] > 0 && value[i] >= 0 && value[i] < 512) seen[(int)value[i]] = true;
    s->rows = 0;
    for (int v = 0; v < 512; v++) {
        if (!seen[v]) continue;
        s->more = s->rows == ROWS;
        if (!s->more) s->value[s->rows++] = v;
    }
}

static void fill(strip *s, const double *step, const double *value, const double *count, size_t n)
{
    if (!s->rows) return;
    for (size_t i = 0; i < n; i++) {
        if (!(count[i] > 0) || !isfinite(step[i]) || !(value[i] >= 0)) continue;
        int c = (int)((step[i] - s->from) / (s->to - s->from) * COLUMNS), r = s->rows - 1;
        if (c >= COLUMNS) c = COLUMNS - 1;
        while (r > 0 && value[i] < s->value[r]) r--;
        s->cell[c][r] += count[i];
        s->sum[c] += count[i];
    }
}

static void put_cells(const strip *s, int base, ltd_str *out)
{
    double width = (double)(W - LEFT - RIGHT) / COLUMNS;
    int last = -1; /* stretches without a step show what came before */
    for (int c = 0; c < COLUMNS; c++) {
        if (s->sum[c] > 0) last = c;
        for (int r = 0; last >= 0 && r < s->rows; r++) {
            double share = s->cell[last][r] / s->sum[last];
            if (share < 0.005) continue;
            ltd_str_printf(out,
                           "<rect x=\"%.1f\" y=\"%d\" width=\"%.2f\" height=\"%d\" "
                           "style=\"fill:rgb(var(--heat)/%.2f)\"/>\n",
                           LEFT + c * width, base - (r + 1) * CELL, width + 0.05, CELL - 1,
                           fmin(0.06 + 1.2 * share, 1));
        }
    }
}

static void put_strip(const strip *s, const char *title, ltd_str *out)
{
    int base = STRIP_TOP + s->rows * CELL;
    open_figure(title, "by cycles of training", base + STRIP_BOTTOM, out);
    put_cells(s, base, out);
    for (int r = 0; r < s->rows; r++)
        ltd_str_printf(out, "<text x=\"%d\" y=\"%d\" class=\"label\">%d%s</text>\n", LEFT - 5,
                       base - r * CELL - 3, s->value[r], s->more && r == ROWS - 1 ? "+" : "");
    double step = ltd_report_step(s->to - s->from, 4);
    double from = ceil(s->from / step) * step;
    for (int i = 0, n = ltd_report_ticks(from, s->to, step); i < n; i++) {
        char text[16];
        double v = from + i * step;
        double x = LEFT + (v - s->from) / (s->to - s->from) * (W - LEFT - RIGHT);
        ltd_str_printf(out, "<text x=\"%.1f\" y=\"%d\" class=\"tick\">%s</text>\n", x, base + 14,
                       ltd_report_tick(v, step, text));
    }
    ltd_str_puts(out, "</svg></figure>\n");
}

void ltd_report_strip(const char *title, const ltd_report_csv *t, const char *key, ltd_str *out)
{
    const double *step = ltd_report_csv_column(t, "step"),
                 *value = ltd_report_csv_column(t, "value"), *c = ltd_report_csv_column(t, key);
    strip s = {.from = INFINITY, .to = -INFINITY};
    if (!step || !value || !c) return;
    for (size_t i = 0; i < t->rows; i++) {
        if (!(c[i] > 0) || !isfinite(step[i])) continue;
        s.from = fmin(s.from, step[i]);
        s.to = fmax(s.to, step[i]);
    }
    if (!(s.to > s.from)) return;
    choose_rows(&s, value, c, t->rows);
    fill(&s, step, value, c, t->rows);
    if (s.rows) put_strip(&s, title, out);
}
