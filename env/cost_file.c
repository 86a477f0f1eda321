#include "env/cost_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

enum { MAX_FILE = 1 << 20, MAX_ROWS = 1 << 16, MAX_CONTEXT = 1 << 28, MAX_THREADS = 1 << 16 };

/* --- checking --- */

static int by_context_and_rows(const ltd_cost_point *a, const ltd_cost_point *b)
{
    if (a->context != b->context) return a->context < b->context ? -1 : 1;
    return a->rows < b->rows ? -1 : a->rows > b->rows;
}

static int finish_points(const char *what, ltd_cost_point *points, int32_t n, ltd_err *err)
{
    if (n < 0 || n > LTD_COST_MAX_POINTS)
        return ltd_fail(err, LTD_EINVAL, "cost: %d %s points, expected 0 to %d", n, what,
                        LTD_COST_MAX_POINTS);
    for (int32_t i = 0; i < n; i++) {
        ltd_cost_point p = points[i];
        if (p.rows < 1 || p.rows > MAX_ROWS || p.context < 0 || p.context > MAX_CONTEXT)
            return ltd_fail(err, LTD_EINVAL, "cost: %s point of %d rows at context %d", what,
                            p.rows, p.context);
        if (!(p.ms > 0 && isfinite(p.ms) && p.ms_min > 0 && isfinite(p.ms_min)))
            return ltd_fail(err, LTD_EINVAL,
                            "cost: %s of %d rows at context %d takes %g ms, at least %g", what,
                            p.rows, p.context, (double)p.ms, (double)p.ms_min);
        int32_t j = i;
        for (; j > 0 && by_context_and_rows(&points[j - 1], &p) > 0; j--) points[j] = points[j - 1];
        points[j] = p;
        if (j > 0 && by_context_and_rows(&points[j - 1], &p) == 0)
            return ltd_fail(err, LTD_EINVAL, "cost: %s of %d rows at context %d is there twice",
                            what, p.rows, p.context);
    }
    return LTD_OK;
}

static int32_t middle_context(const ltd_cost *cost)
{
    const ltd_cost_point *p = cost->verify;
    int32_t contexts = 0, at = 0;
    for (int32_t i = 0; i < cost->n_verify; i++)
        contexts += i == 0 || p[i].context != p[i - 1].context;
    for (int32_t i = 0; i < cost->n_verify; i++) {
        at += i == 0 || p[i].context != p[i - 1].context;
        if (at == (contexts + 1) / 2) return p[i].context;
    }
    return 0;
}

int ltd_cost_finish(ltd_cost *cost, ltd_err *err)
{
    const struct {
        const char *name;
        float ms;
    } scalars[] = {
        {"commit", cost->commit_ms}, {"decide", cost->decide_ms}, {"waiting", cost->waiting_ms}};
    if (!(cost->t_ar_ms > 0 && isfinite(cost->t_ar_ms)))
        return ltd_fail(err, LTD_EINVAL, "cost: t_ar_ms is %g, expected above 0",
                        (double)cost->t_ar_ms);
    for (int i = 0; i < 3; i++)
        if (!(scalars[i].ms >= 0 && isfinite(scalars[i].ms)))
            return ltd_fail(err, LTD_EINVAL, "cost: %s_ms is %g, expected 0 or more",
                            scalars[i].name, (double)scalars[i].ms);
    if (cost->n_verify < 1) return ltd_fail(err, LTD_EINVAL, "cost: no verify points");
    int status = finish_points("verify", cost->verify, cost->n_verify, err);
    if (status == LTD_OK) status = finish_points("draft", cost->draft, cost->n_draft, err);
    if (status == LTD_OK) cost->middle_context = middle_context(cost);
    return status;
}

/* --- reading --- */

static float to_ms(double ms)
{
    return fabs(ms) < 1e30 ? (float)ms : INFINITY; /* which ltd_cost_finish() refuses */
}

static int read_ms(ltd_json object, const char *key, float *ret, ltd_err *err)
{
    double ms;
    int status = ltd_json_get_f64(object, key, &ms, err);
    if (status == LTD_OK) *ret = to_ms(ms);
    return status;
}

