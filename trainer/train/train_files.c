/* What a run leaves in its folder besides checkpoints: metrics, histograms, action map; and once,
 * for whoever looks at it later: run.json, config.yaml, the cost table it went by. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "base/json.h"
#include "env/cost_file.h"
#include "trainer/train/planner.h"
#include "trainer/train/train_priv.h"
#include "trainer/version.h"

static int write_text(const ltd_trainer *t, const char *name, ltd_str *text, ltd_err *err)
{
    char path[LTD_CONFIG_TEXT + 32];
    snprintf(path, sizeof path, "%s/%s", t->options->dir, name);
    int rc = text->failed ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", path)
                          : ltd_file_write(path, ltd_str_text(text), text->len, err);
    ltd_str_fini(text);
    return rc;
}

static void put_file(ltd_json_writer *w, const char *key, const char *path, const char *hash,
                     const char *dtype)
{
    ltd_json_begin_object(w, key);
    ltd_json_put_string(w, "path", path);
    ltd_json_put_string(w, "sha256", hash);
    if (dtype) ltd_json_put_string(w, "dtype", dtype);
    ltd_json_end_object(w);
}

/* Who trained what, where. */
static int write_facts(const ltd_trainer *t, ltd_err *err)
{
    const ltd_setup *s = t->setup;
    ltd_str out = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&out, 2);
    char utc[32] = "";
    time_t now = time(NULL);
    struct tm tm;
    if (gmtime_r(&now, &tm)) strftime(utc, sizeof utc, "%Y-%m-%dT%H:%M:%SZ", &tm);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "commit", ltd_commit());
    ltd_json_put_string(&w, "utc", utc);
    ltd_json_put_u64(&w, "seed", s->config.run.seed);
    ltd_json_put_string(&w, "machine", s->machine);
    put_file(&w, "model", ltd_llama_path(s->model), ltd_llama_hash(s->model),
             ltd_llama_dtype_name(s->model));
    if (s->head)
        put_file(&w, "drafter", ltd_eagle3_path(s->head), ltd_eagle3_hash(s->head), NULL);
    else
        ltd_json_put_null(&w, "drafter");
    ltd_json_end_object(&w);
    ltd_str_puts(&out, "\n");
    return write_text(t, "run.json", &out, err);
}

int ltd_train_open_files(ltd_trainer *t, ltd_err *err)
{
    char path[LTD_CONFIG_TEXT + 32];
    const char *dir = t->options->dir;
    int64_t step = t->options->resume ? t->cycles : -1;
    int rc = ltd_metrics_open(&t->metrics, dir, step, err);
    if (rc == LTD_OK) rc = ltd_histograms_open(&t->histograms, dir, step, err);
    if (rc == LTD_OK) rc = ltd_config_save(&t->setup->config, dir, err);
    if (rc == LTD_OK) rc = write_facts(t, err);
    snprintf(path, sizeof path, "%s/calibration.json", dir);
    return rc == LTD_OK ? ltd_cost_save(t->setup->cost, path, err) : rc;
}

int ltd_train_save_table(const ltd_trainer *t, ltd_err *err)
{
    ltd_str csv = LTD_STR_INIT;
    ltd_table_csv(t->table, &csv);
    return write_text(t, "table.csv", &csv, err);
}

int ltd_train_save_actions(const ltd_trainer *t, const ltd_action_map *map, ltd_err *err)
{
    ltd_str csv = LTD_STR_INIT;
    ltd_action_map_csv(map, &csv);
    return write_text(t, "actions.csv", &csv, err);
}

int ltd_train_open_plan(ltd_trainer *t, ltd_err *err)
{
    char dir[LTD_CONFIG_TEXT + 32];
    snprintf(dir, sizeof dir, "%s/plan", t->options->dir);
    int rc = ltd_file_mkdirs(dir, err);
    return rc == LTD_OK ? ltd_metrics_open(&t->plan, dir, -1, err) : rc;
}

void ltd_train_note_pass(ltd_trainer *t, const ltd_planner_progress *p)
{
    if (!t->plan || t->plan_rc < 0) return;
    ltd_metrics_set(t->plan, "plan/train", p->train);
    if (isfinite(p->valid)) ltd_metrics_set(t->plan, "plan/valid", p->valid);
    if (isfinite(p->best)) ltd_metrics_set(t->plan, "plan/best", p->best);
    t->plan_rc = ltd_metrics_write(t->plan, p->pass, &t->plan_err);
}

int ltd_train_close_plan(ltd_trainer *t, ltd_err *err)
{
    ltd_metrics_close(t->plan);
    t->plan = NULL;
    if (t->plan_rc < 0 && err) *err = t->plan_err;
    return t->plan_rc;
}
