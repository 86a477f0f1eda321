/* What the verbs share. */
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "trainer/checkpoint/import.h"
#include "trainer/checkpoint/policy_file.h"
#include "trainer/cli/cli.h"
#include "trainer/config/compat.h"

int ltd_cli_fail(const ltd_err *err)
{
    fprintf(stderr, "ltd: %s\n", err->msg);
    return err->code == LTD_ECANCELED ? LTD_EXIT_INTERRUPTED : LTD_EXIT_FAILED;
}

int ltd_cli_lay_file(ltd_config *c, const char *name, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_file f;
    int rc = ltd_file_map(&f, ltd_setup_find(path, sizeof path, name), err);
    if (rc < 0) return ltd_err_prefix(err, rc, "configuration");
    rc = ltd_config_parse(c, name, f.data, f.size, err);
    ltd_file_unmap(&f);
    return rc;
}

/* Everything in its order over the defaults; `task` lies under all of it. */
static int lay_all(ltd_cli *cli, const char *base, ltd_err *err)
{
    ltd_config *c = &cli->config;
    int rc = LTD_OK;
    if (base) rc = ltd_config_parse(c, "checkpoint's configuration", base, strlen(base), err);
    for (int i = 0; rc == LTD_OK && i < cli->n_configs; i++)
        rc = ltd_cli_lay_file(c, cli->configs[i], err);
    if (rc == LTD_OK && cli->compat) rc = ltd_compat_apply(c, cli->compat, err);
    for (int i = 0; rc == LTD_OK && i < cli->n_overrides; i++)
        rc = ltd_config_set(c, cli->overrides[i], err);
    return rc;
}

int ltd_cli_configure(ltd_cli *cli, const char *base)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_config *c = &cli->config;
    ltd_config_init(c);
    int rc = lay_all(cli, base, &err);
    if (rc == LTD_OK && cli->task) { /* what the task says follows from some of it */
        rc = ltd_cli_task_lay(c, cli->task, &err);
        if (rc == LTD_OK) rc = lay_all(cli, base, &err);
    }
    if (rc == LTD_OK) rc = ltd_config_check(c, &err);
    if (rc == LTD_OK) return LTD_EXIT_OK;
    fprintf(stderr, "ltd: %s\n", err.msg);
    return LTD_EXIT_USAGE;
}

int ltd_cli_write(const char *path, const char *text)
{
    if (strcmp(path, "-") == 0) {
        fputs(text, stdout);
        return fflush(stdout) == 0 ? LTD_EXIT_OK : LTD_EXIT_FAILED;
    }
    ltd_err err = LTD_ERR_INIT;
    if (ltd_file_write(path, text, strlen(text), &err) < 0) return ltd_cli_fail(&err);
    return LTD_EXIT_OK;
}

bool ltd_cli_color(int fd)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fd) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

static volatile int stop;

static void on_signal(int sig)
{
    if (stop) {
        signal(sig, SIG_DFL);
        raise(sig);
    }
    stop = 1;
}

const volatile int *ltd_cli_stop(void)
{
    static bool caught;
    if (!caught) {
        struct sigaction sa = {.sa_handler = on_signal};
        sigaction(SIGINT, &sa, NULL);
        sigaction(SIGTERM, &sa, NULL);
        caught = true;
    }
    return &stop;
}

static bool show(void *ctx, double share, const char *what)
{
    ltd_progress_update(ctx, (uint64_t)(share * 1000), what);
    return true;
}

static bool show_and_ask(void *ctx, double share, const char *what)
{
    show(ctx, share, what);
    return !*ltd_cli_stop();
}

ltd_watch ltd_cli_watch(ltd_progress *bar, bool stops)
{
    return (ltd_watch){stops ? show_and_ask : show, bar};
}

int ltd_cli_refuse_run(const char *dir)
{
    fprintf(stderr,
            "ltd: %s holds a run already: go on with --resume %s, or name another with "
            "--run.name=NAME\n",
            dir, dir);
    return LTD_EXIT_USAGE;
}

