/* A suite for people: for each temperature the paper's table as it was measured here, the published
 * one under it, and the bench's own figures.  ASCII, at most 120 columns. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "trainer/bench/bench_parts.h"
#include "trainer/suites/suite.h"

enum { TASKS_A_LINE = 6 };

static const char bold[] = "\033[1m", dim[] = "\033[2m", off[] = "\033[0m";

static const char *paint(bool color, const char *code)
{
    return color ? code : "";
}

/* "  3.70/6.39", "  3.70     ", "  -        ". */
static void put_cell(double speedup, double tau, ltd_str *out)
{
    char text[32];
    if (!isfinite(speedup))
        snprintf(text, sizeof text, "-");
    else if (isfinite(tau))
        snprintf(text, sizeof text, "%.2f/%.2f", speedup, tau);
    else
        snprintf(text, sizeof text, "%.2f", speedup);
    ltd_str_printf(out, "  %-11s", text);
}

/* Columns of tasks[from, to), and behind the last one the means. */
typedef struct span {
    int32_t from, to;
    bool last;
} span;

static int32_t row_of(const ltd_bench *b, const char *name)
{
    const ltd_bench_row *r = ltd_bench_find(&b->all, name);
    return r ? (int32_t)(r - b->all.rows) : -1;
}

/* --- measured --- */

/* Whose figures the last two columns are, ending where they end. */
static void put_whose(const ltd_suite *suite, span c, bool color, ltd_str *out)
{
    char text[64];
    if (!c.last || !suite->published) return;
    snprintf(text, sizeof text, "published: %s", suite->model);
    ltd_str_printf(out, "%s%*s%s\n", paint(color, dim), 16 + 13 * (c.to - c.from) + 2 * 23, text,
                   paint(color, off));
}

static void put_head(const ltd_suite *suite, const ltd_bench *b, span c, bool color, ltd_str *out)
{
    ltd_str_printf(out, "%s  %-14s", paint(color, dim), "speedup/tau");
    for (int32_t t = c.from; t < c.to; t++) ltd_str_printf(out, "  %-11.11s", b->tasks[t].task);
    if (c.last) ltd_str_printf(out, "  %-11s  %8s", "mean", "x eagle3");
    if (c.last && suite->published) ltd_str_printf(out, "  %-11s  %8s", "mean", "x eagle3");
    ltd_str_printf(out, "%s\n", paint(color, off));
}

static void put_ratio(double value, double base, ltd_str *out)
{
    if (isfinite(value / base))
        ltd_str_printf(out, "  %8.3f", value / base);
    else
        ltd_str_printf(out, "  %8s", "-");
}

static void put_means(const ltd_suite *suite, const ltd_bench *b, int32_t row, ltd_str *out)
{
    double t = b->sampling.temperature;
    int32_t eagle3 = row_of(b, "eagle3");
    ltd_suite_mean m = ltd_suite_mean_of(b, row);
    double base = eagle3 < 0 ? NAN : ltd_suite_mean_of(b, eagle3).speedup_mean_of_prompts;
    put_cell(m.speedup_mean_of_prompts, m.tau, out);
    put_ratio(m.speedup_mean_of_prompts, base, out);
    if (!suite->published) return;
    ltd_published_cell p = ltd_suite_published(suite, t, b->all.rows[row].policy, "mean");
    put_cell(p.speedup, p.tau, out);
    put_ratio(p.speedup, ltd_suite_published(suite, t, "eagle3", "mean").speedup, out);
}

