#include "env/survival.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

static const float step = 0.125f; /* between knots */
static const float least = -16;   /* ln p that counts as never */

/* --- without a survival --- */

/* First match length of each class, and how often the first token of such a chain is right; the
 * more tokens are right, the likelier the next. */
static const int32_t first_length[LTD_SURVIVAL_MATCHES] = {1,  2,  3,  4,  5,  6, 8,
                                                           10, 13, 17, 25, 33, 49};
static const float first_rate[LTD_SURVIVAL_MATCHES] = {
    0.40f, 0.54f, 0.63f, 0.73f, 0.75f, 0.78f, 0.83f, 0.88f, 0.91f, 0.94f, 0.96f, 0.97f, 0.99f};
static const float rate_growth = 0.8f; /* of the share that is wrong, a place */

static int32_t class_of(int32_t length)
{
    int32_t c = LTD_SURVIVAL_MATCHES - 1;
    while (c > 0 && length < first_length[c]) c--;
    return c;
}

static void estimate(int32_t c, float *score, int32_t n)
{
    float wrong = 1 - first_rate[c], sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += logf(1 - wrong);
        score[i] = sum;
        wrong *= rate_growth;
    }
}

/* --- asking --- */

float ltd_survival_head(const ltd_survival *s, float score)
{
    if (!s) return score;
    float at = -score / step;
    if (!(at > 0)) return s->head[0];
    if (at >= LTD_SURVIVAL_KNOTS - 1) {
        float below = s->head[LTD_SURVIVAL_KNOTS - 1] + score + step * (LTD_SURVIVAL_KNOTS - 1);
        return below > -INFINITY ? below : -INFINITY;
    }
    int32_t i = (int32_t)at;
    return s->head[i] + (at - (float)i) * (s->head[i + 1] - s->head[i]);
}

void ltd_survival_lookup(const ltd_survival *s, int32_t length, float *score, int32_t n)
{
    int32_t c = class_of(length);
    if (!s) {
        estimate(c, score, n);
        return;
    }
    int32_t known = n < LTD_SURVIVAL_CHAIN ? n : LTD_SURVIVAL_CHAIN;
    memcpy(score, s->lookup[c], (size_t)known * sizeof *score);
    for (int32_t i = known; i < n; i++) score[i] = score[i - 1];
}

static float odds_of(float logp)
{
    float p = expf(logp), rest = 1 - p;
    float x = logf(p > 1e-4f ? p : 1e-4f) - logf(rest > 1e-4f ? rest : 1e-4f);
    return x < -8 ? -8 : x > 8 ? 8 : x;
}

float ltd_survival_both(const ltd_survival *s, int32_t length, float logp)
{
    const float *b = s->both[class_of(length)];
    float odds = logp > -INFINITY ? b[0] + b[1] * odds_of(logp) : b[2];
    return -log1pf(expf(-odds));
}

/* --- learning --- */

void ltd_survival_count_head(ltd_survival_counts *counts, float score, bool is_true)
{
    float at = -score / step + 0.5f;
    if (!(at < LTD_SURVIVAL_KNOTS)) return;
    int32_t i = at > 0 ? (int32_t)at : 0;
    counts->head[i][0]++;
    counts->head[i][1] += is_true;
    counts->said[i] += exp((double)score);
}

void ltd_survival_count_lookup(ltd_survival_counts *counts, int32_t length, int32_t accepted,
                               int32_t n)
{
    int64_t(*row)[2] = counts->lookup[class_of(length)];
    for (int32_t i = 0; i < n && i < LTD_SURVIVAL_CHAIN; i++) {
        row[i][0]++;
        row[i][1] += i < accepted;
    }
}

void ltd_survival_count_both(ltd_survival_counts *counts, int32_t length, float logp, bool is_true)
{
    int32_t odds = LTD_SURVIVAL_ODDS;
    if (logp > -INFINITY) odds = (int32_t)(2 * (odds_of(logp) + 8) + 0.5f);
    int64_t *cell = counts->both[class_of(length)][odds];
    cell[0]++;
    cell[1] += is_true;
}

/* Counts near what was expected before there were any: as much as `PRIOR` observations. */
enum { PRIOR = 4 };

static double share(const int64_t cell[2], double before)
{
    return ((double)cell[1] + PRIOR * before) / ((double)cell[0] + PRIOR);
}

static float ln(double p)
{
    return p > exp((double)least) ? (float)log(p) : least;
}

