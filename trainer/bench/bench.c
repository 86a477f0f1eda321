/* Order of play: repetition by repetition, prompt by prompt, row by row, the first row moving on by
 * one each time; so a slow minute of the machine hits all rows of a prompt, and no row always runs
 * behind the same other one. */
#include "trainer/bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "trainer/bench/bench_rows.h"
#include "trainer/version.h"

typedef struct bench_run {
    const ltd_setup *s;
    const ltd_bench_options *options;
    ltd_prompts *prompts;
    int32_t count; /* prompts */
    int32_t reps;
    int32_t rows; /* contestants, then the oracles of a record */
    ltd_contestants c;
    ltd_bench_cell *cells; /* [rows, count] */
    ltd_tokens text[LTD_BENCH_ROWS];
} bench_run;

static bool same_text(const ltd_tokens *a, const ltd_tokens *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->ids, b->ids, a->n * sizeof *a->ids) == 0);
}

static int tell(const bench_run *b, int32_t row, int32_t rep, int32_t prompt, const ltd_run *run,
                ltd_err *err)
{
    const ltd_bench_options *o = b->options;
    if (!o->heard) return LTD_OK;
    ltd_bench_answer answer = {.row = b->c.row[row].name,
                               .prompt = ltd_prompts_at(b->prompts, (size_t)prompt),
                               .prompt_number = prompt,
                               .rep = rep,
                               .run = run,
                               .text = &b->text[row]};
    return o->heard(o->heard_ctx, &answer, err);
}

/* What row r's answer to a prompt was made of, and whether it is ar's. */
static int look_at_answer(bench_run *b, int32_t r, int32_t rep, int32_t prompt, ltd_err *err)
{
    ltd_bench_cell *cell = &b->cells[(size_t)r * (size_t)b->count + (size_t)prompt];
    const ltd_player *player = &b->c.row[r].player;
    cell->identical = (rep == 0 || cell->identical) && same_text(&b->text[r], &b->text[b->c.ar]);
    return ltd_accept_classes_answer(&cell->classes, ltd_llama_tokenizer(b->s->model),
                                     ltd_prompts_at(b->prompts, (size_t)prompt), &b->text[r],
                                     player->added, player->n_added, err);
}

/* All rows play one prompt; answers are looked at when the last one has played. */
static int play_prompt(bench_run *b, int32_t rep, int32_t prompt, ltd_err *err)
{
    int32_t n = b->c.n, reps = b->reps;
    const ltd_prompt *p = ltd_prompts_at(b->prompts, (size_t)prompt);
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < n; i++) {
        int32_t r = (i + rep + prompt) % n;
        char what[96];
        snprintf(what, sizeof what, "%.40s %s", p->task, b->c.row[r].name);
        double share = ((double)rep * b->count + prompt + (double)i / n) / reps / b->count;
        ltd_bench_cell *cell = &b->cells[(size_t)r * (size_t)b->count + (size_t)prompt];
        ltd_run run;
        rc = ltd_watch_tell(&b->options->watch, share, what, err);
        if (rc == LTD_OK) rc = ltd_run_prompt(&b->c.row[r].player, prompt, &run, &b->text[r], err);
        if (rc == LTD_OK) rc = tell(b, r, rep, prompt, &run, err);
        if (rc == LTD_OK) ltd_run_add(&cell->run, &run);
    }
    for (int32_t r = 0; rc == LTD_OK && r < n; r++) rc = look_at_answer(b, r, rep, prompt, err);
    return rc;
}

static int play_all(bench_run *b, ltd_err *err)
{
    int rc = ltd_watch_tell(&b->options->watch, 0, "warm-up", err);
    bool live = !b->options->replay;
    for (int32_t r = 0; live && rc == LTD_OK && r < b->c.n; r++) {
        ltd_run run;
        rc = ltd_run_prompt(&b->c.row[r].player, 0, &run, NULL, err);
    }
    for (int32_t rep = 0; rc == LTD_OK && rep < b->reps; rep++)
        for (int32_t i = 0; rc == LTD_OK && i < b->count; i++) {
            const ltd_bench_options *o = b->options;
            if (o->between) rc = o->between(o->between_ctx, err);
            if (rc == LTD_OK) rc = play_prompt(b, rep, i, err);
        }
    return rc;
}

/* Whether times are still those of the table in use.  A table whose contexts don't fit this run
 * can't be checked, which is no reason not to bench. */
static int check_drift(const bench_run *b, ltd_drift *ret, ltd_err *err)
{
    const ltd_setup *s = b->s;
    char text[128];
    ltd_err why = LTD_ERR_INIT;
    if (b->options->replay || !s->cost || !s->config.bench.drift_check) return LTD_OK;
    int rc = ltd_watch_tell(&b->options->watch, 0, "drift check", err);
    if (rc < 0) return rc;
    rc = ltd_drift_measure(s, ret, &why);
    if (rc < 0)
        ltd_log(s->log, LTD_LOG_WARN, "the calibration is not checked: %s", why.msg);
    else
        ltd_log(s->log, ltd_drift_large(ret) ? LTD_LOG_WARN : LTD_LOG_INFO, "%s%s",
                ltd_drift_text(ret, text, sizeof text),
                ltd_drift_large(ret) ? ": run `ltd calibrate` anew" : "");
    return LTD_OK;
}

