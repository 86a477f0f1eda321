/* A frame is composed as a whole and written at once:
 *
 *     to the first line of the last frame, line + erase the rest of it..., erase what is below
 *
 * A terminal that became narrower has wrapped the lines of the last frame, so that it takes more
 * rows than it had lines. */
#define _DEFAULT_SOURCE /* ioctl */
#include "trainer/metrics/dashboard.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "trainer/metrics/columns.h"

enum { FIGURE = 18, GAP = 2, SHARE = 2 * FIGURE + GAP };

/* --- the terminal --- */

/* The codeset of the environment, without touching the program's locale. */
static bool locale_is_utf8(void)
{
    locale_t l = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (!l) return false;
    bool is = strcmp(nl_langinfo_l(CODESET, l), "UTF-8") == 0;
    freelocale(l);
    return is;
}

static void ask_size(ltd_dashboard *d)
{
    struct winsize size;
    if (!d->asks || ioctl(fileno(d->line.out), TIOCGWINSZ, &size) != 0) return;
    if (size.ws_col > 0) d->line.width = d->width = size.ws_col;
    if (size.ws_row > 0) d->height = size.ws_row;
}

void ltd_dashboard_init(ltd_dashboard *d, FILE *out, const ltd_clock *clock, const char *label,
                        const char *title)
{
    memset(d, 0, sizeof *d);
    ltd_progress_init(&d->line, out, clock, label, 0);
    d->title = title;
    d->utf8 = locale_is_utf8();
    d->asks = d->line.redraw;
    d->width = d->line.width;
    d->height = 24;
}

static bool is_block(const ltd_dashboard *d)
{
    return d->line.redraw && d->width >= LTD_DASHBOARD_MIN_WIDTH &&
           d->height >= LTD_DASHBOARD_MIN_HEIGHT;
}

/* --- a line --- */

typedef struct row {
    ltd_dashboard *d;
    ltd_str *out;
    int room, used; /* columns */
} row;

static void put(row *r, const char *style, const char *text)
{
    bool color = r->d->line.color && style && text[0];
    if (color) ltd_str_printf(r->out, "\033[%sm", style);
    /* What was cut ends the line: nothing narrower may stand in its place. */
    if (!ltd_columns_put(r->out, text, r->room - r->used, &r->used)) r->room = r->used;
    if (color) ltd_str_puts(r->out, "\033[0m");
}

static void pad(row *r, int columns)
{
    for (; columns > 0 && r->used < r->room; columns--, r->used++) ltd_str_puts(r->out, " ");
}

static void put_bar(row *r, const char *style, double share, int columns)
{
    ltd_str bar = LTD_STR_INIT;
    ltd_spark_bar(share, columns, r->d->utf8, &bar);
    put(r, style, ltd_str_text(&bar));
    ltd_str_fini(&bar);
}

/* Is there a line left for it?  One of the terminal's is for the cursor. */
static bool open_row(ltd_dashboard *d, ltd_str *out, row *ret)
{
    if (d->n_drawn >= d->height - 1 || d->n_drawn == LTD_DASHBOARD_LINES) return false;
    *ret = (row){d, out, d->width - 1, 0};
    return true;
}

static void close_row(row *r)
{
    ltd_str_puts(r->out, "\033[K\n");
    r->d->drawn[r->d->n_drawn++] = r->used;
}

/* --- the lines --- */

/* "train: both policies, live  runs/a" */
static void put_title(ltd_dashboard *d, ltd_str *out)
{
    row r;
    if (!open_row(d, out, &r)) return;
    put(&r, "1", d->line.label);
    if (d->what[0]) {
        put(&r, "1", ": ");
        put(&r, NULL, d->what);
    }
    if (d->title[0]) {
        pad(&r, GAP);
        put(&r, "2", d->title);
    }
    close_row(&r);
}

/* "=====.....  37%  7400/20000  2m05s  ETA 12s", the bar as long as there is room. */
static void put_progress(ltd_dashboard *d, uint64_t now, ltd_str *out)
{
    row r;
    ltd_str text = LTD_STR_INIT;
    if (!open_row(d, out, &r)) return;
    ltd_progress_state(&d->line, d->done, now, &text);
    int bar = r.room - ltd_columns(ltd_str_text(&text));
    if (d->line.total && bar > 0) {
        double share = (double)d->done / (double)d->line.total;
        put_bar(&r, "32", share, bar < 60 ? bar : 60);
    }
    /* The state begins with the two blanks that part it from what is before it. */
    put(&r, NULL, ltd_str_text(&text) + (r.used ? 0 : GAP));
    ltd_str_fini(&text);
    close_row(&r);
}