int ltd_cli_setup(ltd_cli *cli, ltd_setup *ret)
{
    ltd_err err = LTD_ERR_INIT;
    if (ltd_setup_open(ret, &cli->config, &cli->log, &err) < 0) return ltd_cli_fail(&err);
    if (!cli->task || strcmp(cli->verb->name, "wiki") == 0) return LTD_EXIT_OK;
    if (ltd_cli_task_prepare(cli, ret, &err) == LTD_OK) return LTD_EXIT_OK;
    ltd_setup_close(ret);
    return ltd_cli_fail(&err);
}

void ltd_cli_run_dir(const ltd_cli *cli, const ltd_setup *s, char *ret, size_t size)
{
    const ltd_config *c = &cli->config;
    if (c->run.name[0]) {
        snprintf(ret, size, "%s/%s", c->run.dir, c->run.name);
        return;
    }
    const char *path = ltd_llama_path(s->model), *slash = strrchr(path, '/');
    char stem[64], utc[32];
    snprintf(stem, sizeof stem, "%.40s", slash ? slash + 1 : path);
    stem[strcspn(stem, ".")] = 0;
    time_t now = time(NULL);
    struct tm tm;
    strftime(utc, sizeof utc, "%Y%m%d-%H%M%S", gmtime_r(&now, &tm));
    snprintf(ret, size, "%s/%s-%s", c->run.dir, stem, utc);
}

/* Was the policy at `path` trained on this model and head, and is it of the family?  An imported
 * one is only said to be, so that it must be asked for. */
static bool fits(const ltd_setup *s, ltd_cli_family family, const char *path, bool asked_for)
{
    ltd_policy *p;
    if (ltd_policy_load(&p, path, NULL) < 0) return false;
    bool ok = strcmp(p->model_hash, ltd_llama_hash(s->model)) == 0 &&
              strcmp(p->head_hash, s->head ? ltd_eagle3_hash(s->head) : "") == 0 &&
              (asked_for || strcmp(p->machine, LTD_IMPORT_MACHINE) != 0);
    if (family == LTD_FAMILY_PAPER)
        ok = ok && p->depth_contract == LTD_CONTRACT_PAPER_DEPTH &&
             p->size_contract == LTD_CONTRACT_PAPER_SIZE;
    if (family == LTD_FAMILY_LTD)
        ok = ok && !ltd_contract_is_paper(p->depth_contract) &&
             !ltd_contract_is_paper(p->size_contract);
    ltd_policy_free(p);
    return ok;
}

static bool has_checkpoints(const char *dir, struct timespec *when)
{
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/checkpoints", dir);
    if (n < 0 || n >= (int)sizeof path || stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return false;
    *when = st.st_mtim;
    return true;
}

void ltd_cli_find_policy(const ltd_cli *cli, const ltd_setup *s, char *path, size_t size)
{
    bool generates = strcmp(cli->verb->name, "generate") == 0;
    const char *preset = generates ? cli->config.generate.policy : "auto";
    const char *named = cli->policy ? cli->policy : preset;
    if (generates && strcmp(named, "table") == 0) named = "auto";
    ltd_cli_find_policy_of(cli, s, named, LTD_FAMILY_ANY, path, size);
}

void ltd_cli_find_policy_of(const ltd_cli *cli, const ltd_setup *s, const char *named,
                            ltd_cli_family family, char *path, size_t size)
{
    const ltd_config *c = &cli->config;
    path[0] = 0;
    if (named && strcmp(named, "auto") != 0) {
        snprintf(path, size, "%s", named);
        return;
    }
    struct timespec when, newest = {0, 0};
    char dir[PATH_MAX];
    if (c->run.name[0]) {
        snprintf(dir, sizeof dir, "%s/%s", c->run.dir, c->run.name);
        if (has_checkpoints(dir, &when) && fits(s, family, dir, true)) {
            snprintf(path, size, "%s", dir);
            return;
        }
    }
    DIR *runs = opendir(c->run.dir);
    for (struct dirent *e; runs && (e = readdir(runs));) {
        if (e->d_name[0] == '.') continue;
        if (snprintf(dir, sizeof dir, "%s/%s", c->run.dir, e->d_name) >= (int)sizeof dir) continue;
        if (!has_checkpoints(dir, &when) || when.tv_sec <= newest.tv_sec) continue;
        if (!fits(s, family, dir, false)) continue;
        newest = when;
        snprintf(path, size, "%s", dir);
    }
    if (runs) closedir(runs);
}