static int read_point(ltd_json entry, const char *key, size_t i, ltd_cost_point *ret, ltd_err *err)
{
    static const char *const names[] = {"rows", "context", "ms", "ms_min"};
    double v[4] = {0};
    for (int f = 0; f < 4; f++) {
        char what[96];
        snprintf(what, sizeof what, "key '%s', entry %zu, '%s'", key, i, names[f]);
        ltd_json value = ltd_json_member(entry, names[f]);
        int64_t whole = 0;
        int status;
        if (f < 2) {
            status = ltd_json_as_int(value, what, 0, MAX_CONTEXT, &whole, err);
            v[f] = (double)whole;
        } else if (f == 3 && !ltd_json_has(entry, names[f])) {
            status = LTD_OK;
            v[f] = v[2];
        } else {
            status = ltd_json_as_f64(value, what, &v[f], err);
        }
        if (status < 0) return status;
    }
    *ret = (ltd_cost_point){(int32_t)v[0], (int32_t)v[1], to_ms(v[2]), to_ms(v[3])};
    return LTD_OK;
}

static int read_points(ltd_json root, const char *key, ltd_cost_point *points, int32_t *n,
                       ltd_err *err)
{
    ltd_json array;
    int status = ltd_json_get_array(root, key, &array, err);
    if (status < 0) return status;
    size_t count = ltd_json_count(array);
    if (count > LTD_COST_MAX_POINTS)
        return ltd_fail(err, LTD_EFORMAT, "%s: key '%s': %zu points, expected at most %d",
                        root.name, key, count, LTD_COST_MAX_POINTS);
    for (size_t i = 0; i < count; i++) {
        status = read_point(ltd_json_at(array, i), key, i, &points[i], err);
        if (status < 0) return status;
    }
    *n = (int32_t)count;
    return LTD_OK;
}

static int read_text(ltd_json object, const char *key, char *ret, size_t room, ltd_err *err)
{
    if (!ltd_json_has(object, key)) return LTD_OK;
    const char *text;
    int status = ltd_json_get_string(object, key, &text, err);
    if (status == LTD_OK) snprintf(ret, room, "%s", text);
    return status;
}

/* Whose table it is: all optional. */
static int read_origin(ltd_cost *cost, ltd_json root, ltd_err *err)
{
    int status = LTD_OK;
    ltd_json object;
    if (ltd_json_has(root, "machine")) {
        int64_t threads = 0;
        status = ltd_json_get_object(root, "machine", &object, err);
        if (status == LTD_OK)
            status = read_text(object, "fingerprint", cost->machine, sizeof cost->machine, err);
        if (status == LTD_OK) status = read_text(object, "cpu", cost->cpu, sizeof cost->cpu, err);
        if (status == LTD_OK) status = read_text(object, "isa", cost->isa, sizeof cost->isa, err);
        if (status == LTD_OK && ltd_json_has(object, "threads"))
            status = ltd_json_get_int(object, "threads", 0, MAX_THREADS, &threads, err);
        cost->threads = (int32_t)threads;
    }
    if (status == LTD_OK && ltd_json_has(root, "drafter")) {
        int64_t top_k = 0;
        status = ltd_json_get_object(root, "drafter", &object, err);
        if (status == LTD_OK)
            status = read_text(object, "sha256", cost->head_hash, sizeof cost->head_hash, err);
        if (status == LTD_OK) status = ltd_json_get_int(object, "top_k", 0, 1024, &top_k, err);
        cost->top_k = (int32_t)top_k;
    }
    if (status == LTD_OK && ltd_json_has(root, "model")) {
        status = ltd_json_get_object(root, "model", &object, err);
        if (status == LTD_OK)
            status = read_text(object, "sha256", cost->model_hash, sizeof cost->model_hash, err);
    }
    return status;
}

static int read_cost(ltd_cost *cost, ltd_json root, ltd_err *err)
{
    int status = read_ms(root, "t_ar_ms", &cost->t_ar_ms, err);
    if (status == LTD_OK && ltd_json_has(root, "commit_ms"))
        status = read_ms(root, "commit_ms", &cost->commit_ms, err);
    if (status == LTD_OK && ltd_json_has(root, "decide_ms"))
        status = read_ms(root, "decide_ms", &cost->decide_ms, err);
    if (status == LTD_OK && ltd_json_has(root, "waiting_ms"))
        status = read_ms(root, "waiting_ms", &cost->waiting_ms, err);
    if (status == LTD_OK) status = read_points(root, "verify", cost->verify, &cost->n_verify, err);
    if (status == LTD_OK && ltd_json_has(root, "draft"))
        status = read_points(root, "draft", cost->draft, &cost->n_draft, err);
    if (status == LTD_OK) status = read_origin(cost, root, err);
    if (status < 0) return status;
    if (ltd_cost_finish(cost, err) == LTD_OK) return LTD_OK;
    ltd_err_prefix(err, LTD_EFORMAT, "%s", root.name);
    if (err) err->code = LTD_EFORMAT;
    return LTD_EFORMAT;
}

