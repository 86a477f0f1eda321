#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "trainer/bench/answer_file.h"
#include "trainer/bench/bench.h"
#include "trainer/checkpoint/policy_file.h"
#include "trainer/cli/cli.h"
#include "trainer/report/report.h"
#include "trainer/tune/tune.h"

int ltd_cli_tune(const ltd_cli *cli, const ltd_setup *s, ltd_tuned *ret, ltd_err *err)
{
    ltd_prompts *prompts;
    int rc = ltd_setup_prompts(s, &s->config.prompts.train, s->config.prompts.limit, &prompts, err);
    if (rc < 0) return rc;
    ltd_progress bar;
    ltd_progress_init(&bar, stderr, &s->clock, "tune", 1000);
    bar.quiet = cli->quiet;
    ltd_tune_options o = {.budget_s = s->config.tune.budget_s, .max_new = s->config.tune.max_new};
    o.watch = ltd_cli_watch(&bar, false);
    rc = ltd_tune_or_load(s, prompts, &o, ret, err);
    if (rc == LTD_OK && bar.begun) ltd_progress_finish(&bar, 1000, NULL);
    ltd_prompts_free(prompts);
    return rc;
}

int ltd_cli_write_bench(const ltd_cli *cli, const ltd_bench *b, const char *run_dir)
{
    int code = LTD_EXIT_OK;
    ltd_str text = LTD_STR_INIT;
    if (cli->json) {
        ltd_bench_json(b, &text);
        code = ltd_cli_write(cli->json, ltd_str_text(&text));
        ltd_str_clear(&text);
    }
    ltd_err err = LTD_ERR_INIT;
    if (cli->report && ltd_report_write(b, run_dir, cli->report, &err) < 0)
        code = ltd_cli_fail(&err);
    if (!(cli->json && strcmp(cli->json, "-") == 0)) {
        ltd_bench_table(b, ltd_cli_color(STDOUT_FILENO), &text);
        ltd_bench_verdict(b, &text);
        fputs(ltd_str_text(&text), stdout);
        if (cli->report) printf("report: %s\n", cli->report);
    }
    ltd_str_fini(&text);
    for (int32_t i = 0; i < b->all.n_rows; i++) /* speed for another text is worth nothing */
        if (b->all.rows[i].identical < b->all.rows[i].of) code = LTD_EXIT_FAILED;
    return code;
}

/* The run that the policy at `path` is of: the folder itself, or RUN/checkpoints/FILE.h5. */
static bool find_run(const char *path, char *ret, size_t size)
{
    snprintf(ret, size, "%s", path);
    if (!path[0]) return false;
    if (ltd_report_is_run(ret)) return true;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(ret, '/');
        if (!slash) return false;
        *slash = 0;
    }
    return ltd_report_is_run(ret);
}

/* The run's page tells its last bench.  What can't be written there takes nothing from this one. */
static void keep_in_run(const ltd_cli *cli, const ltd_bench *b, const char *run)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_str text = LTD_STR_INIT;
    char path[PATH_MAX + 16];
    ltd_bench_json(b, &text);
    snprintf(path, sizeof path, "%s/bench.json", run);
    int rc = text.failed ? ltd_fail(&err, LTD_ENOMEM, "%s: no memory", path)
                         : ltd_file_write(path, text.data, text.len, &err);
    ltd_str_fini(&text);
    snprintf(path, sizeof path, "%s/report.html", run);
    if (rc == LTD_OK) rc = ltd_report_write(b, run, path, &err);
    if (rc < 0)
        ltd_log(&cli->log, LTD_LOG_WARN, "the bench is not kept with the run: %s", err.msg);
    else
        ltd_log(&cli->log, LTD_LOG_INFO, "kept with the run: %s", path);
}

int ltd_cli_load_policy(const ltd_cli *cli, const ltd_setup *s, const char *path, ltd_policy **ret,
                        ltd_err *err)
{
    if (!path[0]) return LTD_OK;
    int rc = ltd_policy_load(ret, path, err);
    if (rc == LTD_OK && strcmp((*ret)->machine, s->machine) != 0)
        ltd_log(&cli->log, LTD_LOG_WARN, "policy %s was trained on '%s', this is '%s'", path,
                (*ret)->machine, s->machine);
    return rc;
}

