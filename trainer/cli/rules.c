/* Parameters of the rules for the verbs that play them, and `ltd tune --rules`. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "trainer/cli/cli.h"

/* Records that are not there, or are too short, are no failure: defaults stand in for them. */
static const ltd_replay *try_records(const ltd_setup *s, ltd_replay *own)
{
    ltd_err why = LTD_ERR_INIT;
    if (ltd_replay_open(own, s, &why) == LTD_OK) return own;
    ltd_log(s->log, LTD_LOG_WARN, "rules are not tuned: %s", why.msg);
    return NULL;
}

int ltd_cli_row_rules(const ltd_cli *cli, const ltd_setup *s, const ltd_replay *replay,
                      ltd_rule_set *ret, ltd_err *err)
{
    const char *names[LTD_RULES_MAX];
    int32_t n = 0;
    ltd_replay own = {0};
    ltd_progress bar;
    for (int32_t i = 0; i < ltd_rule_count() && n < LTD_RULES_MAX; i++)
        if (ltd_bench_wants(&cli->config, ltd_rule_at(i)->name)) names[n++] = ltd_rule_at(i)->name;
    int rc = ltd_rules_open(ret, s, NULL, names, n, NULL, err);
    bool all = true;
    for (int32_t i = 0; i < n; i++) all = all && ltd_rules_find(ret, names[i]);
    if (rc < 0 || all) return rc;
    ltd_rules_fini(ret);
    if (!replay) replay = try_records(s, &own);
    ltd_progress_init(&bar, stderr, &s->clock, "tune", 1000);
    bar.quiet = cli->quiet;
    ltd_watch watch = ltd_cli_watch(&bar, false);
    rc = ltd_rules_open(ret, s, replay, names, n, &watch, err);
    if (rc == LTD_OK && bar.begun) ltd_progress_finish(&bar, 1000, NULL);
    if (replay == &own) ltd_replay_close(&own);
    return rc;
}

static int tune_all(const ltd_cli *cli, const ltd_setup *s, ltd_rule_set *set, ltd_err *err)
{
    char path[4096 + 64];
    const char *names[LTD_RULES_MAX];
    int32_t n = 0;
    ltd_replay replay;
    ltd_progress bar;
    for (; n < ltd_rule_count() && n < LTD_RULES_MAX; n++) names[n] = ltd_rule_at(n)->name;
    ltd_progress_init(&bar, stderr, &s->clock, "tune", 1000);
    bar.quiet = cli->quiet;
    ltd_rules_begin(set, s);
    int rc = ltd_replay_open(&replay, s, err);
    ltd_watch watch = ltd_cli_watch(&bar, false);
    if (rc == LTD_OK) rc = ltd_rules_tune(set, &replay, names, n, &watch, err);
    ltd_replay_close(&replay);
    if (rc == LTD_OK && bar.begun) ltd_progress_finish(&bar, 1000, NULL);
    if (rc == LTD_OK) rc = ltd_rules_path(s, path, sizeof path, err);
    if (rc == LTD_OK) rc = ltd_file_mkdirs_for(path, err);
    return rc == LTD_OK ? ltd_rules_save(set, path, err) : rc;
}

int ltd_cli_tune_rules(const ltd_cli *cli, const ltd_setup *s, ltd_err *err)
{
    ltd_rule_set set;
    ltd_str text = LTD_STR_INIT;
    int code = LTD_EXIT_OK, rc = tune_all(cli, s, &set, err);
    if (rc < 0) {
        ltd_rules_fini(&set);
        return rc;
    }
    if (cli->json) {
        ltd_rules_json(&set, &text);
        code = ltd_cli_write(cli->json, ltd_str_text(&text));
        ltd_str_clear(&text);
    }
    if (!(cli->json && strcmp(cli->json, "-") == 0)) {
        ltd_rules_table(&set, &text);
        fputs(ltd_str_text(&text), stdout);
    }
    ltd_str_fini(&text);
    ltd_rules_fini(&set);
    return code;
}
