#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/import.h"
#include "trainer/cli/cli.h"
#include "trainer/metrics/dashboard.h"
#include "trainer/ppo/group.h"
#include "trainer/report/report.h"
#include "trainer/train/forecast.h"
#include "trainer/train/planner.h"
#include "trainer/train/train.h"

static void begin(void *ctx, int64_t done, int64_t length)
{
    ltd_dashboard_begin(ctx, (uint64_t)done, (uint64_t)length);
}

static void teach(void *ctx, const char *what)
{
    ltd_dashboard_what(ctx, what);
}

static void tick(void *ctx, int64_t done)
{
    ltd_dashboard_update(ctx, (uint64_t)done);
}

static void tell(void *ctx, const ltd_train_progress *p)
{
    ltd_dashboard *d = ctx;
    char rate[16];
    ltd_progress_rate(rate, p->cycles_s);
    ltd_dashboard_figure_set(d, "cycles/s", "%s", rate);
    ltd_progress_rate(rate, p->decisions_s);
    ltd_dashboard_figure_set(d, "decisions/s", "%s", rate);
    ltd_progress_rate(rate, p->tok_s);
    ltd_dashboard_figure_set(d, "tokens/s", "%s", rate);
    ltd_dashboard_figure_set(d, "x plain", "%.2f", p->speedup);
    ltd_dashboard_figure_set(d, "accepted", "%.2f", p->accept_len);
    ltd_dashboard_figure_set(d, "forwards", "%.1f", p->forwards);
    ltd_dashboard_figure_set(d, "nodes", "%.1f", p->size);
    ltd_dashboard_figure_set(d, "reward", "%+.3f", p->reward);
    ltd_dashboard_figure_set(d, "KL", "%.4f", p->kl);
    ltd_dashboard_figure_set(d, "entropy", "%.2f", p->entropy);
    ltd_dashboard_figure_set(d, "explained", "%.2f", p->explained_variance);
    if (!isnan(p->valid)) ltd_dashboard_figure_set(d, "valid", "x%.3f", p->valid);
    if (!isnan(p->best)) ltd_dashboard_figure_set(d, "best", "x%.3f", p->best);
    for (int i = 0; i < LTD_PHASE_COUNT; i++)
        ltd_dashboard_share_set(d, ltd_phase_name((ltd_phase)i), p->phase[i]);
    ltd_dashboard_point(d, "reward", p->reward);
    ltd_dashboard_update(d, (uint64_t)p->done);
}

static void plan(void *ctx, const ltd_planner_progress *p)
{
    ltd_dashboard *d = ctx;
    if (p->pass == 1) {
        ltd_dashboard_begin(d, 0, (uint64_t)p->passes);
        ltd_dashboard_what(d, "both policies, passes over records");
    }
    ltd_dashboard_figure_set(d, "train", "x%.3f", p->train);
    if (!isnan(p->valid)) {
        ltd_dashboard_figure_set(d, "valid", "x%.3f", p->valid);
        ltd_dashboard_figure_set(d, "best", "x%.3f", p->best);
    }
    ltd_dashboard_point(d, "train", p->train);
    ltd_dashboard_update(d, (uint64_t)p->pass);
    if (p->pass == p->passes) ltd_dashboard_finish(d, (uint64_t)p->pass);
}

/* The checkpoint that --resume means. */
static int find_resume(const ltd_cli *cli, char *path, size_t size, char *dir, size_t dir_size)
{
    ltd_err err = LTD_ERR_INIT;
    struct stat st;
    if (stat(cli->resume, &st) == 0 && S_ISDIR(st.st_mode)) {
        if (ltd_checkpoint_newest(cli->resume, path, size, &err) < 0) return ltd_cli_fail(&err);
        snprintf(dir, dir_size, "%s", cli->resume);
        return LTD_EXIT_OK;
    }
    snprintf(path, size, "%s", cli->resume);
    snprintf(dir, dir_size, "%s", cli->resume);
    /* run/checkpoints/step.h5 -> run */
    char *slash = strrchr(dir, '/');
    if (!slash) {
        snprintf(dir, dir_size, ".");
        return LTD_EXIT_OK;
    }
    *slash = 0;
    slash = strrchr(dir, '/');
    if (strcmp(slash ? slash + 1 : dir, "checkpoints") != 0) return LTD_EXIT_OK;
    if (slash)
        *slash = 0;
    else
        snprintf(dir, dir_size, ".");
    return LTD_EXIT_OK;
}

static int refuse_imported(const char *checkpoint)
{
    fprintf(stderr,
            "ltd: cannot go on from %s: it was imported, and has weights alone: no optimizer's "
            "moments, no counters, no random streams, no configuration\n",
            checkpoint);
    return LTD_EXIT_FAILED;
}

