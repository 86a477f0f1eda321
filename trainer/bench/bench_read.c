/* What bench_json.c wrote, read back. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "trainer/bench/bench.h"

/* A document and the first failure: getters after it do nothing, so that callers check once. */
typedef struct reader {
    int rc;
    ltd_err *err;
} reader;

static void get_int(reader *r, ltd_json o, const char *key, int64_t max, int64_t *ret)
{
    if (r->rc == LTD_OK) r->rc = ltd_json_get_int(o, key, -1, max, ret, r->err);
}

static void get_i32(reader *r, ltd_json o, const char *key, int32_t max, int32_t *ret)
{
    int64_t v = 0;
    get_int(r, o, key, max, &v);
    if (r->rc == LTD_OK) *ret = (int32_t)v;
}

/* null and a missing key are NaN. */
static void get_f64(reader *r, ltd_json o, const char *key, double *ret)
{
    *ret = NAN;
    if (r->rc == LTD_OK && ltd_json_has(o, key)) r->rc = ltd_json_get_f64(o, key, ret, r->err);
}

static void get_text(reader *r, ltd_json o, const char *key, char *ret, size_t size)
{
    const char *v = "";
    if (r->rc == LTD_OK && ltd_json_has(o, key)) r->rc = ltd_json_get_string(o, key, &v, r->err);
    if (r->rc == LTD_OK) snprintf(ret, size, "%s", v);
}

static ltd_json get_object(reader *r, ltd_json o, const char *key)
{
    ltd_json v = {NULL, o.name};
    if (r->rc == LTD_OK) r->rc = ltd_json_get_object(o, key, &v, r->err);
    return v;
}

static void get_interval(reader *r, ltd_json o, const char *key, ltd_interval *ret)
{
    ltd_json v;
    *ret = (ltd_interval){NAN, NAN};
    if (r->rc < 0 || !ltd_json_has(o, key)) return;
    r->rc = ltd_json_get_array(o, key, &v, r->err);
    if (r->rc == LTD_OK) r->rc = ltd_json_as_f64(ltd_json_at(v, 0), key, &ret->lo, r->err);
    if (r->rc == LTD_OK) r->rc = ltd_json_as_f64(ltd_json_at(v, 1), key, &ret->hi, r->err);
}

static void get_hist(reader *r, ltd_json o, const char *key, uint32_t *ret)
{
    ltd_json v;
    if (r->rc < 0 || !ltd_json_has(o, key)) return;
    r->rc = ltd_json_get_array(o, key, &v, r->err);
    for (size_t i = 0; r->rc == LTD_OK && i < ltd_json_count(v) && i < LTD_RUN_ACCEPT; i++) {
        int64_t n;
        r->rc = ltd_json_as_int(ltd_json_at(v, i), key, 0, UINT32_MAX, &n, r->err);
        if (r->rc == LTD_OK) ret[i] = (uint32_t)n;
    }
}

static void get_stop(reader *r, ltd_json o, ltd_stop_quality *ret)
{
    if (r->rc < 0 || !ltd_json_has(o, "stop")) return;
    ltd_json stop = get_object(r, o, "stop");
    get_f64(r, stop, "tpr", &ret->tpr);
    get_f64(r, stop, "tnr", &ret->tnr);
    get_f64(r, stop, "auc", &ret->auc);
    get_int(r, stop, "n", INT64_MAX, &ret->n);
}

/* Files of before it was known have none. */
static void get_accept_by(reader *r, ltd_json o, ltd_accept_by *ret)
{
    const ltd_accept_classes none = {0};
    *ret = ltd_accept_by_of(&none);
    if (r->rc < 0 || !ltd_json_has(o, "accept_by")) return;
    ltd_json by = get_object(r, o, "accept_by"), share = get_object(r, by, "share"), quarters;
    for (int i = 0; i < LTD_TOKEN_CLASSES; i++) {
        const char *name = ltd_token_class_name((ltd_token_class)i);
        get_f64(r, by, name, &ret->accept[i]);
        get_f64(r, share, name, &ret->share[i]);
    }
    if (r->rc == LTD_OK) r->rc = ltd_json_get_array(by, "quarters", &quarters, r->err);
    for (size_t i = 0; r->rc == LTD_OK && i < LTD_QUARTERS; i++) {
        ltd_json at = ltd_json_at(quarters, i);
        if (at.value) r->rc = ltd_json_as_f64(at, "quarters", &ret->quarter[i], r->err);
    }
}

