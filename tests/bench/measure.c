#include "tests/bench/measure.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "trainer/bench/stats.h"

void measure_usage(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "; --help lists the options\n");
    va_end(args);
    exit(2);
}

void measure_fail(const ltd_err *err)
{
    fprintf(stderr, "bench: %s\n", err->msg);
    exit(1);
}

double measure_now(void)
{
    ltd_clock clock = ltd_clock_monotonic();
    return (double)ltd_clock_now(&clock) * 1e-6;
}

/* --- samples --- */

void measure_add(measure_series *s, double v)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 16;
        double *more = ltd_mem_resize(s->v, cap, sizeof *more);
        if (!more) {
            fprintf(stderr, "bench: no memory for %zu samples\n", cap);
            exit(1);
        }
        s->v = more;
        s->cap = cap;
    }
    s->v[s->n++] = v;
}

measure_summary measure_of(measure_series *s)
{
    measure_summary r = {.n = s->n};
    r.median = ltd_stats_median(s->v, s->n); /* sorts */
    r.min = s->n ? s->v[0] : NAN;
    r.p25 = ltd_stats_quantile(s->v, s->n, 0.25);
    r.p75 = ltd_stats_quantile(s->v, s->n, 0.75);
    return r;
}

void measure_free(measure_series *s)
{
    free(s->v);
    *s = (measure_series){0};
}

void measure_put(ltd_json_writer *w, const char *key, measure_summary s)
{
    ltd_json_begin_inline_object(w, key);
    ltd_json_put_f64(w, "median", s.median);
    ltd_json_put_f64(w, "min", s.min);
    ltd_json_put_f64(w, "p25", s.p25);
    ltd_json_put_f64(w, "p75", s.p75);
    ltd_json_end_object(w);
}

/* --- arguments --- */

measure_ints measure_list(const char *option, const char *text, int32_t min, int32_t max)
{
    measure_ints list = {.n = 0};
    for (const char *p = text;; p++) {
        char *end;
        long v = strtol(p, &end, 10);
        if (end == p || (*end && *end != ',') || v < min || v > max)
            measure_usage("--%s %s: expected numbers from %d to %d with commas between", option,
                          text, min, max);
        if (list.n == MEASURE_MAX_LIST)
            measure_usage("--%s %s: more than %d numbers", option, text, MEASURE_MAX_LIST);
        list.v[list.n++] = (int32_t)v;
        p = end;
        if (!*end) return list;
    }
}

int32_t measure_int(const char *option, const char *text, int32_t min, int32_t max)
{
    measure_ints list = measure_list(option, text, min, max);
    if (list.n != 1) measure_usage("--%s %s: expected one number", option, text);
    return list.v[0];
}

/* --- the machine --- */

const char *measure_cpu(void)
{
    static char name[128] = "";
    char line[256];
    FILE *f = name[0] ? NULL : fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (f) fclose(f);
    return name[0] ? name : "unknown cpu";
}

measure_load measure_load_now(void)
{
    measure_load l = {0};
    double tick = (double)sysconf(_SC_CLK_TCK), v[8] = {0};
    FILE *f = fopen("/proc/stat", "r");
    /* user nice system idle iowait irq softirq steal */
    if (f && fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &v[0], &v[1], &v[2], &v[3], &v[4],
                    &v[5], &v[6], &v[7]) == 8) {
        for (int i = 0; i < 8; i++) l.all += v[i] / tick;
        l.busy = l.all - (v[3] + v[4]) / tick;
    }
    if (f) fclose(f);
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) == 0)
        l.own = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
    return l;
}

double measure_others(measure_load since)
{
    measure_load now = measure_load_now();
    double all = now.all - since.all;
    double others = (now.busy - since.busy) - (now.own - since.own);
    return all > 0 && others > 0 ? others / all : 0;
}

void measure_save(const char *path, ltd_str *text)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_str_puts(text, "\n");
    if (text->failed) {
        fprintf(stderr, "bench: no memory for the document\n");
        exit(1);
    }
    if (strcmp(path, "-") == 0)
        fputs(ltd_str_text(text), stdout);
    else if (ltd_file_mkdirs_for(path, &err) < 0 ||
             ltd_file_write(path, ltd_str_text(text), text->len, &err) < 0)
        measure_fail(&err);
}
