/* Line charts. */
#include <math.h>
#include <stdio.h>

#include "trainer/report/report_svg.h"

enum { W = 420, H = 220, LEFT = 52, RIGHT = 22, TOP = 44, BOTTOM = 24 };

typedef struct axis {
    double lo, hi; /* values at the ends */
    double at, to; /* where they are drawn */
} axis;

static double place(const axis *a, double v)
{
    return a->at + (v - a->lo) / (a->hi - a->lo) * (a->to - a->at);
}

/* Range of the values, widened to whole ticks; false when there is nothing to draw. */
static bool fit(axis *a, const ltd_report_line *line, int n_lines, size_t n)
{
    a->lo = INFINITY;
    a->hi = -INFINITY;
    for (int k = 0; k < n_lines; k++) {
        for (size_t i = 0; i < n; i++) {
            if (!isfinite(line[k].y[i])) continue;
            a->lo = fmin(a->lo, line[k].y[i]);
            a->hi = fmax(a->hi, line[k].y[i]);
        }
    }
    if (!(a->hi >= a->lo)) return false;
    double step = ltd_report_step(a->hi - a->lo, 4);
    a->lo = floor(a->lo / step) * step;
    a->hi = ceil(a->hi / step) * step;
    if (!(a->hi > a->lo)) a->hi = a->lo + step;
    return true;
}

static void put_tick(ltd_str *out, double x, double y, const char *class, double v)
{
    ltd_str_printf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%.6g</text>\n", x, y, class,
                   fabs(v) < 1e-12 ? 0 : v);
}

static void put_axes(const axis *x, const axis *y, ltd_str *out)
{
    double step = ltd_report_step(y->hi - y->lo, 4);
    for (double v = y->lo; v <= y->hi + step * 0.01; v += step) {
        double at = place(y, v);
        ltd_str_printf(out, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" class=\"grid\"/>\n",
                       LEFT, at, W - RIGHT, at);
        put_tick(out, LEFT - 6, at + 4, "label", v);
    }
    step = ltd_report_step(x->hi - x->lo, 4);
    for (double v = ceil(x->lo / step) * step; v <= x->hi + step * 0.01; v += step)
        put_tick(out, place(x, v), H - 6, "tick", v);
}

static void put_series(const axis *ax, const axis *ay, const double *x, const double *y, size_t n,
                       int color, ltd_str *out)
{
    char c[16];
    ltd_report_color(color, c);
    ltd_str_puts(out, "<polyline class=\"series\" points=\"");
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i]) && isfinite(y[i]))
            ltd_str_printf(out, "%.1f,%.1f ", place(ax, x[i]), place(ay, y[i]));
    ltd_str_printf(out, "\" style=\"stroke:%s\"/>\n", c);
}

void ltd_report_lines(const char *title, const char *unit, const double *x, size_t n,
                      const ltd_report_line *line, int n_lines, ltd_str *out)
{
    axis ax = {x[0], x[n - 1], LEFT, W - RIGHT}, ay = {0, 1, H - BOTTOM, TOP};
    if (!(ax.hi > ax.lo) || !fit(&ay, line, n_lines, n)) return;
    ltd_str_printf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", W, H);
    ltd_report_escape(title, out);
    ltd_str_puts(out, "\">\n<text x=\"0\" y=\"13\" class=\"group\">");
    ltd_report_escape(title, out);
    if (unit[0]) {
        ltd_str_puts(out, " [");
        ltd_report_escape(unit, out);
        ltd_str_puts(out, "]");
    }
    ltd_str_puts(out, "</text>\n");
    put_axes(&ax, &ay, out);
    for (int k = 0; k < n_lines; k++) {
        char c[16];
        int at = LEFT + k * 120;
        ltd_report_color(k + 1, c);
        ltd_str_printf(out,
                       "<line x1=\"%d\" y1=\"27\" x2=\"%d\" y2=\"27\" class=\"series\" "
                       "style=\"stroke:%s\"/>\n<text x=\"%d\" y=\"31\" class=\"value\">",
                       at, at + 14, c, at + 19);
        ltd_report_escape(line[k].name, out);
        ltd_str_puts(out, "</text>\n");
        put_series(&ax, &ay, x, line[k].y, n, k + 1, out);
    }
    ltd_str_puts(out, "</svg>\n");
}
