/* ltd bench --suite NAME: rows of a paper, at several temperatures, beside its figures. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/cli/cli.h"
#include "trainer/suites/suite_paper.h"

#define FIGURES "configs/published/ltd.csv"

/* What a suite plays with; all of it is freed by fini. */
typedef struct stage {
    ltd_suite_options options;
    ltd_strings wanted; /* --policies: rows of the suite, none: all */
    ltd_published published;
    ltd_tuned tuned;
    ltd_rule_set rules;
    ltd_policy *policy, *paper_policy;
    ltd_paper_learnt learnt;
    ltd_preset rows[LTD_PAPER_ROWS];
} stage;

static void fini(stage *g)
{
    ltd_published_fini(&g->published);
    ltd_rules_fini(&g->rules);
    ltd_policy_free(g->policy);
    ltd_policy_free(g->paper_policy);
    ltd_paper_learnt_fini(&g->learnt);
    free(g);
}

/* --- options --- */

/* "0,0.7,1"; without --temperatures that of --temperature, or the paper's two. */
static int set_temperatures(const ltd_cli *cli, ltd_suite_options *o, ltd_err *err)
{
    char one[32];
    snprintf(one, sizeof one, "%g", cli->config.env.temperature);
    const char *text = cli->temperatures                 ? cli->temperatures
                       : cli->config.env.temperature > 0 ? one
                                                         : "0,1";
    for (const char *at = text;; at++) {
        char *end;
        double t = strtod(at, &end);
        if (end == at || !(t >= 0 && t <= 1000) || (*end && *end != ','))
            return ltd_fail(err, LTD_EINVAL,
                            "--temperatures=%s: expected numbers from 0 to 1000, with commas",
                            text);
        if (o->n == LTD_SUITE_TEMPERATURES)
            return ltd_fail(err, LTD_EINVAL, "--temperatures=%s: more than %d", text,
                            LTD_SUITE_TEMPERATURES);
        o->temperature[o->n++] = t;
        at = end;
        if (!*at) return LTD_OK;
    }
}

static int set_published(const ltd_cli *cli, stage *g, ltd_err *err)
{
    const char *model = cli->published ? cli->published : "llama-3.1-8b";
    char path[PATH_MAX];
    if (strcmp(model, "none") == 0) return LTD_OK;
    int rc = ltd_published_load(&g->published, ltd_setup_find(path, sizeof path, FIGURES), err);
    if (rc < 0) return ltd_err_prefix(err, rc, "published figures");
    g->options.model = ltd_published_model(&g->published, model);
    g->options.published = &g->published;
    if (g->options.model) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL,
                    "--published=%s: expected one of llama-3.1-8b, vicuna-13b, "
                    "deepseek-r1-distill-llama-8b, qwen3-14b, qwen3-32b, or none",
                    model);
}

/* --policies: bench.policies of a file are rows of the plain bench, and play no part. */
static int take_rows(const ltd_cli *cli, ltd_strings *ret, ltd_err *err)
{
    ltd_config *c = malloc(sizeof *c); /* too large for a stack */
    if (!c) return ltd_fail(err, LTD_ENOMEM, "suite: no memory");
    ltd_config_init(c);
    c->bench.policies.n = 0;
    int rc = LTD_OK;
    for (int i = 0; rc == LTD_OK && i < cli->n_overrides; i++)
        if (strncmp(cli->overrides[i], "bench.policies=", 15) == 0)
            rc = ltd_config_set(c, cli->overrides[i], err);
    *ret = c->bench.policies;
    free(c);
    return rc == LTD_OK ? ltd_paper_check(ret, err) : rc;
}

/* The rows that bench.policies would name too: others of the configuration play no part. */
static void keep_own_rows(const ltd_strings *wanted, ltd_strings *ret)
{
    static const char *const own[] = {"static-tuned", "goodput", "ltd"};
    *ret = (ltd_strings){.n = 1};
    snprintf(ret->v[0], sizeof ret->v[0], "ar");
    for (int i = 0; i < 3; i++)
        if (ltd_paper_wants(wanted, own[i]))
            snprintf(ret->v[ret->n++], sizeof ret->v[0], "%s", own[i]);
}

static int configure(ltd_cli *cli, stage *g, ltd_err *err)
{
    ltd_config *c = &cli->config;
    if (strcmp(cli->suite, ltd_suite_paper.name) != 0)
        return ltd_fail(err, LTD_EINVAL, "--suite=%s: expected %s", cli->suite,
                        ltd_suite_paper.name);
    if (cli->report) return ltd_fail(err, LTD_EINVAL, "--report: not of a suite");
    int rc = set_temperatures(cli, &g->options, err);
    if (rc == LTD_OK) rc = set_published(cli, g, err);
    if (rc == LTD_OK) rc = take_rows(cli, &g->wanted, err);
    keep_own_rows(&g->wanted, &c->bench.policies);
    c->env.temperature = 0; /* of all that is tuned and learnt */
    g->options.answers = cli->answers;
    return rc;
}

/* --- what rows need --- */