int ltd_cost_load(ltd_cost **ret, const char *path, ltd_err *err)
{
    *ret = NULL;
    ltd_file file;
    ltd_json_doc *doc = NULL;
    ltd_cost *cost = NULL;
    int status = ltd_file_map(&file, path, err);
    if (status < 0) return status;
    if (file.size > MAX_FILE) {
        status = ltd_fail(err, LTD_EFORMAT, "%s: %zu bytes, expected a cost table of at most %d",
                          path, file.size, MAX_FILE);
        goto out;
    }
    status = ltd_json_parse(&doc, path, file.data, file.size, err);
    if (status < 0) goto out;
    cost = ltd_mem_zeros(1, sizeof *cost);
    if (!cost) {
        status = ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
        goto out;
    }
    status = read_cost(cost, ltd_json_root(doc), err);
    if (status < 0) goto out;
    *ret = cost;
    cost = NULL;
out:
    free(cost);
    ltd_json_free(doc);
    ltd_file_unmap(&file);
    return status;
}

/* --- writing --- */

/* The decimal with the fewest digits that reads back as this float. */
static void put_ms(ltd_json_writer *w, const char *key, float ms)
{
    char text[32];
    double value = ms;
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)ms);
        value = strtod(text, NULL);
        if ((float)value == ms) break;
    }
    ltd_json_put_f64(w, key, value);
}

static void put_points(ltd_json_writer *w, const char *key, const ltd_cost_point *points, int32_t n)
{
    ltd_json_begin_array(w, key);
    for (int32_t i = 0; i < n; i++) {
        ltd_json_begin_inline_object(w, NULL);
        ltd_json_put_int(w, "rows", points[i].rows);
        ltd_json_put_int(w, "context", points[i].context);
        put_ms(w, "ms", points[i].ms);
        put_ms(w, "ms_min", points[i].ms_min);
        ltd_json_end_object(w);
    }
    ltd_json_end_array(w);
}

static void put_cost(ltd_json_writer *w, const ltd_cost *cost)
{
    ltd_json_begin_object(w, NULL);
    ltd_json_put_int(w, "version", 1);
    put_ms(w, "t_ar_ms", cost->t_ar_ms);
    put_ms(w, "commit_ms", cost->commit_ms);
    put_ms(w, "decide_ms", cost->decide_ms);
    put_ms(w, "waiting_ms", cost->waiting_ms);
    put_points(w, "verify", cost->verify, cost->n_verify);
    put_points(w, "draft", cost->draft, cost->n_draft);
    ltd_json_begin_object(w, "machine");
    ltd_json_put_string(w, "cpu", cost->cpu);
    ltd_json_put_string(w, "isa", cost->isa);
    ltd_json_put_int(w, "threads", cost->threads);
    ltd_json_put_string(w, "fingerprint", cost->machine);
    ltd_json_end_object(w);
    ltd_json_begin_object(w, "model");
    ltd_json_put_string(w, "sha256", cost->model_hash);
    ltd_json_end_object(w);
    if (cost->head_hash[0]) {
        ltd_json_begin_object(w, "drafter");
        ltd_json_put_string(w, "sha256", cost->head_hash);
        ltd_json_put_int(w, "top_k", cost->top_k);
        ltd_json_end_object(w);
    }
    ltd_json_end_object(w);
}

int ltd_cost_save(const ltd_cost *cost, const char *path, ltd_err *err)
{
    ltd_cost checked = *cost;
    int status = ltd_cost_finish(&checked, err);
    if (status < 0) return ltd_err_prefix(err, status, "%s", path);
    ltd_str s = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&s, 2);
    put_cost(&w, &checked);
    ltd_str_puts(&s, "\n");
    status = s.failed ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", path)
                      : ltd_file_write(path, s.data, s.len, err);
    ltd_str_fini(&s);
    return status;
}
