/* ltd replay: decisions over records, and whether they predict the clock. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "trainer/checkpoint/policy_file.h"
#include "trainer/cli/cli.h"
#include "trainer/records/predict.h"

/* The best static setting on the records of the training prompts. */
static int tune_on_records(const ltd_replay *r, ltd_tuned *ret, ltd_err *err)
{
    ltd_prompts *prompts;
    int rc = ltd_replay_train_prompts(r, &prompts, err);
    if (rc < 0) return rc;
    rc = ltd_replay_tune(r, prompts, ret, err);
    ltd_prompts_free(prompts);
    return rc;
}

static int write_prediction(const ltd_cli *cli, const ltd_prediction *p)
{
    int code = LTD_EXIT_OK;
    ltd_str text = LTD_STR_INIT;
    if (cli->json) {
        ltd_prediction_json(p, &text);
        code = ltd_cli_write(cli->json, ltd_str_text(&text));
        ltd_str_clear(&text);
    }
    if (!(cli->json && strcmp(cli->json, "-") == 0)) {
        ltd_prediction_table(p, &text);
        fputs(ltd_str_text(&text), stdout);
    }
    ltd_str_fini(&text);
    return code;
}

static int replay(ltd_cli *cli, ltd_setup *s, ltd_err *err)
{
    ltd_replay r = {.setup = s};
    ltd_tuned tuned;
    ltd_rule_set rules = {.n = 0};
    ltd_policy *policy = NULL;
    ltd_bench *b = NULL;
    ltd_prediction *p = NULL;
    char path[PATH_MAX] = "";
    ltd_progress bar;
    ltd_progress_init(&bar, stderr, &s->clock, "replay", 1000);
    bar.quiet = cli->quiet;
    ltd_bench_options o = {
        .replay = &r, .command = cli->command, .watch = ltd_cli_watch(&bar, false)};
    int rc = ltd_setup_cost_or_measure(s, err);
    if (rc == LTD_OK) rc = ltd_replay_open(&r, s, err);
    if (rc == LTD_OK) rc = tune_on_records(&r, &tuned, err);
    o.tuned = &tuned;
    o.rules = &rules;
    if (rc == LTD_OK) rc = ltd_cli_row_rules(cli, s, &r, &rules, err);
    if (rc == LTD_OK && ltd_bench_wants_policy(&cli->config))
        rc = ltd_cli_row_policy(cli, s, path, sizeof path, &policy, err);
    o.policy = policy;
    if (rc == LTD_OK && cli->live) rc = ltd_predict(s, &o, &p, err);
    if (rc == LTD_OK && !cli->live) rc = ltd_bench_run(s, &o, &b, err);
    int code = LTD_EXIT_OK;
    if (rc == LTD_OK) {
        ltd_progress_finish(&bar, 1000, NULL);
        code = p ? write_prediction(cli, p) : ltd_cli_write_bench(cli, b, NULL);
    }
    ltd_bench_free(b);
    ltd_prediction_free(p);
    ltd_policy_free(policy);
    ltd_rules_fini(&rules);
    ltd_replay_close(&r);
    return rc < 0 ? rc : code;
}

static int run_replay(ltd_cli *cli)
{
    ltd_setup s;
    ltd_err err = LTD_ERR_INIT;
    int code = ltd_cli_configure(cli, NULL);
    if (code == LTD_EXIT_OK) code = ltd_cli_setup(cli, &s);
    if (code) return code;
    int rc = replay(cli, &s, &err);
    ltd_setup_close(&s);
    return rc < 0 ? ltd_cli_fail(&err) : rc;
}

const ltd_verb ltd_verb_replay = {
    .name = "replay",
    .summary = "compare decisions over records, without the model's work",
    .args = "[PROMPTS...]",
    .doc = "Play settings and the trained policy over what `ltd record` wrote, by this machine's "
           "cost table, and beside them the best that could be: `oracle` knows the answer and "
           "takes the least time there is, `oracle-greedy` the best cycle each time.  The static "
           "setting is tuned on the records of prompts.train.  --live plays the rows on the clock, "
           "too, measures the cost table in between, and says how far off the prediction is.",
    .options = "task live policy policies prompts json reps max-new model dtype head threads seed",
    .run = run_replay,
};
