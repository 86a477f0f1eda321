/* Policies for other programs, compared with what they were made of before they are called done. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/export/export.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "env/cost_file.h"
#include "trainer/checkpoint/export_check.h"
#include "trainer/checkpoint/policy_file.h"
#include "trainer/cli/cli.h"
#include "trainer/records/observe.h"

static const char *const turns[2] = {"depth", "size"};

/* What is exported, and what it is compared on. */
typedef struct source {
    char path[PATH_MAX]; /* the checkpoint, or what was named */
    ltd_policy *policy;
    ltd_observations met;
} source;

static int usage(const char *what, const char *found)
{
    fprintf(stderr, "ltd: export: %s%s; `ltd export --help` tells more\n", what, found);
    return LTD_EXIT_USAGE;
}

/* --- the policy --- */

static int open_source(source *s, const char *path, ltd_err *err)
{
    ltd_checkpoint *c = NULL;
    bool exported = false;
    int rc = ltd_policy_checkpoint(s->path, sizeof s->path, path, err);
    if (rc == LTD_EIO || (rc == LTD_OK && strcmp(s->path, path) == 0))
        exported = ltd_export_is_at(path) != NULL;
    if (exported) {
        snprintf(s->path, sizeof s->path, "%s", path);
        rc = ltd_export_load(&s->policy, path, err);
    } else if (rc == LTD_OK) {
        rc = ltd_checkpoint_open(&c, s->path, err);
        if (rc == LTD_OK) rc = ltd_policy_from_checkpoint(&s->policy, c, s->path, err);
    }
    if (rc == LTD_OK)
        rc = ltd_observations_init(&s->met, ltd_contract_dim(s->policy->depth_contract),
                                   ltd_contract_dim(s->policy->size_contract), err);
    if (rc == LTD_OK && c) rc = ltd_observations_get(&s->met, c, err);
    ltd_checkpoint_close(c);
    return rc;
}

static void close_source(source *s)
{
    ltd_policy_free(s->policy);
    ltd_observations_fini(&s->met);
}

/* None came with it: records must serve, which takes the model's tokenizer.  Exit code. */
static int find_observations(ltd_cli *cli, source *s)
{
    ltd_setup setup;
    ltd_err err = LTD_ERR_INIT;
    bool depth = !s->policy->depth || ltd_observations_of(&s->met, LTD_TURN_DEPTH)->n;
    bool size = !s->policy->size || ltd_observations_of(&s->met, LTD_TURN_SIZE)->n;
    if (depth && size) return LTD_EXIT_OK;
    int code = ltd_cli_setup(cli, &setup);
    if (code != LTD_EXIT_OK) return code;
    int rc = ltd_setup_cost_if_any(&setup, &err);
    if (rc == LTD_OK) rc = ltd_observe(&setup, s->policy, &s->met, &err);
    ltd_setup_close(&setup);
    if (rc == LTD_OK) return LTD_EXIT_OK;
    ltd_err_prefix(&err, rc, "%s keeps no observations to compare an export on, and over records",
                   s->path);
    return ltd_cli_fail(&err);
}

/* --- where it goes --- */

/* A folder `export` in the run, or beside the checkpoint. */
static void choose_out(const ltd_cli *cli, const source *s, char *ret, size_t size)
{
    struct stat st;
    const char *named = cli->args[0], *slash = strrchr(s->path, '/');
    if (cli->out)
        snprintf(ret, size, "%s", cli->out);
    else if (stat(named, &st) == 0 && S_ISDIR(st.st_mode))
        snprintf(ret, size, "%s/export", named);
    else
        snprintf(ret, size, "%.*sexport", slash ? (int)(slash - s->path + 1) : 0, s->path);
}

/* --- the result --- */

static void put_dims(ltd_str *s, const ltd_mlp *net)
{
    for (int32_t i = 0; i <= ltd_mlp_layers(net); i++)
        ltd_str_printf(s, "%s%d", i ? " -> " : "", ltd_mlp_dim(net, i));
}

