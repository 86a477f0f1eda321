#include "env/survival_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

static void put_row(ltd_json_writer *w, const char *key, const float *v, int32_t n)
{
    char text[32];
    ltd_json_begin_inline_array(w, key);
    for (int32_t i = 0; i < n; i++) {
        snprintf(text, sizeof text, "%.5g", (double)v[i]);
        ltd_json_put_f64(w, NULL, strtod(text, NULL));
    }
    ltd_json_end_array(w);
}

int ltd_survival_save(const ltd_survival *s, const char *path, ltd_err *err)
{
    ltd_str text = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&text, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "model", s->model_hash);
    ltd_json_put_string(&w, "head_sha256", s->head_hash);
    ltd_json_put_int(&w, "nodes", s->nodes);
    ltd_json_put_int(&w, "matches", s->matches);
    put_row(&w, "head", s->head, LTD_SURVIVAL_KNOTS);
    ltd_json_begin_array(&w, "lookup");
    for (int32_t c = 0; c < LTD_SURVIVAL_MATCHES; c++)
        put_row(&w, NULL, s->lookup[c], LTD_SURVIVAL_CHAIN);
    ltd_json_end_array(&w);
    ltd_json_begin_array(&w, "both");
    for (int32_t c = 0; c < LTD_SURVIVAL_MATCHES; c++) put_row(&w, NULL, s->both[c], 3);
    ltd_json_end_array(&w);
    ltd_json_end_object(&w);
    ltd_str_puts(&text, "\n");
    int rc = text.failed ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", path)
                         : ltd_file_write(path, text.data, text.len, err);
    ltd_str_fini(&text);
    return rc;
}

static int read_row(ltd_json row, const char *what, float *v, size_t n, ltd_err *err)
{
    if (ltd_json_type_of(row) != LTD_JSON_ARRAY || ltd_json_count(row) != n)
        return ltd_fail(err, LTD_EFORMAT, "%s: %s: expected an array of %zu numbers", row.name,
                        what, n);
    for (size_t i = 0; i < n; i++) {
        double x;
        int rc = ltd_json_as_f64(ltd_json_at(row, i), what, &x, err);
        if (rc < 0) return rc;
        v[i] = x < -1e6 ? -1e6f : x > 1e6 ? 1e6f : (float)x;
    }
    return LTD_OK;
}

/* ln p, none above the one before. */
static int read_falling(ltd_json row, const char *what, float *v, size_t n, ltd_err *err)
{
    int rc = read_row(row, what, v, n, err);
    for (size_t i = 0; rc == LTD_OK && i < n; i++) {
        float above = i ? v[i - 1] : 0;
        if (v[i] <= above) continue;
        rc = ltd_fail(err, LTD_EFORMAT, "%s: %s, entry %zu is %g, expected at most %g", row.name,
                      what, i, (double)v[i], (double)above);
    }
    return rc;
}

/* Rows of all classes of match lengths. */
static int read_classes(ltd_json root, const char *key, float *v, size_t n, bool falling,
                        ltd_err *err)
{
    char what[32];
    ltd_json array;
    snprintf(what, sizeof what, "key '%s'", key);
    int rc = ltd_json_get_array(root, key, &array, err);
    if (rc == LTD_OK && ltd_json_count(array) != LTD_SURVIVAL_MATCHES)
        rc = ltd_fail(err, LTD_EFORMAT, "%s: %s: %zu rows, expected %d", root.name, what,
                      ltd_json_count(array), LTD_SURVIVAL_MATCHES);
    for (size_t c = 0; rc == LTD_OK && c < LTD_SURVIVAL_MATCHES; c++)
        rc = falling ? read_falling(ltd_json_at(array, c), what, v + c * n, n, err)
                     : read_row(ltd_json_at(array, c), what, v + c * n, n, err);
    return rc;
}

static int read_hash(ltd_json root, const char *key, char ret[65], ltd_err *err)
{
    const char *text;
    int rc = ltd_json_get_string(root, key, &text, err);
    if (rc == LTD_OK) snprintf(ret, 65, "%s", text);
    return rc;
}

static int read_all(ltd_json root, ltd_survival *s, ltd_err *err)
{
    int64_t version;
    int rc = ltd_json_get_int(root, "version", 1, 1, &version, err);
    if (rc == LTD_OK) rc = read_hash(root, "model", s->model_hash, err);
    if (rc == LTD_OK) rc = read_hash(root, "head_sha256", s->head_hash, err);
    if (rc == LTD_OK) rc = ltd_json_get_int(root, "nodes", 0, INT64_MAX, &s->nodes, err);
    if (rc == LTD_OK) rc = ltd_json_get_int(root, "matches", 0, INT64_MAX, &s->matches, err);
    if (rc == LTD_OK)
        rc = read_falling(ltd_json_member(root, "head"), "key 'head'", s->head, LTD_SURVIVAL_KNOTS,
                          err);
    if (rc == LTD_OK)
        rc = read_classes(root, "lookup", s->lookup[0], LTD_SURVIVAL_CHAIN, true, err);
    return rc == LTD_OK ? read_classes(root, "both", s->both[0], 3, false, err) : rc;
}

int ltd_survival_load(ltd_survival **ret, const char *path, ltd_err *err)
{
    enum { MAX_FILE = 1 << 20 };
    ltd_file file;
    ltd_json_doc *doc = NULL;
    *ret = NULL;
    int rc = ltd_file_map(&file, path, err);
    if (rc < 0) return rc;
    ltd_survival *s = ltd_mem_zeros(1, sizeof *s);
    if (!s)
        rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    else if (file.size > MAX_FILE)
        rc = ltd_fail(err, LTD_EFORMAT, "%s: %zu bytes, expected at most %d", path, file.size,
                      MAX_FILE);
    else
        rc = ltd_json_parse(&doc, path, file.data, file.size, err);
    if (rc == LTD_OK) rc = read_all(ltd_json_root(doc), s, err);
    ltd_json_free(doc);
    ltd_file_unmap(&file);
    if (rc < 0)
        free(s);
    else
        *ret = s;
    return rc;
}
