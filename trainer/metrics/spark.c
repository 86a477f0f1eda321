#include "trainer/metrics/spark.h"

#include <math.h>

enum { LEVELS = 8 };
static const char *const blocks[LEVELS] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                           "\u2585", "\u2586", "\u2587", "\u2588"};
static const char *const marks[LEVELS] = {"_", ".", ":", "-", "=", "+", "*", "#"};
static const char track[] = "\u2591";
/* A column filled from the left, by eighths. */
static const char *const eighths[LEVELS] = {"",       "\u258f", "\u258e", "\u258d",
                                            "\u258c", "\u258b", "\u258a", "\u2589"};

static void close_bin(ltd_spark *s)
{
    if (s->n == LTD_SPARK_BINS) {
        for (int i = 0; i < LTD_SPARK_BINS / 2; i++)
            s->bin[i] = (s->bin[2 * i] + s->bin[2 * i + 1]) / 2;
        s->n = LTD_SPARK_BINS / 2;
        s->each *= 2;
        return; /* the open bin goes on: it may hold twice as many now */
    }
    s->bin[s->n++] = s->sum / (double)s->in_sum;
    s->sum = 0;
    s->in_sum = 0;
}

void ltd_spark_push(ltd_spark *s, double value)
{
    if (!isfinite(value)) return;
    if (s->each == 0) s->each = 1;
    s->sum += value;
    s->in_sum++;
    if (s->in_sum == s->each) close_bin(s);
}

/* Bin i, the open one last. */
static double value_at(const ltd_spark *s, int i)
{
    return i < s->n ? s->bin[i] : s->sum / (double)s->in_sum;
}

/* Mean of the bins of column c. */
static double column(const ltd_spark *s, int n, int columns, int c)
{
    int from = (int)((int64_t)c * n / columns), to = (int)((int64_t)(c + 1) * n / columns);
    double sum = 0;
    for (int i = from; i < to; i++) sum += value_at(s, i);
    return sum / (to - from);
}

int ltd_spark_draw(ltd_spark *s, int columns, bool utf8, ltd_str *out)
{
    int n = s->n + (s->in_sum > 0);
    if (columns > n) columns = n;
    if (columns <= 0) return 0;
    s->low = s->high = column(s, n, columns, 0);
    for (int c = 1; c < columns; c++) {
        double v = column(s, n, columns, c);
        s->low = fmin(s->low, v);
        s->high = fmax(s->high, v);
    }
    double range = s->high - s->low;
    for (int c = 0; c < columns; c++) {
        double v = column(s, n, columns, c);
        int level = range > 0 ? (int)((v - s->low) / range * LEVELS) : LEVELS / 2;
        if (level >= LEVELS) level = LEVELS - 1;
        ltd_str_puts(out, utf8 ? blocks[level] : marks[level]);
    }
    return columns;
}

void ltd_spark_bar(double share, int columns, bool utf8, ltd_str *out)
{
    if (!(share > 0)) share = 0;
    if (share > 1) share = 1;
    int filled = (int)lround(share * columns * LEVELS);
    for (int c = 0; c < columns; c++, filled -= LEVELS) {
        if (!utf8)
            ltd_str_puts(out, filled >= LEVELS ? "#" : ".");
        else if (filled >= LEVELS)
            ltd_str_puts(out, blocks[LEVELS - 1]);
        else
            ltd_str_puts(out, filled > 0 ? eighths[filled] : track);
    }
}