static void put_text(ltd_str *out, const source *s, const ltd_export_check *check,
                     char paths[LTD_EXPORT_FILES][LTD_EXPORT_PATH])
{
    const ltd_policy *p = s->policy;
    ltd_str_printf(out, "policy  %s\n", s->path);
    for (int i = 0; i < 2; i++) {
        const ltd_mlp *net = i ? p->size : p->depth;
        if (!net) continue;
        ltd_str_printf(out, "%-6s  %s, ", turns[i],
                       ltd_contract_name(i ? p->size_contract : p->depth_contract));
        put_dims(out, net);
        ltd_str_printf(out,
                       "\n        read back: largest difference of a logit %.3g, the same action "
                       "on %d of %d observations\n",
                       check->turn[i].difference, check->turn[i].same, check->turn[i].observations);
    }
    for (int i = 0; i < LTD_EXPORT_FILES; i++)
        if (paths[i][0]) ltd_str_printf(out, "wrote   %s\n", paths[i]);
}

static void put_json(ltd_str *out, const ltd_cli *cli, const source *s,
                     const ltd_export_check *check, char paths[LTD_EXPORT_FILES][LTD_EXPORT_PATH])
{
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "command", cli->command);
    ltd_json_put_string(&w, "policy", s->path);
    ltd_json_put_string(&w, "format", cli->format);
    ltd_json_begin_array(&w, "files");
    for (int i = 0; i < LTD_EXPORT_FILES; i++)
        if (paths[i][0]) ltd_json_put_string(&w, NULL, paths[i]);
    ltd_json_end_array(&w);
    ltd_json_begin_array(&w, "nets");
    for (int i = 0; i < 2; i++) {
        if (!check->turn[i].observations) continue;
        ltd_json_begin_inline_object(&w, NULL);
        ltd_json_put_string(&w, "turn", turns[i]);
        ltd_json_put_int(&w, "observations", check->turn[i].observations);
        ltd_json_put_int(&w, "same_action", check->turn[i].same);
        ltd_json_put_f64(&w, "max_difference", check->turn[i].difference);
        ltd_json_end_object(&w);
    }
    ltd_json_end_array(&w);
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}

static int tell(const ltd_cli *cli, const source *s, const ltd_export_check *check,
                char paths[LTD_EXPORT_FILES][LTD_EXPORT_PATH])
{
    int code = LTD_EXIT_OK;
    ltd_str text = LTD_STR_INIT;
    if (cli->json) {
        put_json(&text, cli, s, check, paths);
        code = ltd_cli_write(cli->json, ltd_str_text(&text));
        ltd_str_clear(&text);
    }
    put_text(&text, s, check, paths);
    if (!(cli->json && strcmp(cli->json, "-") == 0)) fputs(ltd_str_text(&text), stdout);
    ltd_str_fini(&text);
    return code;
}

/* --- the verb --- */

/* The table of this machine: of the run that was named, else the calibration's.  Exit code; *ret
 * owned. */
static int find_cost(ltd_cli *cli, ltd_cost **ret)
{
    char path[PATH_MAX];
    ltd_err err = LTD_ERR_INIT;
    ltd_setup setup;
    snprintf(path, sizeof path, "%s/calibration.json", cli->args[0]);
    if (access(path, R_OK) == 0)
        return ltd_cost_load(ret, path, &err) < 0 ? ltd_cli_fail(&err) : LTD_EXIT_OK;
    int code = ltd_cli_setup(cli, &setup);
    if (code != LTD_EXIT_OK) return code;
    if (ltd_setup_cost(&setup, &err) < 0) code = ltd_cli_fail(&err);
    *ret = setup.cost;
    setup.cost = NULL;
    ltd_setup_close(&setup);
    return code;
}

