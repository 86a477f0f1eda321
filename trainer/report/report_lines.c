/* Line charts: a figure with its legend as text, which wraps, over an SVG of the lines. */
#include <math.h>
#include <stdio.h>

#include "trainer/report/report_svg.h"

/* As wide as a phone's screen, so that letters are there as large as they are written. */
enum { W = 360, H = 190, LEFT = 46, RIGHT = 14, TOP = 10, BOTTOM = 22 };

typedef struct axis {
    double lo, hi; /* values at the ends */
    double at, to; /* where they are drawn */
} axis;

static double place(const axis *a, double v)
{
    return a->at + (v - a->lo) / (a->hi - a->lo) * (a->to - a->at);
}

static bool drawable(const ltd_report_line *l, size_t i)
{
    return isfinite(l->x[i]) && isfinite(l->y[i]);
}

/* Range of all points; false when there is none. */
static bool fit(axis *x, axis *y, const ltd_report_line *line, int n_lines)
{
    x->lo = y->lo = INFINITY;
    x->hi = y->hi = -INFINITY;
    for (int k = 0; k < n_lines; k++) {
        for (size_t i = 0; i < line[k].n; i++) {
            if (!drawable(&line[k], i)) continue;
            x->lo = fmin(x->lo, line[k].x[i]);
            x->hi = fmax(x->hi, line[k].x[i]);
            y->lo = fmin(y->lo, line[k].y[i]);
            y->hi = fmax(y->hi, line[k].y[i]);
        }
    }
    if (!(x->hi >= x->lo)) return false;
    if (!(x->hi > x->lo)) { /* one place: in the middle */
        x->lo -= 1;
        x->hi += 1;
    }
    double step = ltd_report_step(y->hi - y->lo, 4);
    if (!(y->hi > y->lo)) step = ltd_report_step(fabs(y->hi), 4);
    double lo = floor(y->lo / step) * step, hi = ceil(y->hi / step) * step;
    *y = (axis){lo, hi > lo ? hi : lo + step, y->at, y->to};
    return true;
}

const char *ltd_report_tick(double v, double step, char ret[16])
{
    double size = fabs(v);
    if (size < step * 1e-6) v = 0;
    if (size >= 1e6)
        snprintf(ret, 16, "%.4gM", v * 1e-6);
    else if (size >= 10000)
        snprintf(ret, 16, "%.4gk", v * 1e-3);
    else
        snprintf(ret, 16, "%.4g", v);
    return ret;
}

static void put_tick(ltd_str *out, double x, double y, const char *class, double v, double step)
{
    char text[16];
    ltd_str_printf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>\n", x, y, class,
                   ltd_report_tick(v, step, text));
}

static void put_axes(const axis *x, const axis *y, ltd_str *out)
{
    double step = ltd_report_step(y->hi - y->lo, 4);
    for (int i = 0, n = ltd_report_ticks(y->lo, y->hi, step); i < n; i++) {
        double v = y->lo + i * step, at = place(y, v);
        ltd_str_printf(out, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" class=\"grid\"/>\n",
                       LEFT, at, W - RIGHT, at);
        put_tick(out, LEFT - 6, at + 4, "label", v, step);
    }
    step = ltd_report_step(x->hi - x->lo, 4);
    double from = ceil(x->lo / step) * step;
    for (int i = 0, n = ltd_report_ticks(from, x->hi, step); i < n; i++)
        put_tick(out, fmin(place(x, from + i * step), W - RIGHT), H - 6, "tick", from + i * step,
                 step);
}

size_t ltd_report_thin(const ltd_report_line *l, size_t *ret)
{
    size_t n = 0, kept = 0, buckets = LTD_REPORT_POINTS / 2;
    for (size_t i = 0; i < l->n; i++) n += drawable(l, i);
    for (size_t i = 0, seen = 0; i < l->n;) {
        /* the lowest and the highest point of a bucket, in their order */
        size_t lo = l->n, hi = l->n, bucket = n > LTD_REPORT_POINTS ? seen * buckets / n : seen;
        for (; i < l->n; i++) {
            if (!drawable(l, i)) continue;
            if ((n > LTD_REPORT_POINTS ? seen * buckets / n : seen) != bucket) break;
            if (lo == l->n || l->y[i] < l->y[lo]) lo = i;
            if (hi == l->n || l->y[i] > l->y[hi]) hi = i;
            seen++;
        }
        if (lo == l->n) continue;
        ret[kept++] = lo < hi ? lo : hi;
        if (lo != hi) ret[kept++] = lo < hi ? hi : lo;
    }
    return kept;
}

static void put_series(const axis *ax, const axis *ay, const ltd_report_line *l, const char *color,
                       ltd_str *out)
{
    size_t at[LTD_REPORT_POINTS + 2], n = ltd_report_thin(l, at);
    if (n == 1)
        ltd_str_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" style=\"fill:%s\"/>\n",
                       place(ax, l->x[at[0]]), place(ay, l->y[at[0]]), color);
    if (n < 2) return;
    ltd_str_puts(out, "<polyline class=\"series\" points=\"");
    for (size_t i = 0; i < n; i++)
        ltd_str_printf(out, "%s%.1f,%.1f", i ? " " : "", place(ax, l->x[at[i]]),
                       place(ay, l->y[at[i]]));
    ltd_str_printf(out, "\" style=\"stroke:%s\"/>\n", color);
}

void ltd_report_key(const char *color, const char *name, ltd_str *out)
{
    ltd_str_printf(out, " <span class=\"key\"><i style=\"background:%s\"></i>", color);
    ltd_report_escape(name, out);
    ltd_str_puts(out, "</span>");
}

void ltd_report_lines(const char *title, const char *unit, const ltd_report_line *line, int n_lines,
                      ltd_str *out)
{
    axis x = {0, 1, LEFT, W - RIGHT}, y = {0, 1, H - BOTTOM, TOP};
    char color[16];
    if (!fit(&x, &y, line, n_lines)) return;
    ltd_str_puts(out, "<figure class=\"chart\"><figcaption><b>");
    ltd_report_escape(title, out);
    ltd_str_puts(out, "</b>");
    if (unit[0]) {
        ltd_str_puts(out, " ");
        ltd_report_escape(unit, out);
    }
    for (int k = 0; k < n_lines; k++) {
        ltd_report_color(k + 1, color);
        if (line[k].n) ltd_report_key(color, line[k].name, out);
    }
    ltd_str_printf(out, "</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", W,
                   H);
    ltd_report_escape(title, out);
    ltd_str_puts(out, "\">\n");
    put_axes(&x, &y, out);
    for (int k = 0; k < n_lines; k++) {
        ltd_report_color(k + 1, color);
        put_series(&x, &y, &line[k], color, out);
    }
    ltd_str_puts(out, "</svg></figure>\n");
}
