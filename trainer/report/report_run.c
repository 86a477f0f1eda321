#define _DEFAULT_SOURCE /* realpath */
#include "trainer/report/report_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "env/cost_file.h"

static bool has(const char *dir, const char *file, char path[4096])
{
    int n = snprintf(path, 4096, "%s/%s", dir, file);
    return n >= 0 && n < 4096 && access(path, F_OK) == 0;
}

bool ltd_report_is_run(const char *dir)
{
    char path[4096];
    return (has(dir, "config.yaml", path) || has(dir, "metrics.csv", path)) &&
           !has(dir, "head", path);
}

/* "runs/a/" -> "a"; what has no name of its own is asked for it. */
static void name_of(const char *dir, char *ret, size_t size)
{
    char *real = realpath(dir, NULL);
    const char *whole = real ? real : dir, *slash = strrchr(whole, '/');
    snprintf(ret, size, "%s", slash && slash[1] ? slash + 1 : whole);
    free(real);
}

static void get_text(ltd_json o, const char *key, char *ret, size_t size)
{
    const char *text;
    if (ltd_json_get_string(o, key, &text, NULL) == LTD_OK) snprintf(ret, size, "%s", text);
}

static void get_file(ltd_json root, const char *key, char *ret, size_t size)
{
    ltd_json o = ltd_json_member(root, key);
    char path[192] = "", sha[65] = "", dtype[16] = "";
    if (!o.value) return;
    get_text(o, "path", path, sizeof path);
    get_text(o, "sha256", sha, sizeof sha);
    get_text(o, "dtype", dtype, sizeof dtype);
    snprintf(ret, size, "%s (%s%s%.12s)", path, dtype, dtype[0] ? ", " : "", sha);
}

static int read_facts(ltd_report_run *r, const char *path, ltd_err *err)
{
    ltd_file f;
    ltd_json_doc *doc;
    int rc = ltd_file_map(&f, path, err);
    if (rc < 0) return rc;
    rc = ltd_json_parse(&doc, path, f.data, f.size, err);
    ltd_file_unmap(&f);
    if (rc < 0) return rc;
    ltd_json root = ltd_json_root(doc);
    get_text(root, "machine", r->machine, sizeof r->machine);
    get_text(root, "commit", r->commit, sizeof r->commit);
    get_text(root, "utc", r->utc, sizeof r->utc);
    get_file(root, "model", r->model, sizeof r->model);
    get_file(root, "drafter", r->head, sizeof r->head);
    ltd_json_free(doc);
    return LTD_OK;
}

/* A run of another version may have keys that are no more: the rest can be shown. */
static int read_config(ltd_report_run *r, const char *path, ltd_err *err)
{
    ltd_err why = LTD_ERR_INIT;
    ltd_config *c = ltd_mem_zeros(1, sizeof *c);
    if (!c) return ltd_fail(err, LTD_ENOMEM, "report: no memory");
    if (ltd_config_load(c, path, NULL, 0, &why) < 0) {
        snprintf(r->config_why, sizeof r->config_why, "%s", why.msg);
        free(c);
        return LTD_OK;
    }
    r->config = c;
    return LTD_OK;
}

int ltd_report_run_load(ltd_report_run *ret, const char *dir, ltd_err *err)
{
    char path[4096], plan[1024];
    *ret = (ltd_report_run){.dir = ""};
    if (has(dir, "head", path))
        return ltd_fail(err, LTD_EINVAL,
                        "%s: is a run of `ltd distill`, which writes its own report", dir);
    if (!ltd_report_is_run(dir))
        return ltd_fail(err, LTD_EINVAL,
                        "%s: no run folder: it has neither config.yaml nor metrics.csv", dir);
    if (snprintf(ret->dir, sizeof ret->dir, "%s", dir) >= (int)sizeof ret->dir ||
        snprintf(plan, sizeof plan, "%s/plan", dir) >= (int)sizeof plan)
        return ltd_fail(err, LTD_EINVAL, "%.80s...: the path is too long", dir);
    name_of(dir, ret->name, sizeof ret->name);
    int rc = ltd_report_csv_load(&ret->metrics, dir, "metrics.csv", err);
    if (rc == LTD_OK) rc = ltd_report_csv_load(&ret->plan, plan, "metrics.csv", err);
    if (rc == LTD_OK) rc = ltd_report_csv_load(&ret->histograms, dir, "histograms.csv", err);
    if (rc == LTD_OK) rc = ltd_report_csv_load(&ret->actions, dir, "actions.csv", err);
    if (rc == LTD_OK && has(dir, "run.json", path)) rc = read_facts(ret, path, err);
    if (rc == LTD_OK && has(dir, "calibration.json", path))
        rc = ltd_cost_load(&ret->cost, path, err);
    if (rc == LTD_OK && has(dir, "bench.json", path)) rc = ltd_bench_load(&ret->bench, path, err);
    if (rc == LTD_OK && has(dir, "config.yaml", path)) rc = read_config(ret, path, err);
    if (rc < 0) ltd_report_run_fini(ret);
    return rc;
}

