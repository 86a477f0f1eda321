#include "trainer/report/report_csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static void cut_header(ltd_report_csv *t)
{
    for (char *p = t->names; p && t->columns < LTD_REPORT_MAX_COLUMNS;) {
        char *comma = strchr(p, ',');
        if (comma) *comma = 0;
        t->name[t->columns++] = p;
        p = comma ? comma + 1 : NULL;
    }
}

/* One line, line[0..n): cells into row `row`.  A cell is copied so that strtod stops inside it. */
static void read_row(ltd_report_csv *t, const char *line, size_t n, size_t row)
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

static int read_all(ltd_report_csv *t, const char *data, size_t size, ltd_err *err)
{
    const char *end = size ? memchr(data, '\n', size) : NULL;
    if (!end) return LTD_OK;
    size_t head = (size_t)(end - data);
    t->names = ltd_mem_zeros(head + 1, 1);
    if (!t->names) return ltd_fail(err, LTD_ENOMEM, "report: no memory");
    memcpy(t->names, data, head);
    cut_header(t);
    for (const char *p = end + 1; (p = memchr(p, '\n', (size_t)(data + size - p))); p++) t->rows++;
    if (!t->rows) return LTD_OK;
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

int ltd_report_csv_load(ltd_report_csv *ret, const char *dir, const char *file, ltd_err *err)
{
    char path[4096];
    ltd_file f;
    *ret = (ltd_report_csv){0};
    int n = snprintf(path, sizeof path, "%s/%s", dir, file);
    if (n < 0 || (size_t)n >= sizeof path)
        return ltd_fail(err, LTD_EINVAL, "%.80s...: the path is too long", dir);
    if (access(path, F_OK) != 0) return LTD_OK;
    int rc = ltd_file_map(&f, path, err);
    if (rc < 0) return rc;
    rc = read_all(ret, (const char *)f.data, f.size, err);
    ltd_file_unmap(&f);
    if (rc < 0) ltd_report_csv_fini(ret);
    return rc;
}

void ltd_report_csv_fini(ltd_report_csv *t)
{
    free(t->names);
    free(t->v);
    *t = (ltd_report_csv){0};
}

const double *ltd_report_csv_column(const ltd_report_csv *t, const char *name)
{
    for (int c = 0; t->rows && c < t->columns; c++)
        if (strcmp(t->name[c], name) == 0) return t->v + (size_t)c * t->rows;
    return NULL;
}

double ltd_report_csv_last(const ltd_report_csv *t, const char *name)
{
    const double *v = ltd_report_csv_column(t, name);
    for (size_t i = t->rows; v && i > 0; i--)
        if (isfinite(v[i - 1])) return v[i - 1];
    return NAN;
}

double ltd_report_csv_most(const ltd_report_csv *t, const char *name)
{
    const double *v = ltd_report_csv_column(t, name);
    double most = NAN;
    for (size_t i = 0; v && i < t->rows; i++)
        if (isfinite(v[i]) && !(v[i] <= most)) most = v[i];
    return most;
}