static void put_measured(const ltd_suite *suite, const ltd_bench *b, bool color, ltd_str *out)
{
    ltd_str_printf(out, "%stemperature %g%s: %d prompts, up to %d tokens, %d repetition%s\n",
                   paint(color, bold), b->sampling.temperature, paint(color, off), b->all.prompts,
                   b->max_new, b->reps, b->reps == 1 ? "" : "s");
    span c = {0, 0, false};
    do {
        c.from = c.to;
        c.to = c.from + TASKS_A_LINE < b->n_tasks ? c.from + TASKS_A_LINE : b->n_tasks;
        c.last = c.to == b->n_tasks;
        put_whose(suite, c, color, out);
        put_head(suite, b, c, color, out);
        for (int32_t r = 0; r < b->all.n_rows; r++) {
            ltd_str_printf(out, "  %-14.14s", b->all.rows[r].policy);
            for (int32_t t = c.from; t < c.to; t++)
                put_cell(b->tasks[t].rows[r].speedup_mean_of_prompts,
                         b->tasks[t].rows[r].accept_len, out);
            if (c.last) put_means(suite, b, r, out);
            ltd_str_puts(out, "\n");
        }
    } while (!c.last);
    ltd_str_puts(out, "\n");
}

/* --- published --- */

/* Tasks of a table in the order of the file; returns how many. */
static int32_t published_tasks(const ltd_suite *suite, int32_t table, const char **ret)
{
    int32_t n = 0;
    for (int32_t i = 0; i < suite->published->n; i++) {
        const ltd_published_row *p = &suite->published->row[i];
        int32_t k = 0;
        if (p->table != table || strcmp(p->model, suite->model) != 0) continue;
        while (k < n && strcmp(ret[k], p->task) != 0) k++;
        if (k == n && n < TASKS_A_LINE) ret[n++] = p->task;
    }
    return n;
}

static void put_published(const ltd_suite *suite, const ltd_bench *b, bool color, ltd_str *out)
{
    const char *task[TASKS_A_LINE];
    double at = b->sampling.temperature;
    int32_t table = suite->kind->table(at), n;
    if (!suite->published || !table) return;
    n = published_tasks(suite, table, task);
    ltd_str_printf(out, "%spublished%s: %s, %s, table %d\n", paint(color, bold), paint(color, off),
                   suite->model, suite->kind->source, table);
    ltd_str_printf(out, "%s  %-14s", paint(color, dim), "speedup/tau");
    for (int32_t t = 0; t < n; t++) ltd_str_printf(out, "  %-11s", task[t]);
    ltd_str_printf(out, "%s\n", paint(color, off));
    for (int32_t r = 0; r < b->all.n_rows; r++) {
        const char *row = b->all.rows[r].policy;
        if (!isfinite(ltd_suite_published(suite, at, row, "mean").speedup)) continue;
        ltd_str_printf(out, "  %-14.14s", row);
        for (int32_t t = 0; t < n; t++) {
            ltd_published_cell p = ltd_suite_published(suite, at, row, task[t]);
            put_cell(p.speedup, p.tau, out);
        }
        ltd_str_puts(out, "\n");
    }
    ltd_str_puts(out, "\n");
}

static const char definitions[] =
    "speedup/tau above: as the paper counts, the mean over prompts of tok/s over the same mean of "
    "ar, "
    "and\ntokens a cycle.  x ar here: the ratio of sums, tokens by time.  Both are of the decoding "
    "alone; the\npaper's times have the prefill in them, and its two turns of mt_bench: here the "
    "first "
    "is played.\neagle3 is 60 nodes here; the paper's has 50 for Vicuna-13B.\n";

void ltd_suite_table(const ltd_suite *suite, bool color, ltd_str *out)
{
    if (!suite->n) return;
    ltd_bench_table_scope(suite->bench[0], color, out);
    for (int32_t i = 0; i < suite->n; i++) {
        const ltd_bench *b = suite->bench[i];
        put_measured(suite, b, color, out);
        put_published(suite, b, color, out);
        ltd_bench_table_task(b, &b->all, "all tasks", color, out);
        ltd_bench_verdict(b, out);
        ltd_str_puts(out, "\n");
    }
    ltd_str_puts(out, definitions);
    ltd_str_puts(out, "\n");
    ltd_bench_table_details(suite->bench[0], out);
}
