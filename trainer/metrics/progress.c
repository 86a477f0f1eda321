/* One line of progress.  On a terminal the line is redrawn: carriage return, text, erase to the end
 * of the line; the text is cut at the width, since a wrapped line can't be redrawn. */
#define _DEFAULT_SOURCE /* ioctl */
#include "trainer/metrics/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "trainer/metrics/columns.h"

enum { BAR = 20 };

static int terminal_width(FILE *out)
{
    struct winsize size;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

void ltd_progress_init(ltd_progress *p, FILE *out, const ltd_clock *clock, const char *label,
                       uint64_t total)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    int fd = fileno(out);
    bool redraw = fd >= 0 && isatty(fd) && !(term && strcmp(term, "dumb") == 0);
    *p = (ltd_progress){.out = out, .clock = clock, .label = label, .total = total};
    p->redraw = redraw;
    p->color = redraw && !(no_color && no_color[0]);
    p->width = redraw ? terminal_width(out) : 0;
    p->every_ns = redraw ? 200000000u : 5000000000u;
    p->start_ns = p->last_ns = ltd_clock_now(clock);
}

void ltd_progress_rate(char ret[16], double rate)
{
    if (!(rate >= 0 && rate < 1e13))
        strcpy(ret, "?");
    else if (rate >= 1e7)
        snprintf(ret, 16, "%.1fM", rate * 1e-6);
    else if (rate >= 1e4)
        snprintf(ret, 16, "%.1fk", rate * 1e-3);
    else
        snprintf(ret, 16, rate < 10 ? "%.2f" : "%.0f", rate);
}

void ltd_progress_duration(char ret[16], double seconds)
{
    if (!(seconds >= 0) || seconds > 1e8) {
        strcpy(ret, "?");
        return;
    }
    unsigned s = (unsigned)lround(seconds) % 1000000000;
    if (seconds < 9.95)
        snprintf(ret, 16, "%.1fs", seconds);
    else if (s < 60)
        snprintf(ret, 16, "%us", s);
    else if (s < 3600)
        snprintf(ret, 16, "%um%02us", s / 60, s % 60);
    else if (s < 86400)
        snprintf(ret, 16, "%uh%02um", s / 3600, s / 60 % 60);
    else
        snprintf(ret, 16, "%ud%02uh", s / 86400, s / 3600 % 24);
}

/* "  37%  7400/20000", and "  7400" where the end is unknown. */
static void put_done(const ltd_progress *p, uint64_t done, ltd_str *out)
{
    if (p->total)
        ltd_str_printf(out, "  %3d%%  %llu/%llu",
                       done < p->total ? (int)(100 * (double)done / (double)p->total) : 100,
                       (unsigned long long)done, (unsigned long long)p->total);
    else
        ltd_str_printf(out, "  %llu", (unsigned long long)done);
}

/* Units a second, of this process. */
static double speed(const ltd_progress *p, uint64_t done, uint64_t now)
{
    double seconds = (double)(now - p->start_ns) * 1e-9;
    return seconds > 0 ? (double)(done - p->start_done) / seconds : 0;
}

/* "  ETA 12s", in the end "  took 2m05s". */
static void put_end(const ltd_progress *p, uint64_t done, uint64_t now, ltd_str *out)
{
    double rate = speed(p, done, now);
    char text[16];
    if (!p->total) return;
    if (done >= p->total) {
        ltd_progress_duration(text, (double)(now - p->start_ns) * 1e-9);
        ltd_str_printf(out, "  took %s", text);
    } else {
        ltd_progress_duration(text, rate > 0 ? (double)(p->total - done) / rate : -1);
        ltd_str_printf(out, "  ETA %s", text);
    }
}

void ltd_progress_state(const ltd_progress *p, uint64_t done, uint64_t now, ltd_str *out)
{
    char text[16];
    put_done(p, done, out);
    if (!p->total || done < p->total) {
        ltd_progress_duration(text, (double)(now - p->start_ns) * 1e-9);
        ltd_str_printf(out, "  %s", text);
    }
    put_end(p, done, now, out);
}

/* "train  ######....  37%  7400/20000  3.1k/s  ETA 12s  fields" */
static void compose(const ltd_progress *p, uint64_t done, const char *fields, uint64_t now,
                    ltd_str *out)
{
    char rate[16];
    ltd_str_puts(out, p->label);
    if (p->total && p->redraw) {
        int filled = done < p->total ? (int)((double)done / (double)p->total * BAR) : BAR;
        ltd_str_puts(out, "  ");
        for (int i = 0; i < BAR; i++) ltd_str_puts(out, i < filled ? "#" : ".");
    }
    put_done(p, done, out);
    ltd_progress_rate(rate, speed(p, done, now));
    ltd_str_printf(out, "  %s/s", rate);
    put_end(p, done, now, out);
    if (fields && fields[0]) ltd_str_printf(out, "  %s", fields);
}

static void redraw(ltd_progress *p, const char *text)
{
    ltd_str shown = LTD_STR_INIT;
    int used = 0;
    ltd_columns_put(&shown, text, p->width - 1, &used);
    size_t label = strlen(p->label);
    if (p->color && label < shown.len)
        fprintf(p->out, "\r\033[1m%s\033[0m%s\033[K", p->label, shown.data + label);
    else
        fprintf(p->out, "\r%s\033[K", ltd_str_text(&shown));
    ltd_str_fini(&shown);
}

static void draw(ltd_progress *p, uint64_t done, const char *fields, uint64_t now, bool last)
{
    ltd_str line = LTD_STR_INIT;
    compose(p, done, fields, now, &line);
    if (p->redraw)
        redraw(p, ltd_str_text(&line));
    else
        fprintf(p->out, "%s", ltd_str_text(&line));
    if (last || !p->redraw) fputc('\n', p->out);
    fflush(p->out);
    ltd_str_fini(&line);
    p->last_ns = now;
    p->drawn = !last;
}

void ltd_progress_update(ltd_progress *p, uint64_t done, const char *fields)
{
    if (p->quiet) return;
    uint64_t now = ltd_clock_now(p->clock);
    if (p->begun && now - p->last_ns < p->every_ns) return;
    p->begun = true;
    draw(p, done, fields, now, false);
}

void ltd_progress_note(ltd_progress *p, const char *line)
{
    if (p->quiet) return;
    bool clear = p->redraw && p->drawn;
    fprintf(p->out, "%s%s\n", clear ? "\r\033[K" : "", line);
    fflush(p->out);
    p->drawn = false;
    p->begun = p->begun && !clear; /* draw the bar again at once */
}

void ltd_progress_finish(ltd_progress *p, uint64_t done, const char *fields)
{
    if (!p->quiet) draw(p, done, fields, ltd_clock_now(p->clock), true);
}

void ltd_progress_leave(ltd_progress *p)
{
    if (p->redraw && p->drawn) fputc('\n', p->out);
    fflush(p->out);
    p->drawn = false;
}