/* "reward  _.:-=+*#  -0.021 to 0.312" */
static void put_curve(ltd_dashboard *d, ltd_str *out)
{
    row r;
    char range[48];
    ltd_str curve = LTD_STR_INIT;
    if (!d->curve_name || !open_row(d, out, &r)) return;
    int room = r.room - ltd_columns(d->curve_name) - 2 * GAP - 20;
    ltd_spark_draw(&d->curve, room, d->utf8, &curve);
    snprintf(range, sizeof range, "%.3f to %.3f", d->curve.low, d->curve.high);
    put(&r, "2", d->curve_name);
    pad(&r, GAP);
    put(&r, "36", ltd_str_text(&curve));
    pad(&r, GAP);
    put(&r, "2", range);
    ltd_str_fini(&curve);
    close_row(&r);
}

static int cells(const ltd_dashboard *d, int width)
{
    return (d->width - 1 + GAP) / (width + GAP);
}

/* "tokens/s        512  accepted       3.41": as many side by side as fit. */
static void put_figures(ltd_dashboard *d, ltd_str *out)
{
    row r;
    int across = cells(d, FIGURE);
    for (int i = 0; i < d->n_figures; i++) {
        const ltd_dashboard_figure *f = &d->figure[i];
        if (i % across == 0 && !open_row(d, out, &r)) return;
        if (i % across) pad(&r, GAP);
        put(&r, "2", f->name);
        int gap = FIGURE - ltd_columns(f->name) - ltd_columns(f->text);
        pad(&r, gap > 1 ? gap : 1);
        put(&r, NULL, f->text);
        if (i % across == across - 1 || i == d->n_figures - 1) close_row(&r);
    }
}

/* "verify   ########........   52.0%": the same for shares, twice as wide. */
static void put_shares(ltd_dashboard *d, ltd_str *out)
{
    static const char *const colors[] = {"34", "33", "32", "35", "36"};
    enum { NAME = 9, PERCENT = 7 };
    row r;
    char percent[16];
    int across = cells(d, SHARE);
    for (int i = 0; i < d->n_shares; i++) {
        const ltd_dashboard_share *s = &d->share[i];
        if (i % across == 0 && !open_row(d, out, &r)) return;
        if (i % across) pad(&r, GAP);
        put(&r, "2", s->name);
        pad(&r, NAME - ltd_columns(s->name));
        put_bar(&r, colors[i % 5], s->share, SHARE - NAME - PERCENT);
        snprintf(percent, sizeof percent, "%6.1f%%", 100 * s->share);
        put(&r, NULL, percent);
        if (i % across == across - 1 || i == d->n_shares - 1) close_row(&r);
    }
}

/* --- drawing --- */

/* To the first row of the block that is on the screen. */
static void go_up(const ltd_dashboard *d, ltd_str *out)
{
    int rows = 0;
    for (int i = 0; i < d->n_drawn; i++)
        rows += d->drawn[i] > d->width ? (d->drawn[i] + d->width - 1) / d->width : 1;
    ltd_str_puts(out, "\r");
    if (rows) ltd_str_printf(out, "\033[%dA", rows);
}

static void write_frame(ltd_dashboard *d, const ltd_str *frame)
{
    if (!frame->failed) fwrite(frame->data, 1, frame->len, d->line.out);
    fflush(d->line.out);
}

static void draw_block(ltd_dashboard *d, uint64_t now)
{
    ltd_str frame = LTD_STR_INIT;
    go_up(d, &frame);
    d->n_drawn = 0;
    put_title(d, &frame);
    put_progress(d, now, &frame);
    put_curve(d, &frame);
    put_figures(d, &frame);
    put_shares(d, &frame);
    ltd_str_puts(&frame, "\033[J");
    write_frame(d, &frame);
    ltd_str_fini(&frame);
    d->line.last_ns = now;
    d->line.begun = true;
    d->line.drawn = false;
}