/* Lay the configuration of the checkpoint under the command line's. */
static int configure(ltd_cli *cli, const char *checkpoint)
{
    if (!checkpoint[0]) return ltd_cli_configure(cli, NULL);
    ltd_err err = LTD_ERR_INIT;
    ltd_checkpoint *c;
    const char *yaml;
    if (ltd_checkpoint_open(&c, checkpoint, &err) < 0) return ltd_cli_fail(&err);
    int code = LTD_EXIT_OK;
    if (ltd_checkpoint_find(c, LTD_IMPORT_ENTRY))
        code = refuse_imported(checkpoint);
    else if (ltd_checkpoint_get_text(c, "run/config", &yaml, &err) < 0)
        code = ltd_cli_fail(&err);
    else
        code = ltd_cli_configure(cli, yaml);
    ltd_checkpoint_close(c);
    return code;
}

/* What would be done, and in what time. */
static int dry_run(const ltd_cli *cli, ltd_setup *s, const char *dir)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_forecast f;
    ltd_str out = LTD_STR_INIT;
    int rc = ltd_setup_cost_if_any(s, &err);
    if (rc == LTD_OK) rc = ltd_forecast_make(&f, s, dir, &err);
    if (rc < 0) return ltd_cli_fail(&err);
    bool to_stdout = cli->json && strcmp(cli->json, "-") == 0;
    int code = LTD_EXIT_OK;
    if (!to_stdout) {
        ltd_forecast_text(&f, &out);
        fputs(ltd_str_text(&out), stdout);
        ltd_str_clear(&out);
    }
    if (cli->json) {
        ltd_forecast_json(&f, cli->command, &out);
        code = ltd_cli_write(cli->json, ltd_str_text(&out));
    }
    ltd_str_fini(&out);
    return code;
}

static int refuse_overwrite(const ltd_cli *cli, const char *dir)
{
    char path[PATH_MAX];
    /* A damaged checkpoint is one, too; only where there is none, nothing is lost. */
    if (cli->resume || ltd_checkpoint_newest(dir, path, sizeof path, NULL) == LTD_EIO)
        return LTD_EXIT_OK;
    return ltd_cli_refuse_run(dir);
}

/* The result for programs. */
static int write_result(const ltd_cli *cli, const char *dir, const ltd_train_result *r)
{
    ltd_str out = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "command", cli->command);
    ltd_json_put_string(&w, "run", dir);
    ltd_json_put_string(&w, "checkpoint", r->checkpoint);
    ltd_json_put_int(&w, "cycles", r->cycles);
    ltd_json_put_f64(&w, "seconds", r->seconds);
    ltd_json_put_f64(&w, "best_valid", r->best_valid);
    ltd_json_put_bool(&w, "stopped", r->stopped);
    ltd_json_end_object(&w);
    ltd_str_puts(&out, "\n");
    int code = ltd_cli_write(cli->json, ltd_str_text(&out));
    ltd_str_fini(&out);
    return code;
}

/* A page that can't be written takes nothing from the run. */
static void write_report(const ltd_cli *cli, const char *dir, FILE *out)
{
    ltd_err err = LTD_ERR_INIT;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/report.html", dir);
    if (ltd_report_write(NULL, dir, path, &err) < 0)
        ltd_log(&cli->log, LTD_LOG_WARN, "%s", err.msg);
    else
        fprintf(out, "report      %s\n", path);
}

/* The run ended by *err, here or elsewhere; *r tells what is saved. */
static int fail(ltd_group *group, const char *dir, const ltd_train_result *r, ltd_err *err)
{
    ltd_group_part(group, err);
    bool stopped = err->code == LTD_ECANCELED;
    if (ltd_group_rank(group) > 0) {
        if (err->msg[0]) fprintf(stderr, "ltd: process %d: %s\n", ltd_group_rank(group), err->msg);
        return stopped ? LTD_EXIT_INTERRUPTED : LTD_EXIT_FAILED;
    }
    int code = ltd_cli_fail(err);
    if (r->checkpoint[0])
        fprintf(stderr, "ltd: %lld cycles are saved; go on with: ltd train --resume %s\n",
                (long long)r->cycles, dir);
    return code;
}

static int train(ltd_cli *cli, ltd_setup *s, ltd_group *group, const char *dir,
                 const char *checkpoint)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_dashboard d;
    ltd_dashboard_init(&d, stderr, &s->clock, "train", dir);
    d.line.quiet = cli->quiet;
    ltd_train_options o = {
        .dir = dir,
        .resume = checkpoint[0] ? checkpoint : NULL,
        .stop = ltd_cli_stop(),
        .group = group,
        .begin = begin,
        .teach = teach,
        .plan = plan,
        .tell = tell,
        .tick = tick,
        .ctx = &d,
    };
    ltd_train_result r;
    ltd_cli_log_above(cli, &d);
    int rc = ltd_train(s, &o, &r, &err);
    ltd_cli_log_above(cli, NULL);
    if (rc == LTD_OK && d.line.total)
        ltd_dashboard_finish(&d, d.done);
    else
        ltd_dashboard_leave(&d);
    if (rc < 0) return fail(group, dir, &r, &err);
    if (ltd_group_rank(group) > 0) return LTD_EXIT_OK;
    char time[16];
    ltd_progress_duration(time, r.seconds);
    FILE *out = cli->json && strcmp(cli->json, "-") == 0 ? stderr : stdout;
    fprintf(out, "%lld cycles in %s", (long long)r.cycles, time);
    if (!isnan(r.best_valid))
        fprintf(out, ", best validation x%.3f over plain decoding", r.best_valid);
    fprintf(out, "\nrun folder  %s\n", dir);
    write_report(cli, dir, out);
    int code = cli->json ? write_result(cli, dir, &r) : LTD_EXIT_OK;
    if (code || group || !*ltd_cli_stop()) return code;
    fprintf(out, "stopped; go on with: ltd train --resume %s\n", dir);
    return LTD_EXIT_INTERRUPTED;
}