int ltd_cli_row_policy(const ltd_cli *cli, const ltd_setup *s, char *path, size_t size,
                       ltd_policy **ret, ltd_err *err)
{
    ltd_cli_find_policy(cli, s, path, size);
    if (!path[0]) {
        ltd_log(&cli->log, LTD_LOG_WARN,
                "no trained policy for this model under %s: row ltd is left out (run `ltd train`)",
                cli->config.run.dir);
        return LTD_OK;
    }
    return ltd_cli_load_policy(cli, s, path, ret, err);
}

static int bench(ltd_cli *cli, ltd_setup *s, ltd_err *err)
{
    const ltd_config *c = &cli->config;
    ltd_tuned tuned;
    ltd_rule_set rules = {.n = 0};
    ltd_policy *policy = NULL;
    ltd_bench *b = NULL;
    char path[PATH_MAX] = "";
    ltd_bench_options o = {.command = cli->command, .rules = &rules};
    /* What can't be read must show before minutes of measuring and tuning, not after. */
    int rc = ltd_bench_check_rows(s, err);
    if (rc == LTD_OK)
        rc = ltd_setup_check_prompts(s, &c->prompts.bench, c->bench.prompts_per_task, err);
    if (rc == LTD_OK && ltd_bench_wants_policy(c))
        rc = ltd_cli_row_policy(cli, s, path, sizeof path, &policy, err);
    o.policy = policy;
    if (rc == LTD_OK) rc = ltd_setup_cost_or_measure(s, err);
    if (rc == LTD_OK && ltd_bench_wants(c, "static-tuned")) {
        rc = ltd_cli_tune(cli, s, &tuned, err);
        if (rc == LTD_OK) o.tuned = &tuned;
    }
    if (rc == LTD_OK) rc = ltd_cli_row_rules(cli, s, NULL, &rules, err);
    ltd_progress bar;
    ltd_progress_init(&bar, stderr, &s->clock, "bench", 1000);
    bar.quiet = cli->quiet;
    o.watch = ltd_cli_watch(&bar, false);
    ltd_answer_log *answers = NULL;
    if (rc == LTD_OK && cli->answers) {
        rc = ltd_answer_log_new(&answers, ltd_llama_tokenizer(s->model), c->env.temperature, err);
        o.heard = ltd_answer_log_add;
        o.heard_ctx = answers;
    }
    if (rc == LTD_OK) rc = ltd_bench_run(s, &o, &b, err);
    if (rc == LTD_OK && answers) rc = ltd_answer_log_write(answers, cli->answers, err);
    ltd_answer_log_free(answers);
    int code = LTD_EXIT_OK;
    if (rc == LTD_OK) {
        char run[PATH_MAX];
        bool of_run = find_run(path, run, sizeof run);
        ltd_progress_finish(&bar, 1000, NULL);
        code = ltd_cli_write_bench(cli, b, of_run ? run : NULL);
        if (of_run) keep_in_run(cli, b, run);
    }
    ltd_bench_free(b);
    ltd_policy_free(policy);
    ltd_rules_fini(&rules);
    return rc < 0 ? rc : code;
}

static bool has_override(const ltd_cli *cli, const char *key)
{
    size_t n = strlen(key);
    for (int i = 0; i < cli->n_overrides; i++)
        if (strncmp(cli->overrides[i], key, n) == 0 && cli->overrides[i][n] == '=') return true;
    return false;
}

/* Options of suites, where they would do nothing.  Ablations don't come here. */
static int check_options(const ltd_cli *cli, ltd_err *err)
{
    if (cli->live || cli->costs || has_override(cli, "bench.seeds"))
        return ltd_fail(err, LTD_EINVAL,
                        "bench: --live, --costs and --seeds belong to --suite ablations");
    if (!cli->suite && (cli->temperatures || cli->published || cli->paper_policy))
        return ltd_fail(err, LTD_EINVAL,
                        "bench: --temperatures, --published and --paper-policy belong to --suite "
                        "paper");
    return LTD_OK;
}