static void get_row(reader *r, ltd_json o, ltd_bench_row *ret)
{
    get_text(r, o, "policy", ret->policy, sizeof ret->policy);
    get_text(r, o, "detail", ret->detail, sizeof ret->detail);
    get_int(r, o, "tokens", INT64_MAX, &ret->tokens);
    get_f64(r, o, "seconds", &ret->seconds);
    get_f64(r, o, "tok_s", &ret->tok_s);
    get_f64(r, o, "speedup", &ret->speedup);
    get_interval(r, o, "speedup_ci", &ret->speedup_ci);
    get_f64(r, o, "speedup_mean_of_prompts", &ret->speedup_mean_of_prompts);
    get_f64(r, o, "vs_tuned", &ret->vs_tuned);
    get_interval(r, o, "vs_tuned_ci", &ret->vs_tuned_ci);
    get_f64(r, o, "accept_len", &ret->accept_len);
    get_f64(r, o, "forwards_mean", &ret->forwards_mean);
    get_f64(r, o, "size_mean", &ret->size_mean);
    get_f64(r, o, "regret", &ret->regret);
    get_f64(r, o, "table_seconds", &ret->table_seconds);
    get_i32(r, o, "identical", INT32_MAX, &ret->identical);
    get_i32(r, o, "of", INT32_MAX, &ret->of);
    get_hist(r, o, "accept_hist", ret->accept_hist);
    get_hist(r, o, "depth_hist", ret->depth_hist);
    get_accept_by(r, o, &ret->accept_by);
    get_stop(r, o, &ret->stop);
    ltd_json phase = get_object(r, o, "phase"), prefill = ltd_json_member(o, "prefill_ms");
    for (int p = 0; p < LTD_PHASE_COUNT; p++)
        get_f64(r, phase, ltd_phase_name((ltd_phase)p), &ret->phase[p]);
    get_f64(r, prefill, "target", &ret->prefill_target_ms);
    get_f64(r, prefill, "head", &ret->prefill_head_ms);
}

static void get_task(reader *r, ltd_json o, ltd_bench *b, ltd_bench_task *ret)
{
    ltd_json rows = {NULL, o.name};
    get_text(r, o, "task", ret->task, sizeof ret->task);
    get_i32(r, o, "prompts", INT32_MAX, &ret->prompts);
    get_i32(r, o, "max_new", INT32_MAX, &b->max_new);
    get_i32(r, o, "reps", INT32_MAX, &b->reps);
    get_f64(r, o, "temperature", &b->sampling.temperature);
    if (!(b->sampling.temperature > 0)) b->sampling.temperature = 0;
    if (b->sampling.temperature > 0) {
        char accept[16] = "";
        get_f64(r, o, "top_p", &b->sampling.top_p);
        get_i32(r, o, "top_k", INT32_MAX, &b->sampling.top_k);
        get_text(r, o, "accept", accept, sizeof accept);
        b->accept = strcmp(accept, "eagle") == 0 ? LTD_ACCEPT_SAMPLED : LTD_ACCEPT_DRAWN;
    }
    if (r->rc == LTD_OK) r->rc = ltd_json_get_array(o, "rows", &rows, r->err);
    size_t n = ltd_json_count(rows);
    if (r->rc == LTD_OK && n > LTD_BENCH_ROWS)
        r->rc = ltd_fail(r->err, LTD_EFORMAT, "%s: %zu rows, expected up to %d", o.name, n,
                         LTD_BENCH_ROWS);
    for (size_t i = 0; r->rc == LTD_OK && i < n; i++, ret->n_rows++)
        get_row(r, ltd_json_at(rows, i), &ret->rows[i]);
}

static void get_ratio(reader *r, ltd_json o, const char *key, const char *key_ci, ltd_ratio *ret)
{
    get_f64(r, o, key, &ret->value);
    get_interval(r, o, key_ci, &ret->ci);
}

static void get_versus_row(reader *r, ltd_json o, int32_t n_tasks, ltd_versus_row *ret)
{
    ltd_json tasks = {NULL, o.name};
    get_text(r, o, "policy", ret->policy, sizeof ret->policy);
    get_ratio(r, o, "all", "all_ci", &ret->all);
    get_ratio(r, o, "mean", "mean_ci", &ret->mean);
    if (r->rc == LTD_OK) r->rc = ltd_json_get_array(o, "tasks", &tasks, r->err);
    if (r->rc == LTD_OK && ltd_json_count(tasks) != (size_t)n_tasks)
        r->rc = ltd_fail(r->err, LTD_EFORMAT, "%s: versus '%s': %zu tasks, expected %d", o.name,
                         ret->policy, ltd_json_count(tasks), n_tasks);
    for (int32_t t = 0; r->rc == LTD_OK && t < n_tasks; t++)
        get_ratio(r, ltd_json_at(tasks, (size_t)t), "ratio", "ci", &ret->task[t]);
}

/* Files of before it was known have none. */
static void get_versus(reader *r, ltd_json root, ltd_bench *b)
{
    ltd_json rows;
    char best[32] = "";
    b->versus.best = -1;
    if (r->rc < 0 || !ltd_json_has(root, "versus")) return;
    get_text(r, root, "best_opponent", best, sizeof best);
    if (r->rc == LTD_OK) r->rc = ltd_json_get_array(root, "versus", &rows, r->err);
    if (r->rc < 0) return;
    size_t n = ltd_json_count(rows);
    if (n > LTD_VERSUS_ROWS)
        r->rc = ltd_fail(r->err, LTD_EFORMAT, "%s: versus %zu rows, expected up to %d", root.name,
                         n, LTD_VERSUS_ROWS);
    for (int32_t i = 0; r->rc == LTD_OK && i < (int32_t)n; i++) {
        ltd_versus_row *row = &b->versus.row[b->versus.n++];
        get_versus_row(r, ltd_json_at(rows, (size_t)i), b->n_tasks, row);
        if (best[0] && strcmp(row->policy, best) == 0) b->versus.best = i;
    }
}

