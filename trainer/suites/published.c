#include "trainer/suites/published.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

enum { COLUMNS = 7, CELL = 64 };
static const char header[] = "table,temperature,model,method,task,speedup,tau";

typedef struct line {
    const char *file;
    int32_t number;
    char cell[COLUMNS][CELL];
} line;

/* A comma more or less than there should be, or a cell that is too long. */
static bool split(const char *at, size_t n, line *ret)
{
    for (int c = 0; c < COLUMNS; c++) {
        const char *comma = memchr(at, ',', n);
        size_t len = comma ? (size_t)(comma - at) : n;
        if ((comma != NULL) != (c < COLUMNS - 1) || len >= CELL) return false;
        memcpy(ret->cell[c], at, len);
        ret->cell[c][len] = 0;
        at += len + (comma != NULL);
        n -= len + (comma != NULL);
    }
    return true;
}

/* An empty cell is NaN where that is allowed. */
static int number(const line *l, int column, bool may_lack, double *ret, ltd_err *err)
{
    const char *text = l->cell[column];
    char *end;
    *ret = strtod(text, &end);
    if (may_lack && !text[0]) *ret = NAN;
    if ((may_lack && !text[0]) || (end != text && !*end && isfinite(*ret) && *ret >= 0))
        return LTD_OK;
    return ltd_fail(err, LTD_EFORMAT, "%s:%d: column %d is '%s', expected a number", l->file,
                    l->number, column + 1, text);
}

static int name(const line *l, int column, char *ret, size_t size, ltd_err *err)
{
    size_t n = strlen(l->cell[column]);
    if (n == 0 || n >= size)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s:%d: column %d is '%s', expected a name of up to %zu letters", l->file,
                        l->number, column + 1, l->cell[column], size - 1);
    memcpy(ret, l->cell[column], n + 1);
    return LTD_OK;
}

static int read_row(const line *l, ltd_published_row *ret, ltd_err *err)
{
    double table = 0;
    int rc = number(l, 0, false, &table, err);
    ret->table = (int32_t)table;
    if (rc == LTD_OK) rc = number(l, 1, false, &ret->temperature, err);
    if (rc == LTD_OK) rc = name(l, 2, ret->model, sizeof ret->model, err);
    if (rc == LTD_OK) rc = name(l, 3, ret->method, sizeof ret->method, err);
    if (rc == LTD_OK) rc = name(l, 4, ret->task, sizeof ret->task, err);
    if (rc == LTD_OK) rc = number(l, 5, true, &ret->speedup, err);
    if (rc == LTD_OK) rc = number(l, 6, true, &ret->tau, err);
    return rc;
}

static const ltd_published_row *find(const ltd_published *p, int32_t table, const char *model,
                                     const char *method, const char *task)
{
    for (int32_t i = 0; i < p->n; i++) {
        const ltd_published_row *r = &p->row[i];
        if (r->table == table && strcmp(r->model, model) == 0 && strcmp(r->method, method) == 0 &&
            strcmp(r->task, task) == 0)
            return r;
    }
    return NULL;
}

static int add(ltd_published *p, size_t *room, const line *l, ltd_err *err)
{
    void *rows = p->row;
    bool fits = ltd_mem_reserve(&rows, room, (size_t)p->n + 1, sizeof *p->row);
    p->row = rows;
    if (!fits) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", l->file);
    ltd_published_row row = {0};
    int rc = read_row(l, &row, err);
    if (rc < 0) return rc;
    if (find(p, row.table, row.model, row.method, row.task))
        return ltd_fail(err, LTD_EFORMAT, "%s:%d: table %d has %s, %s, %s already", l->file,
                        l->number, row.table, row.model, row.method, row.task);
    p->row[p->n++] = row;
    return LTD_OK;
}

int ltd_published_parse(ltd_published *ret, const char *file, const char *text, size_t size,
                        ltd_err *err)
{
    line l = {.file = file};
    size_t room = 0;
    *ret = (ltd_published){0};
    int rc = LTD_OK;
    while (rc == LTD_OK && size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t n = end ? (size_t)(end - text) : size, skip = n + (end != NULL);
        l.number++;
        if (n && text[n - 1] == '\r') n--;
        if (l.number == 1 && (n != sizeof header - 1 || memcmp(text, header, n) != 0))
            rc = ltd_fail(err, LTD_EFORMAT, "%s:1: expected '%s'", file, header);
        else if (l.number > 1 && n > 0 && !split(text, n, &l))
            rc = ltd_fail(err, LTD_EFORMAT, "%s:%d: expected %d columns", file, l.number, COLUMNS);
        else if (l.number > 1 && n > 0)
            rc = add(ret, &room, &l, err);
        text += skip;
        size -= skip;
    }
    if (rc == LTD_OK && !ret->n) rc = ltd_fail(err, LTD_EFORMAT, "%s: no figures", file);
    if (rc < 0) ltd_published_fini(ret);
    return rc;
}

int ltd_published_load(ltd_published *ret, const char *path, ltd_err *err)
{
    ltd_file f;
    *ret = (ltd_published){0};
    int rc = ltd_file_map(&f, path, err);
    if (rc == LTD_OK) rc = ltd_published_parse(ret, path, (const char *)f.data, f.size, err);
    ltd_file_unmap(&f);
    return rc;
}

void ltd_published_fini(ltd_published *p)
{
    free(p->row);
    *p = (ltd_published){0};
}

ltd_published_cell ltd_published_find(const ltd_published *p, int32_t table, const char *model,
                                      const char *method, const char *task)
{
    const ltd_published_row *r = find(p, table, model, method, task);
    return r ? (ltd_published_cell){r->speedup, r->tau} : (ltd_published_cell){NAN, NAN};
}

const char *ltd_published_model(const ltd_published *p, const char *wanted)
{
    const char *found = NULL;
    for (int32_t i = 0; i < p->n; i++) {
        const char *model = p->row[i].model;
        if (strcmp(model, wanted) == 0) return model;
        if (!wanted[0] || strncmp(model, wanted, strlen(wanted)) != 0) continue;
        if (found && strcmp(found, model) != 0) return NULL;
        found = model;
    }
    return found;
}
