/* Training curves: metrics.csv -> line charts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "trainer/report/report_svg.h"

enum { MAX_COLUMNS = 512 };

/* A CSV of numbers; empty cells are NaN. */
typedef struct table {
    char *names; /* copy of the header, cut at the commas */
    const char *name[MAX_COLUMNS];
    int columns;
    size_t rows;
    double *v; /* [columns, rows] */
} table;

static void free_table(table *t)
{
    free(t->names);
    free(t->v);
    *t = (table){0};
}

static void cut_header(table *t)
{
    for (char *p = t->names; p && t->columns < MAX_COLUMNS;) {
        char *comma = strchr(p, ',');
        if (comma) *comma = 0;
        t->name[t->columns++] = p;
        p = comma ? comma + 1 : NULL;
    }
}

/* One line, line[0..n): cells into row `row`.  A line is copied so that strtod stops inside it. */
static void read_row(table *t, const char *line, size_t n, size_t row)
{
    for (int c = 0; c < t->columns; c++) {
        char cell[64], *end;
        const char *comma = n ? memchr(line, ',', n) : NULL;
        size_t len = comma ? (size_t)(comma - line) : n;
        double v = NAN;
        if (len > 0 && len < sizeof cell) {
            memcpy(cell, line, len);
            cell[len] = 0;
            v = strtod(cell, &end);
            if (*end) v = NAN;
        }
        t->v[(size_t)c * t->rows + row] = v;
        size_t step = comma ? len + 1 : n;
        line += step;
        n -= step;
    }
}

static int read_table(table *t, const char *data, size_t size, ltd_err *err)
{
    const char *end = size ? memchr(data, '\n', size) : NULL;
    if (!end) return LTD_OK; /* no whole line: nothing to show */
    size_t head = (size_t)(end - data);
    t->names = ltd_mem_zeros(head + 1, 1);
    if (!t->names) return ltd_fail(err, LTD_ENOMEM, "report: no memory");
    memcpy(t->names, data, head);
    cut_header(t);
    for (size_t i = head + 1; i < size; i++) t->rows += data[i] == '\n';
    t->v = ltd_mem_zeros((size_t)t->columns * t->rows, sizeof *t->v);
    if (!t->v) return ltd_fail(err, LTD_ENOMEM, "report: no memory");
    const char *p = end + 1;
    for (size_t r = 0; r < t->rows; r++) {
        const char *stop = memchr(p, '\n', (size_t)(data + size - p));
        read_row(t, p, (size_t)(stop - p), r);
        p = stop + 1;
    }
    return LTD_OK;
}

static const double *column(const table *t, const char *name)
{
    for (int c = 0; c < t->columns; c++)
        if (strcmp(t->name[c], name) == 0) return t->v + (size_t)c * t->rows;
    return NULL;
}

/* --- charts --- */

typedef struct chart {
    const char *title, *unit;
    struct {
        const char *key, *name;
    } line[LTD_REPORT_SERIES];
} chart;

static const chart charts[] = {
    {"Reward of a cycle", "", {{"rollout/ep_rew_mean", "reward"}}},
    {"Speed-up over plain decoding",
     "x",
     {{"rollout/speedup", "while exploring"}, {"valid/speedup", "greedy, held out (predicted)"}}},
    {"Speed", "tok/s", {{"rollout/tok_s", "while exploring"}, {"valid/tok_s", "greedy, held out"}}},
    {"Cycle",
     "",
     {{"rollout/accept_len", "accepted"},
      {"rollout/forwards", "forwards"},
      {"rollout/size", "nodes"}}},
    {"Accepted length, held out",
     "tokens a cycle",
     {{"valid/tree_accept_len", "tree of 3 forwards, 8 nodes"},
      {"valid/chain_accept_len", "chain of 3 forwards"}}},
    {"Right tokens, held out",
     "share",
     {{"valid/depth1_accept", "first of a draft"},
      {"valid/depth2_accept", "second"},
      {"valid/depth3_accept", "third"}}},
    {"KL to the target",
     "nats",
     {{"train/kl_1", "step 1"},
      {"train/kl_2", "step 2"},
      {"train/kl_3", "step 3"},
      {"train/kl_4", "step 4"}}},
    {"Most probable token is the target's",
     "share",
     {{"train/hit_1", "step 1"},
      {"train/hit_2", "step 2"},
      {"train/hit_3", "step 3"},
      {"train/hit_4", "step 4"}}},
    {"Learning rate", "", {{"train/learning_rate", "AdamW"}}},
    {"Entropy", "nats", {{"train/depth/entropy", "depth"}, {"train/size/entropy", "size"}}},
    {"KL of an update",
     "nats",
     {{"train/depth/approx_kl", "depth"}, {"train/size/approx_kl", "size"}}},
};

static void put_charts(const table *t, ltd_str *out)
{
    const double *x = column(t, "step");
    if (!x || t->rows < 2) return;
    ltd_str_puts(out, "<h2>Training</h2>\n<div class=\"panels wide\">\n");
    for (size_t i = 0; i < sizeof charts / sizeof charts[0]; i++) {
        ltd_report_line line[LTD_REPORT_SERIES];
        int n = 0;
        for (int k = 0; k < LTD_REPORT_SERIES && charts[i].line[k].key; k++) {
            const double *y = column(t, charts[i].line[k].key);
            if (y) line[n++] = (ltd_report_line){charts[i].line[k].name, y};
        }
        ltd_report_lines(charts[i].title, charts[i].unit, x, t->rows, line, n, out);
    }
    ltd_str_puts(out, "</div>\n");
}

int ltd_report_curves(const char *dir, ltd_str *out, ltd_err *err)
{
    char path[4096];
    ltd_file file;
    table t = {0};
    int n = snprintf(path, sizeof path, "%s/metrics.csv", dir);
    if (n < 0 || (size_t)n >= sizeof path || access(path, R_OK) != 0) return LTD_OK;
    int rc = ltd_file_map(&file, path, err);
    if (rc < 0) return rc;
    rc = read_table(&t, (const char *)file.data, file.size, err);
    ltd_file_unmap(&file);
    if (rc == LTD_OK) put_charts(&t, out);
    free_table(&t);
    return rc;
}