/* Isotonic regression, not increasing: a value above the one before is averaged with it, and on. */
static void pool(double *value, const double *weight, int32_t n)
{
    double v[LTD_SURVIVAL_KNOTS], w[LTD_SURVIVAL_KNOTS];
    int32_t of[LTD_SURVIVAL_KNOTS], blocks = 0;
    for (int32_t i = 0; i < n; i++) {
        v[blocks] = value[i];
        w[blocks] = weight[i];
        of[blocks++] = 1;
        for (; blocks > 1 && v[blocks - 1] > v[blocks - 2]; blocks--) {
            double sum = w[blocks - 1] + w[blocks - 2];
            v[blocks - 2] = (v[blocks - 1] * w[blocks - 1] + v[blocks - 2] * w[blocks - 2]) / sum;
            w[blocks - 2] = sum;
            of[blocks - 2] += of[blocks - 1];
        }
    }
    for (int32_t b = 0, i = 0; b < blocks; b++)
        for (int32_t j = 0; j < of[b]; j++) value[i++] = v[b];
}

/* A knot differs from its score as much as what was true from what the head said, in the mean of
 * the scores nearest to it. */
static void fit_head(const ltd_survival_counts *counts, ltd_survival *ret)
{
    double p[LTD_SURVIVAL_KNOTS], weight[LTD_SURVIVAL_KNOTS];
    for (int32_t i = 0; i < LTD_SURVIVAL_KNOTS; i++) {
        double n = (double)counts->head[i][0], at = exp((double)(-step * (float)i));
        double said = n > 0 ? counts->said[i] / n : at;
        p[i] = at * share(counts->head[i], said) / said;
        if (p[i] > 1) p[i] = 1;
        weight[i] = n + PRIOR;
        ret->nodes += counts->head[i][0];
    }
    pool(p, weight, LTD_SURVIVAL_KNOTS);
    for (int32_t i = 0; i < LTD_SURVIVAL_KNOTS; i++) ret->head[i] = ln(p[i]);
}

/* Cumulative by definition, so only the estimate that stands in for what is rare could rise. */
static void fit_lookup(const ltd_survival_counts *counts, int32_t c, ltd_survival *ret)
{
    float before[LTD_SURVIVAL_CHAIN], above = 0;
    estimate(c, before, LTD_SURVIVAL_CHAIN);
    for (int32_t i = 0; i < LTD_SURVIVAL_CHAIN; i++) {
        float x = ln(share(counts->lookup[c][i], exp((double)before[i])));
        above = ret->lookup[c][i] = x < above ? x : above;
    }
    ret->matches += counts->lookup[c][0][0];
}

/* Logistic regression on the counts of a class, drawn to where it would be without any: the head's
 * odds, and half of the chain's own.  Newton's method, no step longer than 1: the function is
 * convex. */
static void fit_both(const ltd_survival_counts *counts, int32_t c, ltd_survival *ret)
{
    double rate = (double)first_rate[c], a0 = log(rate / (1 - rate)) / 2, b0 = 0.75;
    double a = a0, b = b0;
    for (int round = 0; round < 40; round++) {
        double ga = PRIOR * (a - a0), gb = PRIOR * (b - b0), aa = PRIOR, ab = 0, bb = PRIOR;
        for (int32_t i = 0; i < LTD_SURVIVAL_ODDS; i++) {
            const int64_t *cell = counts->both[c][i];
            double x = i / 2.0 - 8, n = (double)cell[0], p = 1 / (1 + exp(-a - b * x));
            double w = n * p * (1 - p), wrong = n * p - (double)cell[1];
            ga += wrong;
            gb += wrong * x;
            aa += w;
            ab += w * x;
            bb += w * x * x;
        }
        double det = aa * bb - ab * ab;
        double da = (bb * ga - ab * gb) / det, db = (aa * gb - ab * ga) / det;
        double most = fmax(1, fmax(fabs(da), fabs(db)));
        a -= da / most;
        b -= db / most;
    }
    double silent = share(counts->both[c][LTD_SURVIVAL_ODDS], rate / 10);
    ret->both[c][0] = (float)a;
    ret->both[c][1] = (float)b;
    ret->both[c][2] = (float)log(silent / (1 - silent));
}

void ltd_survival_fit(const ltd_survival_counts *counts, ltd_survival *ret)
{
    *ret = (ltd_survival){.nodes = 0};
    fit_head(counts, ret);
    for (int32_t c = 0; c < LTD_SURVIVAL_MATCHES; c++) {
        fit_lookup(counts, c, ret);
        fit_both(counts, c, ret);
    }
}

/* --- file --- */

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