static int load_policies(const ltd_cli *cli, const ltd_setup *s, stage *g, ltd_err *err)
{
    char path[PATH_MAX] = "";
    int rc = LTD_OK;
    if (ltd_paper_wants(&g->wanted, "ltd")) {
        ltd_cli_find_policy_of(cli, s, cli->policy, LTD_FAMILY_LTD, path, sizeof path);
        rc = ltd_cli_load_policy(cli, s, path, &g->policy, err);
    }
    if (rc == LTD_OK && ltd_paper_wants(&g->wanted, "ltd-paper")) {
        ltd_cli_find_policy_of(cli, s, cli->paper_policy, LTD_FAMILY_PAPER, path, sizeof path);
        rc = ltd_cli_load_policy(cli, s, path, &g->paper_policy, err);
    }
    return rc;
}

/* Rows of ours need a calibration; without them one that is there is checked. */
static int prepare_own(const ltd_cli *cli, ltd_setup *s, stage *g, ltd_err *err)
{
    ltd_bench_options *o = &g->options.bench;
    bool own = cli->config.bench.policies.n > 1;
    int rc = own ? ltd_setup_cost_or_measure(s, err) : ltd_setup_cost_if_any(s, err);
    o->rules = &g->rules;
    o->policy = g->policy;
    if (rc == LTD_OK && ltd_bench_wants(&cli->config, "static-tuned")) {
        rc = ltd_cli_tune(cli, s, &g->tuned, err);
        if (rc == LTD_OK) o->tuned = &g->tuned;
    }
    return rc == LTD_OK ? ltd_cli_row_rules(cli, s, NULL, &g->rules, err) : rc;
}

static int prepare_paper(const ltd_cli *cli, const ltd_setup *s, stage *g, ltd_err *err)
{
    ltd_progress bar;
    ltd_progress_init(&bar, stderr, &s->clock, "learn", 1000);
    bar.quiet = cli->quiet;
    ltd_watch watch = ltd_cli_watch(&bar, false);
    int rc = ltd_paper_learn(s, &g->wanted, &watch, &g->learnt, err);
    if (rc < 0) return rc;
    if (bar.begun) ltd_progress_finish(&bar, 1000, NULL);
    ltd_paper_parts parts = {&g->wanted, &g->learnt, g->paper_policy, s->head != NULL, &cli->log};
    ltd_paper_rows(&parts, g->rows, &g->options.bench.n_presets);
    g->options.bench.presets = g->rows;
    return LTD_OK;
}

/* --- the run --- */

static int write_suite(const ltd_cli *cli, const ltd_suite *suite)
{
    int code = LTD_EXIT_OK;
    ltd_str text = LTD_STR_INIT;
    if (cli->json) {
        ltd_suite_json(suite, &text);
        code = ltd_cli_write(cli->json, ltd_str_text(&text));
        ltd_str_clear(&text);
    }
    if (!(cli->json && strcmp(cli->json, "-") == 0)) {
        ltd_suite_table(suite, ltd_cli_color(STDOUT_FILENO), &text);
        fputs(ltd_str_text(&text), stdout);
    }
    ltd_str_fini(&text);
    return ltd_suite_identical(suite) ? code : LTD_EXIT_FAILED;
}

static int play(const ltd_cli *cli, ltd_setup *s, stage *g, ltd_err *err)
{
    const ltd_config *c = &cli->config;
    ltd_suite *suite = NULL;
    ltd_progress bar;
    int rc = ltd_setup_check_prompts(s, &c->prompts.bench, c->bench.prompts_per_task, err);
    if (rc == LTD_OK) rc = load_policies(cli, s, g, err);
    if (rc == LTD_OK) rc = prepare_own(cli, s, g, err);
    if (rc == LTD_OK) rc = prepare_paper(cli, s, g, err);
    if (rc < 0) return rc;
    ltd_progress_init(&bar, stderr, &s->clock, "bench", 1000);
    bar.quiet = cli->quiet;
    g->options.bench.command = cli->command;
    g->options.bench.watch = ltd_cli_watch(&bar, false);
    rc = ltd_suite_run(s, &ltd_suite_paper, &g->options, &suite, err);
    if (rc < 0) return rc;
    ltd_progress_finish(&bar, 1000, NULL);
    int code = write_suite(cli, suite);
    ltd_suite_free(suite);
    return code;
}

int ltd_cli_suite(ltd_cli *cli)
{
    ltd_setup s;
    ltd_err err = LTD_ERR_INIT;
    int code = ltd_cli_configure(cli, NULL);
    if (code) return code;
    stage *g = calloc(1, sizeof *g);
    if (!g) return LTD_EXIT_FAILED;
    if (configure(cli, g, &err) < 0) {
        ltd_cli_fail(&err);
        fini(g);
        return LTD_EXIT_USAGE;
    }
    code = ltd_cli_setup(cli, &s);
    if (code == LTD_EXIT_OK) {
        int rc = play(cli, &s, g, &err);
        ltd_setup_close(&s);
        code = rc < 0 ? ltd_cli_fail(&err) : rc;
    }
    fini(g);
    return code;
}
