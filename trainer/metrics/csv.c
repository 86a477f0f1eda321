/* metrics.csv: a header, then a line a row.  Columns are remembered by name, since a resumed run
 * may find the file with another order than its own. */
#include "trainer/metrics/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "trainer/metrics/metrics_file.h"

typedef struct csv {
    ltd_metrics_sink sink;
    ltd_metrics_file file;
    char column[LTD_METRICS_MAX_KEYS][LTD_METRICS_MAX_KEY];
    size_t n;
    bool headed; /* the header is in the file */
} csv;

static bool step_of(const char *line, int64_t *ret)
{
    char *end;
    *ret = strtoll(line, &end, 10);
    return end != line && (*end == ',' || *end == 0);
}

/* Columns of a header line, "step,a,b\n". */
static int read_header(csv *c, const char *text, ltd_err *err)
{
    const char *end = strchr(text, '\n');
    if (!end || strncmp(text, "step", 4) != 0 || (text[4] != ',' && text[4] != '\n'))
        return ltd_fail(err, LTD_EFORMAT, "%s:1: the header doesn't begin with 'step'",
                        c->file.path);
    for (const char *p = text + 4; p < end;) {
        size_t n = strcspn(++p, ",\n");
        if (n == 0 || n >= LTD_METRICS_MAX_KEY || c->n == LTD_METRICS_MAX_KEYS)
            return ltd_fail(err, LTD_EFORMAT, "%s:1: column %zu can't be", c->file.path, c->n + 2);
        memcpy(c->column[c->n], p, n);
        c->column[c->n++][n] = 0;
        p += n;
    }
    c->headed = true;
    return LTD_OK;
}

static void put_header(const csv *c, ltd_str *out)
{
    ltd_str_puts(out, "step");
    for (size_t i = 0; i < c->n; i++) ltd_str_printf(out, ",%s", c->column[i]);
    ltd_str_puts(out, "\n");
}

static bool has_column(const csv *c, const char *key)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->column[i], key) == 0) return true;
    return false;
}

/* Add the row's keys as columns; *more counts the new ones. */
static int add_columns(csv *c, const ltd_metrics_row *row, size_t *more, ltd_err *err)
{
    *more = 0;
    for (size_t i = 0; i < row->n; i++) {
        if (has_column(c, row->key[i])) continue;
        if (c->n == LTD_METRICS_MAX_KEYS)
            return ltd_fail(err, LTD_EINVAL, "%s: more than %d columns", c->file.path,
                            LTD_METRICS_MAX_KEYS);
        strcpy(c->column[c->n++], row->key[i]);
        ++*more;
    }
    return LTD_OK;
}

/* Rewrite the file with the wider header; old rows get empty cells. */
static int widen(csv *c, size_t more, ltd_err *err)
{
    ltd_file f;
    int rc = ltd_file_map(&f, c->file.path, err);
    if (rc < 0) return rc;
    ltd_str out = LTD_STR_INIT;
    put_header(c, &out);
    const char *p = (const char *)f.data, *end = p + f.size;
    for (bool first = true; p < end; first = false) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t n = newline ? (size_t)(newline - p) : (size_t)(end - p);
        if (!first) ltd_str_push(&out, p, n);
        for (size_t i = 0; i < more && !first; i++) ltd_str_puts(&out, ",");
        if (!first) ltd_str_puts(&out, "\n");
        p += n + 1;
    }
    ltd_file_unmap(&f);
    if (out.failed)
        rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory", c->file.path);
    else
        rc = ltd_metrics_file_replace(&c->file, ltd_str_text(&out), out.len, err);
    ltd_str_fini(&out);
    return rc;
}

static void put_row(const csv *c, const ltd_metrics_row *row, ltd_str *out)
{
    ltd_str_printf(out, "%" PRId64, row->step);
    for (size_t i = 0; i < c->n; i++) {
        ltd_str_puts(out, ",");
        for (size_t j = 0; j < row->n; j++) {
            if (strcmp(c->column[i], row->key[j]) != 0) continue;
            char text[32];
            ltd_json_format_f64(text, row->value[j]);
            if (row->set[j]) ltd_str_puts(out, text);
            break;
        }
    }
    ltd_str_puts(out, "\n");
}

static int write_row(ltd_metrics_sink *sink, const ltd_metrics_row *row, ltd_err *err)
{
    csv *c = (csv *)sink;
    size_t more;
    int rc = add_columns(c, row, &more, err);
    if (rc == LTD_OK && c->headed && more) rc = widen(c, more, err);
    if (rc < 0) return rc;
    ltd_str out = LTD_STR_INIT;
    if (!c->headed) put_header(c, &out);
    put_row(c, row, &out);
    if (out.failed)
        rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory", c->file.path);
    else
        rc = ltd_metrics_file_append(&c->file, ltd_str_text(&out), out.len, err);
    if (rc == LTD_OK) c->headed = true;
    ltd_str_fini(&out);
    return rc;
}

static void csv_free(ltd_metrics_sink *sink)
{
    ltd_metrics_file_close(&((csv *)sink)->file);
    free(sink);
}

int ltd_metrics_csv(ltd_metrics_sink **ret, const char *path, int64_t resume_step, ltd_err *err)
{
    *ret = NULL;
    csv *c = ltd_mem_zeros(1, sizeof *c);
    if (!c) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    c->sink = (ltd_metrics_sink){write_row, csv_free};
    ltd_str kept = LTD_STR_INIT;
    int rc = ltd_metrics_file_open(&c->file, path, resume_step, true, step_of, &kept, err);
    if (rc == LTD_OK && kept.len) rc = read_header(c, ltd_str_text(&kept), err);
    ltd_str_fini(&kept);
    if (rc < 0)
        csv_free(&c->sink);
    else
        *ret = &c->sink;
    return rc;
}
