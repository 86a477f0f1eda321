/* ltd transfer: policies of one machine on another, by cost tables. */
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "trainer/cli/cli.h"
#include "trainer/train/transfer_run.h"

/* Paths of tables: what is named, else all that ship. */
typedef struct tables {
    char file[LTD_TRANSFER_MACHINES + 1][PATH_MAX];
    const char *path[LTD_TRANSFER_MACHINES + 1];
    int32_t n; /* one more than fits is enough to be refused */
} tables;

static void add_table(tables *t, const char *path)
{
    if (t->n > LTD_TRANSFER_MACHINES) return;
    t->path[t->n] = ltd_setup_find(t->file[t->n], sizeof t->file[0], path);
    t->n++;
}

static void find_tables(const ltd_strings *named, tables *ret)
{
    ret->n = 0;
    for (int32_t i = 0; i < named->n; i++) add_table(ret, named->v[i]);
    if (named->n) return;
    char folder[PATH_MAX], pattern[PATH_MAX + 8];
    glob_t found;
    ltd_setup_find(folder, sizeof folder, "configs/machines");
    snprintf(pattern, sizeof pattern, "%s/*.json", folder);
    if (glob(pattern, 0, NULL, &found) != 0) return;
    for (size_t i = 0; i < found.gl_pathc; i++) add_table(ret, found.gl_pathv[i]);
    globfree(&found);
}

static int write_result(const ltd_cli *cli, const ltd_transfer *t)
{
    int code = LTD_EXIT_OK;
    ltd_str text = LTD_STR_INIT;
    if (cli->json) {
        ltd_transfer_json(t, cli->command, cli->config.run.seed, &text);
        code = ltd_cli_write(cli->json, ltd_str_text(&text));
        ltd_str_clear(&text);
    }
    if (!(cli->json && strcmp(cli->json, "-") == 0)) {
        ltd_transfer_table(t, &text);
        fputs(ltd_str_text(&text), stdout);
    }
    ltd_str_fini(&text);
    return code;
}

static int transfer(ltd_cli *cli, const ltd_setup *s)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_transfer *t;
    tables named;
    ltd_progress bar;
    ltd_progress_init(&bar, stderr, &s->clock, "transfer", 1000);
    bar.quiet = cli->quiet;
    find_tables(&cli->config.calibration.tables, &named);
    ltd_transfer_options o = {.table = named.path,
                              .n = named.n,
                              .stop = ltd_cli_stop(),
                              .watch = ltd_cli_watch(&bar, true)};
    int rc = ltd_transfer_run(s, &o, &t, &err);
    if (rc < 0) return ltd_cli_fail(&err);
    ltd_progress_finish(&bar, 1000, NULL);
    int code = write_result(cli, t);
    ltd_transfer_free(t);
    return code;
}

static int run(ltd_cli *cli)
{
    ltd_setup s;
    int code = ltd_cli_configure(cli, NULL);
    if (code == LTD_EXIT_OK) code = ltd_cli_setup(cli, &s);
    if (code) return code;
    code = transfer(cli, &s);
    ltd_setup_close(&s);
    return code;
}

const ltd_verb ltd_verb_transfer = {
    .name = "transfer",
    .summary = "play a policy of one machine on another, by their cost tables",
    .args = "",
    .doc = "Train the policies over records once for each machine, then play all of them on the "
           "bench prompts under every machine's cost table: how much does a policy lose that was "
           "trained elsewhere, with the costs it is told being those of the new machine, and "
           "without?  Static settings and a rule are carried over beside it.  Needs what `ltd "
           "record` wrote; tables are the files of `ltd calibrate`, of any machines.",
    .options = "tables prompts json max-new model dtype head threads seed",
    .run = run,
};