/* This machine's table; processes that share a machine don't measure at the same time. */
static int find_cost(ltd_setup *s, ltd_group *group, ltd_err *err)
{
    int32_t mine, most;
    int rc = ltd_group_turn(group, &mine, &most, err);
    for (int32_t turn = 0; rc == LTD_OK && turn < most; turn++) {
        if (turn == mine) rc = ltd_setup_cost_or_measure(s, err);
        if (rc == LTD_OK) rc = ltd_group_barrier(group, err);
    }
    return rc;
}

/* What can be wrong is said before minutes of measuring. */
static int prepare(const ltd_cli *cli, ltd_setup *s, ltd_group *group, const char *dir,
                   const char *checkpoint, ltd_err *err)
{
    const ltd_config *c = &cli->config;
    int rc = checkpoint[0] ? ltd_train_check_resume(s, checkpoint, err) : LTD_OK;
    if (rc == LTD_OK) rc = ltd_setup_check_prompts(s, &c->prompts.train, c->prompts.limit, err);
    if (rc == LTD_OK) rc = ltd_setup_check_prompts(s, &c->prompts.valid, c->prompts.limit, err);
    if (rc == LTD_OK && ltd_group_rank(group) == 0) rc = ltd_file_mkdirs(dir, err);
    if (rc == LTD_OK && ltd_group_rank(group) == 0 && access(dir, W_OK) != 0)
        rc = ltd_fail(err, LTD_EIO, "%s: %s", dir, strerror(errno));
    return rc == LTD_OK ? find_cost(s, group, err) : rc;
}

/* Everything but the group. */
static int run_one(ltd_cli *cli, ltd_group *group)
{
    char checkpoint[PATH_MAX] = "", dir[PATH_MAX] = "";
    ltd_setup s;
    ltd_err err = LTD_ERR_INIT;
    ltd_train_result none = {.cycles = 0};
    bool first = ltd_group_rank(group) == 0;
    int code = LTD_EXIT_OK;
    if (cli->resume) code = find_resume(cli, checkpoint, sizeof checkpoint, dir, sizeof dir);
    if (code == LTD_EXIT_OK) code = configure(cli, checkpoint);
    if (code == LTD_EXIT_OK) code = ltd_cli_setup(cli, &s);
    if (code) return code;
    if (!dir[0]) ltd_cli_run_dir(cli, &s, dir, sizeof dir);
    if (cli->dry_run) {
        code = first ? dry_run(cli, &s, dir) : LTD_EXIT_OK;
    } else if (!first || (code = refuse_overwrite(cli, dir)) == LTD_EXIT_OK) {
        ltd_group_heed(group, ltd_cli_stop()); /* from here on, a signal saves */
        if (prepare(cli, &s, group, dir, checkpoint, &err) < 0)
            code = fail(group, dir, &none, &err);
        else
            code = train(cli, &s, group, dir, checkpoint);
    }
    ltd_setup_close(&s);
    return code;
}

/* One process of a run, mostly the only one; of several the first talks to people. */
static int run(ltd_cli *cli)
{
    ltd_group *group;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_group_open(&group, &err) < 0) return ltd_cli_fail(&err);
    if (ltd_group_rank(group) > 0) {
        cli->quiet = true;
        cli->log.min_level = LTD_LOG_WARN + 1;
    }
    int code = run_one(cli, group);
    ltd_group_close(group, code == LTD_EXIT_OK);
    return code;
}

const ltd_verb ltd_verb_train = {
    .name = "train",
    .summary = "train the depth and the size policy on real cycles",
    .args = "",
    .doc =
        "Train both policies on real draft-verify cycles of the model, rewarded by the clock of "
        "this machine.  Writes "
        "a run folder with config.yaml, metrics (CSV, JSON lines, TensorBoard), checkpoints/ and "
        "report.html.  Ctrl-C "
        "finishes the cycle and "
        "saves; --resume goes on.  A machine without a calibration is measured first.  "
        "--dry-run tells stages, nets, time, memory and files instead.  `mpirun -n 2 ltd train` "
        "trains in two processes, on one machine or on several.",
    .options = "task resume dry-run json model dtype head threads seed",
    .run = run,
};
