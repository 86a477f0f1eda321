/* Policies that other programs trained, as checkpoints. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/import.h"
#include "trainer/cli/cli.h"

static int usage(const char *what, const char *found)
{
    fprintf(stderr, "ltd: import: %s%s; `ltd import --help` tells more\n", what, found);
    return LTD_EXIT_USAGE;
}

/* "zips/depth.zip" -> "runs/depth" */
static void run_dir(const ltd_cli *cli, char *ret, size_t size)
{
    const ltd_config *c = &cli->config;
    const char *path = cli->args[1], *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    if (n > 4 && strcmp(name + n - 4, ".zip") == 0) n -= 4;
    if (c->run.name[0])
        snprintf(ret, size, "%s/%s", c->run.dir, c->run.name);
    else
        snprintf(ret, size, "%s/%.*s", c->run.dir, (int)n, name);
}

/* Where it goes, and how --policy names that. */
static int choose_path(const ltd_cli *cli, char *path, size_t size, char *policy, size_t n_policy)
{
    char newest[PATH_MAX];
    if (cli->out) {
        size_t n = strlen(cli->out);
        if (n < 4 || strcmp(cli->out + n - 3, ".h5") != 0)
            return usage("--out: expected FILE.h5, found ", cli->out);
        snprintf(path, size, "%s", cli->out);
        snprintf(policy, n_policy, "%s", cli->out);
        return LTD_EXIT_OK;
    }
    run_dir(cli, policy, n_policy);
    if (snprintf(path, size, "%s/checkpoints/best.h5", policy) >= (int)size)
        return usage("the path is too long: ", policy);
    if (ltd_checkpoint_newest(policy, newest, sizeof newest, NULL) == LTD_EIO) return LTD_EXIT_OK;
    fprintf(stderr,
            "ltd: %s holds a run already: name another with --run.name=NAME, or a file with --out "
            "FILE.h5\n",
            policy);
    return LTD_EXIT_USAGE;
}

static void tell(const ltd_setup *s, const ltd_import *in, const char *path, const char *policy)
{
    printf("%smodel   %s, draft head %s (as configured: a zip names none)\nkept in %s\n",
           ltd_str_text(&in->report), ltd_llama_path(s->model),
           s->head ? ltd_eagle3_path(s->head) : "none", path);
    printf("eval, bench and generate play it with --policy %s\n", policy);
}

static int import(ltd_cli *cli, const char *path, const char *policy)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_import in;
    ltd_setup s;
    ltd_activation act;
    ltd_import_options o = {.paths = cli->args + 1,
                            .n_paths = cli->n_args - 1,
                            .fixed_forwards = cli->forwards,
                            .fixed_size = cli->size};
    if (cli->activation) {
        if (ltd_activation_parse(&act, cli->activation, &err) < 0) return usage("--", err.msg);
        o.activation = &act;
    }
    /* What can be wrong with the zips is said before a model is loaded. */
    if (ltd_import_sb3(&in, &cli->config, &o, &err) < 0) return ltd_cli_fail(&err);
    int code = ltd_cli_setup(cli, &s);
    if (code == LTD_EXIT_OK) {
        int rc = ltd_import_bind(&in, &s, &err);
        if (rc == LTD_OK) rc = ltd_import_save(&in, path, &err);
        if (rc < 0)
            code = ltd_cli_fail(&err);
        else
            tell(&s, &in, path, policy);
        ltd_setup_close(&s);
    }
    ltd_import_fini(&in);
    return code;
}

static int run(ltd_cli *cli)
{
    char path[PATH_MAX], policy[PATH_MAX];
    if (cli->n_args < 1) return usage("expected sb3 and one or two zips", "");
    if (strcmp(cli->args[0], "sb3") != 0)
        return usage("the only format is sb3, found ", cli->args[0]);
    if (cli->n_args < 2 || cli->n_args > 3) return usage("expected one or two zips", "");
    int code = ltd_cli_configure(cli, NULL);
    if (code == LTD_EXIT_OK) code = choose_path(cli, path, sizeof path, policy, sizeof policy);
    return code == LTD_EXIT_OK ? import(cli, path, policy) : code;
}

const ltd_verb ltd_verb_import = {
    .name = "import",
    .summary = "take policies that Stable-Baselines3 trained",
    .args = "sb3 FILE.zip [FILE.zip]",
    .doc =
        "Read what model.save() of Stable-Baselines3 wrote (PPO, A2C or MaskablePPO with an "
        "MlpPolicy), one zip or one of each kind in any order, and write a checkpoint that eval, "
        "bench, generate and info take.  No pickle is run.  Which policy a zip holds follows "
        "from the shape of its actor: 128 inputs and 2 actions decide the depth, 1268 and 12 or "
        "24 the size, as in Learning to Draft; nets over ltd/depth/v2 and ltd/size/v2 (with "
        "env.sizes) fit too.  Where a policy is missing, each cycle has the same forwards, or "
        "nodes.  The checkpoint goes to runs/FILE/checkpoints/best.h5, unless --out or --run.name "
        "say otherwise, and belongs to the configured model and head.  It is played where it is "
        "named; training cannot go on from it.",
    .options = "activation forwards size out model dtype head threads",
    .run = run,
};