/* Write, read back, compare; what isn't right does not stay. */
static int export(const ltd_cli *cli, const ltd_export_format *f, const source *s,
                  const ltd_export_with *with)
{
    char out[PATH_MAX], paths[LTD_EXPORT_FILES][LTD_EXPORT_PATH];
    ltd_err err = LTD_ERR_INIT;
    ltd_export_check check;
    ltd_policy *again = NULL;
    choose_out(cli, s, out, sizeof out);
    int rc = ltd_export_paths(paths, f, s->policy, out, &err);
    if (rc < 0) return ltd_cli_fail(&err);
    rc = ltd_export_save(f, s->policy, with, out, &err);
    if (rc < 0) return ltd_cli_fail(&err); /* what was there before stays */
    rc = ltd_export_load(&again, paths[0][0] ? paths[0] : paths[1], &err);
    if (rc == LTD_OK) rc = ltd_export_compare(s->policy, again, &s->met, &check, &err);
    ltd_policy_free(again);
    if (rc == LTD_OK) return tell(cli, s, &check, paths);
    for (int i = 0; i < LTD_EXPORT_FILES; i++)
        if (paths[i][0]) unlink(paths[i]);
    return ltd_cli_fail(&err);
}

static int refuse_format(const ltd_cli *cli)
{
    ltd_str names = LTD_STR_INIT;
    for (int i = 0; ltd_export_format_at(i); i++)
        ltd_str_printf(&names, "%s%s", i ? ", " : "", ltd_export_format_at(i)->name);
    fprintf(stderr, "ltd: export: --format: found %s, expected one of %s, flags\n",
            cli->format ? cli->format : "none", ltd_str_text(&names));
    ltd_str_fini(&names);
    return LTD_EXIT_USAGE;
}

/* A run's own configuration stands below what is asked for: its model, records and lookup. */
static int configure(ltd_cli *cli)
{
    char path[PATH_MAX];
    ltd_file file;
    snprintf(path, sizeof path, "%s/config.yaml", cli->n_args ? cli->args[0] : ".");
    if (!cli->n_args || ltd_file_map(&file, path, NULL) < 0) return ltd_cli_configure(cli, NULL);
    ltd_str text = LTD_STR_INIT;
    ltd_str_push(&text, (const char *)file.data, file.size);
    ltd_file_unmap(&file);
    int code = ltd_cli_configure(cli, ltd_str_text(&text));
    ltd_str_fini(&text);
    return code;
}

static int run(ltd_cli *cli)
{
    ltd_err err = LTD_ERR_INIT;
    if (!cli->format) cli->format = ltd_export_format_at(0)->name;
    bool flags = strcmp(cli->format, "flags") == 0;
    const ltd_export_format *f = ltd_export_find(cli->format);
    ltd_cost *cost = NULL;
    if (!f && !flags) return refuse_format(cli);
    if (flags && cli->out) return usage("--format flags prints, it takes no -o: found ", cli->out);
    if (cli->n_args > 1 || (cli->n_args == 0 && !flags))
        return usage("expected a run folder or a checkpoint", "");
    int code = configure(cli);
    if (code == LTD_EXIT_OK && flags) return ltd_cli_flags(cli);
    if (code != LTD_EXIT_OK) return code;
    source *s = calloc(1, sizeof *s);
    if (!s) {
        fprintf(stderr, "ltd: export: no memory\n");
        return LTD_EXIT_FAILED;
    }
    if (open_source(s, cli->args[0], &err) < 0)
        code = ltd_cli_fail(&err);
    else
        code = find_observations(cli, s);
    if (code == LTD_EXIT_OK && f->needs_cost) code = find_cost(cli, &cost);
    const ltd_export_with with = {cost, cli->config.env.lookup_max_chain};
    if (code == LTD_EXIT_OK) code = export(cli, f, s, &with);
    free(cost);
    close_source(s);
    free(s);
    return code;
}

const ltd_verb ltd_verb_export = {
    .name = "export",
    .summary = "write a policy for other programs",
    .args = "RUN|CHECKPOINT",
    .doc = "Write the policy of a run folder (its best checkpoint) or of a checkpoint in a format "
           "that other programs read.  What was written is read back and compared with the policy "
           "on the observations that training kept, 1,000 of each net; if a logit differs by more "
           "than 1e-5 or an action is another one, the files are removed.  A policy without "
           "observations (imported) plays over the records of prompts.train for some.  "
           "docs/export.md tells what is in the files and how to use them; generate, eval and "
           "bench take them with --policy.  --format flags needs none: it prints the best "
           "static settings as options for SGLang, vLLM and llama.cpp.",
    .options = "format out json model dtype head threads",
    .run = run,
};
