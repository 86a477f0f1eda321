#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "env/survival_file.h"
#include "trainer/cli/cli.h"
#include "trainer/records/record_run.h"
#include "trainer/records/survival_run.h"

static void print_result(const ltd_recorded *r, const char *folder)
{
    char time[16];
    ltd_progress_duration(time, r->seconds);
    printf("recorded    %d answers, %lld positions, in %s", r->fresh, (long long)r->fresh_positions,
           time);
    if (r->fresh_positions)
        printf(" (%.1f ms a position)", 1e3 * r->seconds / (double)r->fresh_positions);
    printf("\nthere are   %d answers, %lld positions, %.1f MB", r->texts, (long long)r->positions,
           1e-6 * (double)r->bytes);
    if (r->positions) printf(" (%.0f bytes a position)", (double)r->bytes / (double)r->positions);
    printf("\nfolder      %s\n", folder);
}

static int write_json(const ltd_cli *cli, const ltd_recorded *r, const char *folder)
{
    ltd_str text = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&text, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "command", cli->command);
    ltd_json_put_string(&w, "folder", folder);
    ltd_json_put_int(&w, "answers", r->texts);
    ltd_json_put_int(&w, "positions", r->positions);
    ltd_json_put_u64(&w, "bytes", r->bytes);
    ltd_json_put_int(&w, "new_answers", r->fresh);
    ltd_json_put_int(&w, "new_positions", r->fresh_positions);
    ltd_json_put_f64(&w, "seconds", r->seconds);
    ltd_json_end_object(&w);
    ltd_str_puts(&text, "\n");
    int code = text.failed ? LTD_EXIT_FAILED : ltd_cli_write(cli->json, ltd_str_text(&text));
    ltd_str_fini(&text);
    return code;
}

/* Files of the keys, once each. */
static int list_files(const ltd_config *c, ltd_strings *ret, ltd_err *err)
{
    const ltd_strings *keys[] = {&c->prompts.train, &c->prompts.valid, &c->prompts.bench};
    *ret = (ltd_strings){.n = 0};
    for (int k = 0; k < 3; k++)
        for (int32_t i = 0; i < keys[k]->n; i++) {
            int32_t j = 0;
            while (j < ret->n && strcmp(ret->v[j], keys[k]->v[i]) != 0) j++;
            if (j < ret->n) continue;
            if (ret->n == LTD_CONFIG_STRINGS)
                return ltd_fail(err, LTD_EINVAL, "record: more than %d files of prompts",
                                LTD_CONFIG_STRINGS);
            memcpy(ret->v[ret->n++], keys[k]->v[i], sizeof ret->v[0]);
        }
    return LTD_OK;
}

/* Survival curves from the records of prompts.train. */
static int fit_survival(const ltd_setup *s, const ltd_trace *trace, ltd_err *err)
{
    ltd_prompts *prompts;
    ltd_survival survival;
    char path[PATH_MAX];
    int rc = ltd_setup_prompts(s, &s->config.prompts.train, s->config.prompts.limit, &prompts, err);
    if (rc < 0) return rc;
    rc = ltd_survival_of_records(s, trace, prompts, &survival, err);
    if (rc == LTD_OK) rc = ltd_survival_path(s, path, sizeof path, err);
    if (rc == LTD_OK) rc = ltd_file_mkdirs_for(path, err);
    if (rc == LTD_OK) rc = ltd_survival_save(&survival, path, err);
    if (rc == LTD_OK)
        ltd_log(s->log, LTD_LOG_INFO, "survival curves of %lld nodes and %lld matches: %s",
                (long long)survival.nodes, (long long)survival.matches, path);
    ltd_prompts_free(prompts);
    return rc;
}

static int run(ltd_cli *cli)
{
    ltd_setup s;
    ltd_err err = LTD_ERR_INIT;
    ltd_trace trace;
    ltd_recorded r;
    static ltd_strings files;
    char folder[PATH_MAX];
    char curves[LTD_CONFIG_TEXT];
    int code = ltd_cli_configure(cli, NULL);
    if (code) return code;
    /* The file is written here, not read; asked for scores as they come, neither. */
    memcpy(curves, cli->config.env.survival, sizeof curves);
    snprintf(cli->config.env.survival, sizeof cli->config.env.survival, "none");
    code = ltd_cli_setup(cli, &s);
    if (code) return code;
    memcpy(s.config.env.survival, curves, sizeof curves);
    ltd_progress bar;
    ltd_progress_init(&bar, stderr, &s.clock, "record", 1000);
    bar.quiet = cli->quiet;
    ltd_watch watch = ltd_cli_watch(&bar, true);
    ltd_cli_stop();
    int rc = list_files(&cli->config, &files, &err);
    if (rc == LTD_OK) rc = ltd_record_folder(&s, folder, sizeof folder, &err);
    if (rc == LTD_OK) rc = ltd_record_run(&s, &files, &watch, &trace, &r, &err);
    if (rc == LTD_OK) ltd_progress_finish(&bar, 1000, NULL);
    if (rc == LTD_OK && strcmp(curves, "none") != 0) {
        rc = fit_survival(&s, &trace, &err);
        if (rc < 0) ltd_trace_fini(&trace);
    }
    if (rc < 0 && rc != LTD_ECANCELED) {
        code = ltd_cli_fail(&err);
    } else {
        if (cli->json) code = write_json(cli, &r, folder);
        if (!(cli->json && strcmp(cli->json, "-") == 0)) print_result(&r, folder);
        if (rc == LTD_ECANCELED) code = LTD_EXIT_INTERRUPTED;
        ltd_trace_fini(&trace);
    }
    ltd_setup_close(&s);
    return code;
}

const ltd_verb ltd_verb_record = {
    .name = "record",
    .summary = "write down what the model and the head say along greedy answers",
    .args = "[PROMPTS...]",
    .doc = "Run each prompt of prompts.train, prompts.valid and prompts.bench once, with all draft "
           "forwards at every position of its answer.  A greedy text and its drafts don't depend "
           "on who decides, so that `ltd replay` and training can play any decisions over the "
           "record without the model.  What is there already is not recorded again; Ctrl-C keeps "
           "what was recorded.",
    .options = "task prompts json model dtype head threads",
    .run = run,
};
