/* One line of progress.  On a terminal the line is redrawn: carriage return, text, erase to the end
 * of the line; the text is cut at the width, since a wrapped line can't be redrawn. */
#define _DEFAULT_SOURCE /* ioctl */
#include "trainer/metrics/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/str.h"

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

/* "train  ######....  37%  7400/20000  3.1k/s  ETA 12s  fields" */
static void compose(const ltd_progress *p, uint64_t done, const char *fields, uint64_t now,
                    ltd_str *out)
{
    double seconds = (double)(now - p->start_ns) * 1e-9;
    double rate = seconds > 0 ? (double)(done - p->start_done) / seconds : 0;
    char text[16];
    ltd_str_puts(out, p->label);
    if (p->total) {
        double share = done < p->total ? (double)done / (double)p->total : 1;
        int filled = (int)(share * BAR);
        if (p->redraw) {
            ltd_str_puts(out, "  ");
            for (int i = 0; i < BAR; i++) ltd_str_puts(out, i < filled ? "#" : ".");
        }
        ltd_str_printf(out, "  %3d%%  %llu/%llu", (int)(share * 100), (unsigned long long)done,
                       (unsigned long long)p->total);
    } else {
        ltd_str_printf(out, "  %llu", (unsigned long long)done);
    }
    if (rate >= 10000)
        ltd_str_printf(out, "  %.1fk/s", rate * 1e-3);
    else
        ltd_str_printf(out, rate < 10 ? "  %.2f/s" : "  %.0f/s", rate);
    if (p->total && done >= p->total) {
        ltd_progress_duration(text, seconds);
        ltd_str_printf(out, "  took %s", text);
    } else if (p->total) {
        ltd_progress_duration(text, rate > 0 ? (double)(p->total - done) / rate : -1);
        ltd_str_printf(out, "  ETA %s", text);
    }
    if (fields && fields[0]) ltd_str_printf(out, "  %s", fields);
}

/* Bytes of `text` that fit in `columns`, never half a UTF-8 sequence. */
static size_t fit(const char *text, int columns)
{
    size_t i = 0;
    for (int used = 0; text[i]; i++) {
        bool continues = ((unsigned char)text[i] & 0xc0) == 0x80;
        if (!continues && ++used > columns) break;
    }
    return i;
}

static void draw(ltd_progress *p, uint64_t done, const char *fields, uint64_t now, bool last)
{
    ltd_str line = LTD_STR_INIT;
    compose(p, done, fields, now, &line);
    const char *text = ltd_str_text(&line);
    if (!p->redraw) {
        fprintf(p->out, "%s\n", text);
    } else {
        size_t n = fit(text, p->width - 1), label = strlen(p->label);
        if (p->color && label < n)
            fprintf(p->out, "\r\033[1m%s\033[0m%.*s\033[K", p->label, (int)(n - label),
                    text + label);
        else
            fprintf(p->out, "\r%.*s\033[K", (int)n, text);
        if (last) fputc('\n', p->out);
    }
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