static int run(ltd_cli *cli)
{
    ltd_setup s;
    ltd_err err = LTD_ERR_INIT;
    if (check_options(cli, &err) < 0) {
        ltd_cli_fail(&err);
        return LTD_EXIT_USAGE;
    }
    if (cli->suite) return ltd_cli_suite(cli);
    int code = ltd_cli_configure(cli, NULL);
    if (code == LTD_EXIT_OK) code = ltd_cli_setup(cli, &s);
    if (code) return code;
    int rc = bench(cli, &s, &err);
    ltd_setup_close(&s);
    return rc < 0 ? ltd_cli_fail(&err) : rc;
}

const ltd_verb ltd_verb_bench = {
    .name = "bench",
    .summary = "compare plain decoding, EAGLE-3, settings, rules and the policy",
    .args = "[PROMPTS...]",
    .doc =
        "Play the same prompts under every policy, interleaved, and compare speed and text.  "
        "The tuned static "
        "setting is searched on the training prompts once and kept.  Each row's text must equal "
        "plain decoding token "
        "for token.  --suite paper plays the rows of the paper \"Learning to Draft\" at "
        "temperatures 0 and 1, and shows its tables beside the published ones.  --suite "
        "ablations trains, over records, what its other tables compare, several seeds of each, "
        "and plays that over the records of the bench prompts; --live plays rewards and policies "
        "on the clock, too.",
    .options =
        "task suite temperatures published paper-policy answers seeds costs live policy policies "
        "prompts json report reps max-new temperature top-k top-p model dtype head threads seed",
    .run = run,
    .suite_that_trains = "ablations",
};

/* --- tune --- */

static int run_tune(ltd_cli *cli)
{
    ltd_setup s;
    ltd_err err = LTD_ERR_INIT;
    ltd_tuned tuned;
    int code = ltd_cli_configure(cli, NULL);
    if (code == LTD_EXIT_OK) code = ltd_cli_setup(cli, &s);
    if (code) return code;
    const ltd_config *c = &cli->config;
    int rc = ltd_setup_check_prompts(&s, &c->prompts.train, c->prompts.limit, &err);
    if (rc == LTD_OK) rc = ltd_setup_cost_or_measure(&s, &err);
    if (rc == LTD_OK && cli->rules) {
        rc = ltd_cli_tune_rules(cli, &s, &err);
        ltd_setup_close(&s);
        return rc < 0 ? ltd_cli_fail(&err) : rc;
    }
    if (rc == LTD_OK) rc = ltd_cli_tune(cli, &s, &tuned, &err);
    if (rc == LTD_OK && cli->json) {
        ltd_str text = LTD_STR_INIT;
        ltd_tuned_json(&tuned, &text);
        code = ltd_cli_write(cli->json, ltd_str_text(&text));
        ltd_str_fini(&text);
    }
    if (rc == LTD_OK && !(cli->json && strcmp(cli->json, "-") == 0)) {
        char name[96];
        for (int32_t i = 0; i < tuned.n_finalists; i++) {
            const ltd_candidate *f = &tuned.finalists[i];
            printf("%8.1f tok/s  %s\n", f->seconds > 0 ? f->tokens / f->seconds : 0,
                   ltd_setting_text(&f->setting, name, sizeof name));
        }
    }
    ltd_setup_close(&s);
    return rc < 0 ? ltd_cli_fail(&err) : code;
}

const ltd_verb ltd_verb_tune = {
    .name = "tune",
    .summary = "find the best static setting of this machine",
    .args = "",
    .doc =
        "Search draft forwards x nodes x beam width x lookup on the training prompts by measured "
        "speed, and keep the best: the setting "
        "that a learned policy has to beat.  --rules trains the nets and searches the "
        "parameters of the rules "
        "instead, over what `ltd record` wrote, by the cost table.",
    .options = "task rules json model dtype head threads seed",
    .run = run_tune,
};