static int play_oracles(bench_run *b, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t r = b->c.n; r < b->rows; r++)
        for (int32_t i = 0; rc == LTD_OK && i < b->count; i++) {
            ltd_bench_cell *cell = &b->cells[(size_t)r * (size_t)b->count + (size_t)i];
            rc = ltd_replay_oracle(b->options->replay, (ltd_oracle)(r - b->c.n),
                                   ltd_prompts_at(b->prompts, (size_t)i), &cell->run, err);
        }
    return rc;
}

/* --- result --- */

static void name_rows(const bench_run *b, ltd_bench_task *task)
{
    for (int32_t r = 0; r < b->rows; r++) {
        ltd_oracle o = (ltd_oracle)(r - b->c.n);
        const ltd_agent *agent = r < b->c.n ? b->c.row[r].agent : NULL;
        snprintf(task->rows[r].policy, sizeof task->rows[r].policy, "%s",
                 agent ? agent->name : ltd_oracle_name(o));
        snprintf(task->rows[r].detail, sizeof task->rows[r].detail, "%s",
                 agent ? agent->detail : ltd_oracle_detail(o));
    }
}

/* An oracle writes no text; the last row's speed is what all others are held against. */
static void hold_against_oracle(const bench_run *b, ltd_bench_task *task)
{
    for (int32_t r = 0; b->rows > b->c.n && r < b->rows; r++) {
        if (r >= b->c.n) task->rows[r].identical = task->rows[r].of = 0;
        task->rows[r].regret = 1 - task->rows[r].tok_s / task->rows[b->rows - 1].tok_s;
    }
}

/*   cells   of `prompts` prompts, `stride` apart from row to row */
static int fold_task(const bench_run *b, ltd_bench_task *task, const char *name,
                     const ltd_bench_cell *cells, int32_t stride, int32_t prompts, ltd_err *err)
{
    snprintf(task->task, sizeof task->task, "%.63s", name);
    task->prompts = prompts;
    task->n_rows = b->rows;
    name_rows(b, task);
    const ltd_config *c = &b->s->config;
    int rc = ltd_bench_fold(task, cells, (size_t)stride, b->reps, b->c.ar, b->c.tuned,
                            c->bench.bootstrap, c->run.seed, err);
    bool another_text = c->env.temperature > 0 && c->env.accept == LTD_ACCEPT_SAMPLED;
    for (int32_t r = 0; another_text && r < task->n_rows; r++)
        task->rows[r].identical = task->rows[r].of = 0;
    hold_against_oracle(b, task);
    return rc;
}

/* How well rows stopped, on prompts [begin, end). */
static int fold_stops(const bench_run *b, ltd_bench_task *task, int32_t begin, int32_t end,
                      ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t r = 0; rc == LTD_OK && r < b->c.n; r++)
        rc = ltd_stop_log_quality(&b->c.row[r].stops, begin, end, &task->rows[r].stop, err);
    return rc;
}

static int fold_ended(const bench_run *b, ltd_bench_task *task, ltd_err *err)
{
    ltd_bench_cell *cells;
    int32_t kept;
    int rc = ltd_bench_only_ended(b->cells, b->rows, b->count, b->c.ar, &cells, &kept, err);
    if (rc == LTD_OK) rc = fold_task(b, task, "ended", cells, kept, kept, err);
    free(cells);
    return rc;
}

/* A task is a stretch of prompts of one name. */
static int fold_all(bench_run *b, ltd_bench *ret, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t begin = 0, end; rc == LTD_OK && begin < b->count; begin = end) {
        const char *name = ltd_prompts_at(b->prompts, (size_t)begin)->task;
        for (end = begin + 1; end < b->count; end++)
            if (strcmp(ltd_prompts_at(b->prompts, (size_t)end)->task, name) != 0) break;
        if (ret->n_tasks == LTD_BENCH_TASKS)
            return ltd_fail(err, LTD_EINVAL, "bench: more than %d tasks", LTD_BENCH_TASKS);
        ltd_bench_task *task = &ret->tasks[ret->n_tasks++];
        rc = fold_task(b, task, name, b->cells + begin, b->count, end - begin, err);
        if (rc == LTD_OK) rc = fold_stops(b, task, begin, end, err);
    }
    if (rc == LTD_OK) rc = fold_task(b, &ret->all, "all", b->cells, b->count, b->count, err);
    if (rc == LTD_OK) rc = fold_stops(b, &ret->all, 0, b->count, err);
    return rc == LTD_OK ? fold_ended(b, &ret->ended, err) : rc;
}