/* Take the block off the screen. */
static void erase(ltd_dashboard *d)
{
    if (d->n_drawn == 0) return;
    ltd_str frame = LTD_STR_INIT;
    go_up(d, &frame);
    ltd_str_puts(&frame, "\033[J");
    write_frame(d, &frame);
    ltd_str_fini(&frame);
    d->n_drawn = 0;
}

/* "both, live  tokens/s 512  accepted 3.41": the same, for one line. */
static void put_fields(const ltd_dashboard *d, ltd_str *out)
{
    ltd_str_puts(out, d->what);
    for (int i = 0; i < d->n_figures; i++)
        ltd_str_printf(out, "%s%s %s", out->len ? "  " : "", d->figure[i].name, d->figure[i].text);
}

static void draw_line(ltd_dashboard *d, bool last)
{
    ltd_str fields = LTD_STR_INIT;
    erase(d);
    put_fields(d, &fields);
    if (last)
        ltd_progress_finish(&d->line, d->done, ltd_str_text(&fields));
    else
        ltd_progress_update(&d->line, d->done, ltd_str_text(&fields));
    ltd_str_fini(&fields);
}

void ltd_dashboard_update(ltd_dashboard *d, uint64_t done)
{
    ltd_progress *l = &d->line;
    uint64_t now = ltd_clock_now(l->clock);
    d->done = done;
    if (l->quiet || (l->begun && now - l->last_ns < l->every_ns)) return;
    ask_size(d);
    if (is_block(d))
        draw_block(d, now);
    else
        draw_line(d, false);
}

void ltd_dashboard_above(ltd_dashboard *d, const char *line)
{
    bool drawn = d->n_drawn > 0;
    ask_size(d);
    erase(d);
    if (d->line.quiet)
        fprintf(d->line.out, "%s\n", line);
    else
        ltd_progress_note(&d->line, line);
    if (drawn && is_block(d)) draw_block(d, ltd_clock_now(d->line.clock));
    fflush(d->line.out);
}

void ltd_dashboard_finish(ltd_dashboard *d, uint64_t done)
{
    d->done = done;
    if (d->line.quiet) return;
    ask_size(d);
    if (is_block(d))
        draw_block(d, ltd_clock_now(d->line.clock));
    else
        draw_line(d, true);
    ltd_dashboard_leave(d);
}

void ltd_dashboard_leave(ltd_dashboard *d)
{
    ltd_progress_leave(&d->line);
    d->n_drawn = 0;
}

/* --- what is shown --- */

void ltd_dashboard_begin(ltd_dashboard *d, uint64_t done, uint64_t total)
{
    ltd_progress *l = &d->line;
    l->total = total;
    l->start_done = d->done = done;
    l->start_ns = l->last_ns = ltd_clock_now(l->clock);
    l->begun = false;
    d->n_figures = d->n_shares = 0;
    d->curve_name = NULL;
    d->curve = (ltd_spark)LTD_SPARK_INIT;
}

void ltd_dashboard_what(ltd_dashboard *d, const char *what)
{
    snprintf(d->what, sizeof d->what, "%s", what);
}

void ltd_dashboard_figure_set(ltd_dashboard *d, const char *name, const char *fmt, ...)
{
    int i = 0;
    while (i < d->n_figures && strcmp(d->figure[i].name, name) != 0) i++;
    if (i == LTD_DASHBOARD_FIGURES) return;
    if (i == d->n_figures) d->figure[d->n_figures++].name = name;
    va_list args;
    va_start(args, fmt);
    vsnprintf(d->figure[i].text, sizeof d->figure[i].text, fmt, args);
    va_end(args);
}

void ltd_dashboard_share_set(ltd_dashboard *d, const char *name, double share)
{
    int i = 0;
    while (i < d->n_shares && strcmp(d->share[i].name, name) != 0) i++;
    if (i == LTD_DASHBOARD_SHARES) return;
    if (i == d->n_shares) d->n_shares++;
    d->share[i] = (ltd_dashboard_share){name, share};
}

void ltd_dashboard_point(ltd_dashboard *d, const char *name, double value)
{
    d->curve_name = name;
    ltd_spark_push(&d->curve, value);
}
