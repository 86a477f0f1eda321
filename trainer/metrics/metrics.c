/* The logger: keys in order of first mention, one value each, handed to the sinks row by row.
 * Lookup is linear: a run has some tens of keys, and sets them in the same order every time, which
 * the hint makes use of. */
#include "trainer/metrics/metrics.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

enum { MAX_SINKS = 8 };

struct ltd_metrics {
    size_t n, hint;
    char name[LTD_METRICS_MAX_KEYS][LTD_METRICS_MAX_KEY];
    const char *key[LTD_METRICS_MAX_KEYS]; /* name[i] */
    double value[LTD_METRICS_MAX_KEYS];    /* NaN before the first set */
    bool set[LTD_METRICS_MAX_KEYS];        /* in the row to come */
    ltd_metrics_sink *sink[MAX_SINKS];
    size_t n_sinks;
    int64_t last_step;
    ltd_err err; /* of a key that can't be */
};

int ltd_metrics_new(ltd_metrics **ret, ltd_err *err)
{
    *ret = ltd_mem_zeros(1, sizeof **ret);
    if (!*ret) return ltd_fail(err, LTD_ENOMEM, "metrics: no memory");
    (*ret)->last_step = INT64_MIN;
    return LTD_OK;
}

int ltd_metrics_add(ltd_metrics *m, ltd_metrics_sink *sink, ltd_err *err)
{
    if (m->n_sinks == MAX_SINKS) {
        sink->free(sink);
        return ltd_fail(err, LTD_EINVAL, "metrics: more than %d sinks", MAX_SINKS);
    }
    m->sink[m->n_sinks++] = sink;
    return LTD_OK;
}

int ltd_metrics_open(ltd_metrics **ret, const char *dir, int64_t resume_step, ltd_err *err)
{
    static const struct {
        const char *file;
        int (*open)(ltd_metrics_sink **, const char *, int64_t, ltd_err *);
    } sinks[] = {{"metrics.csv", ltd_metrics_csv},
                 {"metrics.jsonl", ltd_metrics_jsonl},
                 {"", ltd_metrics_tfevents}};
    int rc = ltd_metrics_new(ret, err);
    for (size_t i = 0; rc == LTD_OK && i < sizeof sinks / sizeof *sinks; i++) {
        char path[PATH_MAX];
        ltd_metrics_sink *sink = NULL;
        const char *slash = sinks[i].file[0] ? "/" : "";
        if (snprintf(path, sizeof path, "%s%s%s", dir, slash, sinks[i].file) >= PATH_MAX)
            rc = ltd_fail(err, LTD_EINVAL, "%.80s...: the path is too long", dir);
        else
            rc = sinks[i].open(&sink, path, resume_step, err);
        if (rc == LTD_OK) rc = ltd_metrics_add(*ret, sink, err);
    }
    if (rc < 0) {
        ltd_metrics_close(*ret);
        *ret = NULL;
    }
    return rc;
}

void ltd_metrics_close(ltd_metrics *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->n_sinks; i++) m->sink[i]->free(m->sink[i]);
    free(m);
}

/* Names are columns of a CSV file and need no quoting there. */
static bool good_key(const char *key)
{
    size_t n = strlen(key);
    if (n == 0 || n >= LTD_METRICS_MAX_KEY || strcmp(key, "step") == 0) return false;
    for (const char *p = key; *p; p++)
        if (*p <= ' ' || *p > '~' || strchr("\",\\", *p)) return false;
    return true;
}

/* Index of a key, added when new; -1 when it can't be. */
static int find(ltd_metrics *m, const char *key)
{
    for (size_t j = 0; j < m->n; j++) {
        size_t i = (m->hint + j) % m->n;
        if (strcmp(m->key[i], key) != 0) continue;
        m->hint = i + 1;
        return (int)i;
    }
    if (m->n == LTD_METRICS_MAX_KEYS || !good_key(key)) {
        if (!m->err.code)
            ltd_fail(&m->err, LTD_EINVAL, "metrics: key '%.80s': %s", key,
                     good_key(key) ? "too many keys" : "can't be a column's name");
        return -1;
    }
    size_t i = m->n++;
    strcpy(m->name[i], key);
    m->key[i] = m->name[i];
    m->value[i] = NAN;
    m->hint = i + 1;
    return (int)i;
}

void ltd_metrics_declare(ltd_metrics *m, const char *key)
{
    find(m, key);
}

void ltd_metrics_set(ltd_metrics *m, const char *key, double value)
{
    int i = find(m, key);
    if (i < 0) return;
    m->value[i] = value;
    m->set[i] = true;
}

double ltd_metrics_get(const ltd_metrics *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->key[i], key) == 0) return m->value[i];
    return NAN;
}

int ltd_metrics_write(ltd_metrics *m, int64_t step, ltd_err *err)
{
    if (m->err.code) {
        if (err) *err = m->err;
        return m->err.code;
    }
    if (step < m->last_step)
        return ltd_fail(err, LTD_EINVAL, "metrics: step %lld after %lld", (long long)step,
                        (long long)m->last_step);
    ltd_metrics_row row = {step, m->n, m->key, m->value, m->set};
    int rc = LTD_OK;
    for (size_t i = 0; i < m->n_sinks && rc == LTD_OK; i++)
        rc = m->sink[i]->write(m->sink[i], &row, err);
    if (rc < 0) return rc;
    m->last_step = step;
    m->hint = 0;
    memset(m->set, 0, sizeof m->set);
    return LTD_OK;
}