static void get_drift(reader *r, ltd_json root, ltd_drift *ret)
{
    if (r->rc < 0 || !ltd_json_has(root, "drift")) return;
    ltd_json drift = get_object(r, root, "drift");
    get_f64(r, drift, "speed", &ret->speed);
    get_f64(r, drift, "shape", &ret->shape);
    get_i32(r, drift, "rows", INT32_MAX, &ret->rows);
}

static void get_scope(reader *r, ltd_json root, ltd_bench *b)
{
    ltd_json machine = get_object(r, root, "machine"), model = get_object(r, root, "model"),
             drafter = get_object(r, root, "drafter");
    get_text(r, machine, "cpu", b->cpu, sizeof b->cpu);
    get_text(r, machine, "isa", b->isa, sizeof b->isa);
    get_i32(r, machine, "threads", 4096, &b->threads);
    get_text(r, model, "path", b->model_path, sizeof b->model_path);
    get_text(r, model, "sha256", b->model_hash, sizeof b->model_hash);
    get_text(r, model, "dtype", b->model_dtype, sizeof b->model_dtype);
    get_text(r, drafter, "path", b->head_path, sizeof b->head_path);
    get_text(r, drafter, "sha256", b->head_hash, sizeof b->head_hash);
    if (r->rc == LTD_OK && ltd_json_has(drafter, "lookup"))
        r->rc = ltd_json_get_bool(drafter, "lookup", &b->lookup, r->err);
    if (r->rc == LTD_OK && ltd_json_has(root, "replayed"))
        r->rc = ltd_json_get_bool(root, "replayed", &b->replayed, r->err);
    b->tuned = (ltd_setting){-1, 0, false, 0};
    if (r->rc < 0 || !ltd_json_has(root, "tuned")) return;
    ltd_json tuned = get_object(r, root, "tuned");
    get_i32(r, tuned, "forwards", LTD_TREE_MAX_DEPTH, &b->tuned.forwards);
    get_i32(r, tuned, "size", 1024, &b->tuned.size);
    if (r->rc == LTD_OK) r->rc = ltd_json_get_bool(tuned, "lookup", &b->tuned.lookup, r->err);
    if (r->rc == LTD_OK && ltd_json_has(tuned, "top_k"))
        get_i32(r, tuned, "top_k", LTD_TREE_MAX_TOP_K, &b->tuned.top_k);
}

static int get_all(ltd_json root, ltd_bench *b, ltd_err *err)
{
    reader r = {LTD_OK, err};
    int64_t version;
    ltd_json tasks = {NULL, root.name};
    r.rc = ltd_json_get_int(root, "version", 1, 1, &version, err);
    get_text(&r, root, "command", b->command, sizeof b->command);
    get_text(&r, root, "commit", b->commit, sizeof b->commit);
    get_text(&r, root, "utc", b->utc, sizeof b->utc);
    get_scope(&r, root, b);
    get_drift(&r, root, &b->drift);
    if (r.rc == LTD_OK) r.rc = ltd_json_get_array(root, "tasks", &tasks, err);
    size_t n = ltd_json_count(tasks);
    if (r.rc == LTD_OK && n > LTD_BENCH_TASKS)
        return ltd_fail(err, LTD_EFORMAT, "%s: %zu tasks, expected up to %d", root.name, n,
                        LTD_BENCH_TASKS);
    for (size_t i = 0; r.rc == LTD_OK && i < n; i++, b->n_tasks++)
        get_task(&r, ltd_json_at(tasks, i), b, &b->tasks[i]);
    ltd_json all = get_object(&r, root, "all");
    if (r.rc == LTD_OK) get_task(&r, all, b, &b->all);
    if (r.rc == LTD_OK && ltd_json_has(root, "ended"))
        get_task(&r, get_object(&r, root, "ended"), b, &b->ended);
    get_versus(&r, root, b);
    return r.rc;
}

int ltd_bench_load(ltd_bench **ret, const char *path, ltd_err *err)
{
    ltd_file file;
    ltd_json_doc *doc;
    *ret = NULL;
    int rc = ltd_file_map(&file, path, err);
    if (rc < 0) return rc;
    rc = ltd_json_parse(&doc, path, file.data, file.size, err);
    ltd_file_unmap(&file);
    if (rc < 0) return rc;
    ltd_bench *b = ltd_mem_zeros(1, sizeof *b);
    rc = b ? get_all(ltd_json_root(doc), b, err) : ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    ltd_json_free(doc);
    if (rc < 0) {
        free(b);
        return rc;
    }
    *ret = b;
    return LTD_OK;
}