static void describe(const bench_run *b, ltd_bench *ret)
{
    const ltd_setup *s = b->s;
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc)) strftime(ret->utc, sizeof ret->utc, "%Y-%m-%dT%H:%M:%SZ", &utc);
    snprintf(ret->command, sizeof ret->command, "%s",
             b->options->command ? b->options->command : "");
    snprintf(ret->commit, sizeof ret->commit, "%s", ltd_commit());
    ret->seed = s->config.run.seed;
    snprintf(ret->cpu, sizeof ret->cpu, "%.*s", (int)strcspn(s->machine, ","), s->machine);
    snprintf(ret->isa, sizeof ret->isa, "%s", ltd_llama_kernels(s->model)->name);
    ret->threads = ltd_pool_threads(ltd_llama_pool(s->model));
    snprintf(ret->model_path, sizeof ret->model_path, "%s", ltd_llama_path(s->model));
    snprintf(ret->model_hash, sizeof ret->model_hash, "%s", ltd_llama_hash(s->model));
    snprintf(ret->model_dtype, sizeof ret->model_dtype, "%s", ltd_llama_dtype_name(s->model));
    if (s->head) {
        snprintf(ret->head_path, sizeof ret->head_path, "%s", ltd_eagle3_path(s->head));
        snprintf(ret->head_hash, sizeof ret->head_hash, "%s", ltd_eagle3_hash(s->head));
    }
    ret->lookup = s->config.env.lookup;
    ret->max_new = s->config.bench.max_new;
    ret->reps = b->reps;
    ret->replayed = b->options->replay != NULL;
    ltd_cycle_options o = ltd_setup_cycle_options(s);
    ret->sampling = o.sampling;
    ret->accept = o.accept;
    ret->tuned = (ltd_setting){-1, 0, false, 0};
    if (b->c.tuned >= 0) ret->tuned = b->c.row[b->c.tuned].setting;
}

/* Of a record, those that are there. */
static int load_prompts(bench_run *b, ltd_err *err)
{
    const ltd_config *c = &b->s->config;
    ltd_prompts *all;
    int32_t left_out = 0;
    int rc = ltd_setup_prompts(b->s, &c->prompts.bench, c->bench.prompts_per_task, &all, err);
    if (rc < 0 || !b->options->replay) {
        b->prompts = all;
        return rc;
    }
    rc = ltd_replay_prompts(b->options->replay, all, &b->prompts, &left_out, err);
    ltd_prompts_free(all);
    if (rc == LTD_OK && left_out)
        ltd_log(b->s->log, LTD_LOG_WARN, "%d prompts are not recorded and left out", left_out);
    return rc;
}

static int run(bench_run *b, ltd_bench **ret, ltd_err *err)
{
    const ltd_replay *replay = b->options->replay;
    int rc = ltd_contestants_list(&b->c, b->s, b->options, err);
    if (rc == LTD_OK) rc = load_prompts(b, err);
    if (rc == LTD_OK) rc = ltd_contestants_open(&b->c, b->s, b->prompts, replay, err);
    if (rc < 0) return rc;
    b->count = (int32_t)ltd_prompts_count(b->prompts);
    b->reps = replay ? 1 : b->s->config.bench.reps;
    b->rows = b->c.n + (replay ? LTD_ORACLE_COUNT : 0);
    if (b->rows > LTD_BENCH_ROWS)
        return ltd_fail(err, LTD_EINVAL, "bench: more than %d rows", LTD_BENCH_ROWS);
    b->cells = ltd_mem_zeros((size_t)b->rows * (size_t)b->count, sizeof *b->cells);
    ltd_bench *result = ltd_mem_zeros(1, sizeof *result);
    if (b->cells && result)
        rc = check_drift(b, &result->drift, err);
    else
        rc = ltd_fail(err, LTD_ENOMEM, "bench: no memory for %d prompts", b->count);
    if (rc == LTD_OK) rc = play_all(b, err);
    if (rc == LTD_OK) rc = play_oracles(b, err);
    if (rc == LTD_OK) rc = fold_all(b, result, err);
    if (rc < 0) {
        free(result);
        return rc;
    }
    describe(b, result);
    result->cells = b->cells;
    b->cells = NULL;
    const ltd_config *c = &b->s->config;
    rc = ltd_versus_fold(result, c->bench.bootstrap, c->run.seed, err);
    if (rc < 0)
        ltd_bench_free(result);
    else
        *ret = result;
    return rc;
}

int ltd_bench_run(const ltd_setup *s, const ltd_bench_options *options, ltd_bench **ret,
                  ltd_err *err)
{
    *ret = NULL;
    bench_run *b = ltd_mem_zeros(1, sizeof *b);
    if (!b) return ltd_fail(err, LTD_ENOMEM, "bench: no memory");
    b->s = s;
    b->options = options;
    int rc = run(b, ret, err);
    ltd_contestants_close(&b->c);
    for (int32_t i = 0; i < LTD_BENCH_ROWS; i++) ltd_tokens_fini(&b->text[i]);
    ltd_prompts_free(b->prompts);
    free(b->cells);
    free(b);
    return rc;
}

void ltd_bench_free(ltd_bench *b)
{
    if (b) free(b->cells);
    free(b);
}

const ltd_bench_row *ltd_bench_find(const ltd_bench_task *task, const char *policy)
{
    for (int32_t i = 0; i < task->n_rows; i++)
        if (strcmp(task->rows[i].policy, policy) == 0) return &task->rows[i];
    return NULL;
}