void ltd_report_run_fini(ltd_report_run *r)
{
    ltd_report_csv_fini(&r->metrics);
    ltd_report_csv_fini(&r->plan);
    ltd_report_csv_fini(&r->histograms);
    ltd_report_csv_fini(&r->actions);
    free(r->cost);
    ltd_bench_free(r->bench);
    free(r->config);
    *r = (ltd_report_run){.dir = ""};
}

/* --- figures --- */

static double best_valid(const ltd_report_run *r)
{
    double live = ltd_report_csv_most(&r->metrics, "valid/speedup");
    return isfinite(live) ? live : ltd_report_csv_last(&r->plan, "plan/best");
}

static const ltd_bench_row *bench_row(const ltd_report_run *r)
{
    return r->bench ? ltd_bench_find(&r->bench->all, "ltd") : NULL;
}

void ltd_report_run_figures(const ltd_report_run *r, ltd_report_figure ret[LTD_REPORT_FIGURES],
                            int *n)
{
    static const ltd_interval none = {NAN, NAN};
    static const struct {
        const char *key, *label, *metric;
        int digits;
    } last[] = {
        {"valid_tok_s", "tokens/s, held out", "valid/tok_s", 1},
        {"valid_accept_len", "accepted length, held out", "valid/accept_len", 2},
        {"reward", "reward of a cycle", "rollout/ep_rew_mean", 3},
        {"tok_s", "tokens/s while exploring", "rollout/tok_s", 1},
        {"accept_len", "accepted length while exploring", "rollout/accept_len", 2},
        {"forwards", "draft forwards a cycle", "rollout/forwards", 2},
        {"size", "nodes verified a cycle", "rollout/size", 1},
        {"depth_kl", "KL of the last update, depth", "train/depth/approx_kl", 5},
        {"size_kl", "KL of the last update, size", "train/size/approx_kl", 5},
        {"depth_entropy", "entropy, depth [nats]", "train/depth/entropy", 3},
        {"size_entropy", "entropy, size [nats]", "train/size/entropy", 3},
        {"depth_explained_variance", "explained variance, depth", "train/depth/explained_variance",
         2},
        {"size_explained_variance", "explained variance, size", "train/size/explained_variance", 2},
        {"learning_rate", "learning rate", "train/learning_rate", 6},
        {"cycles", "cycles of training", "step", 0},
        {"seconds", "seconds of training", "time/seconds", 1},
    };
    const ltd_bench_row *b = bench_row(r);
    int k = 0;
    ret[k++] = (ltd_report_figure){"bench_vs_tuned", "x the best static setting (bench)", 3,
                                   b ? b->vs_tuned : NAN, b ? b->vs_tuned_ci : none};
    ret[k++] = (ltd_report_figure){"bench_speedup", "x plain decoding (bench)", 3,
                                   b ? b->speedup : NAN, b ? b->speedup_ci : none};
    ret[k++] = (ltd_report_figure){"bench_tok_s", "tokens/s (bench)", 1, b ? b->tok_s : NAN, none};
    ret[k++] = (ltd_report_figure){"best_valid", "x plain decoding, held out, by the cost table", 3,
                                   best_valid(r), none};
    for (size_t i = 0; i < sizeof last / sizeof *last; i++)
        ret[k++] = (ltd_report_figure){last[i].key, last[i].label, last[i].digits,
                                       ltd_report_csv_last(&r->metrics, last[i].metric), none};
    for (int i = 0; i < k; i++) /* no "-0.000" */
        if (fabs(ret[i].value) < 0.5 * pow(10, -ret[i].digits)) ret[i].value = 0;
    *n = k;
}

void ltd_report_run_verdict(const ltd_report_run *r, ltd_str *out)
{
    size_t before = out->len;
    double valid = best_valid(r);
    if (r->bench) ltd_bench_verdict(r->bench, out);
    if (out->len > before) return;
    if (isfinite(valid))
        ltd_str_printf(out,
                       "%.2f x plain decoding on held-out prompts, by the cost table; `ltd bench` "
                       "compares it with the best static setting\n",
                       valid);
    else
        ltd_str_puts(out, "nothing was validated yet\n");
}
