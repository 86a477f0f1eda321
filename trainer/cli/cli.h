/* The command line: verbs, their options, and what they share.  The only place that prints and
 * exits.
 *
 *     ltd <verb> [options] [--section.key=value ...]
 *
 * Exit codes: 0 ok, 1 the run failed, 2 usage, 130 interrupted. */
#ifndef LTD_TRAINER_CLI_CLI_H
#define LTD_TRAINER_CLI_CLI_H

#include <stdbool.h>

#include "base/log.h"
#include "base/status.h"
#include "trainer/bench/bench.h"
#include "trainer/config/config.h"
#include "trainer/config/setup.h"
#include "trainer/metrics/progress.h"
#include "trainer/tune/rule_tune.h"

enum { LTD_EXIT_OK = 0, LTD_EXIT_FAILED = 1, LTD_EXIT_USAGE = 2, LTD_EXIT_INTERRUPTED = 130 };
enum { LTD_CLI_MAX_OVERRIDES = 128, LTD_CLI_MAX_ARGS = 16, LTD_CLI_MAX_CONFIGS = 16 };

typedef struct ltd_cli ltd_cli;

/* Options beyond the configuration, by letter of ltd_verb.options. */
typedef struct ltd_verb {
    const char *name;
    const char *summary;           /* one line of `ltd --help` */
    const char *args;              /* "[PROMPT]", "" when none are taken */
    const char *doc;               /* paragraphs of `ltd <verb> --help` */
    const char *options;           /* names of ltd_cli_options that it takes, space-separated */
    int (*run)(ltd_cli *cli);      /* NULL: in ltd-train */
    const char *suite_that_trains; /* the same for one --suite; NULL: none */
} ltd_verb;

struct ltd_cli {
    const ltd_verb *verb;
    ltd_config config;
    char command[512]; /* as it was typed */
    /* options that are no configuration keys */
    const char *json, *report, *policy, *resume, *out, *activation, *format;
    const char *configs[LTD_CLI_MAX_CONFIGS]; /* of --config, in their order */
    int n_configs;
    const char *compat;  /* names of --compat; NULL: none */
    const char *task;    /* of --task: a configuration below all others; NULL: none */
    const char *judge;   /* file of requests or scores */
    const char *against; /* another run of the same articles */
    const char *suite, *temperatures, *published, *paper_policy, *answers, *costs;
    bool dry_run, show_tree, quiet, verbose, stochastic, show_env, live, rules;
    int32_t steps;
    int32_t number[2];
    const int32_t *forwards, *size; /* of import; NULL: not given */
    const char *args[LTD_CLI_MAX_ARGS];
    int n_args;
    const char *overrides[LTD_CLI_MAX_OVERRIDES];
    int n_overrides;
    ltd_logger log; /* to stderr */
};

/* The verbs of this program, NULL-terminated. */
extern const ltd_verb *const ltd_verbs[];

/* An option: sets a configuration key, or (key NULL) a field of ltd_cli. */
typedef struct ltd_cli_option {
    const char *name;
    const char *arg; /* NULL: takes none; "tanh|relu": one of these; ",..." behind it: a list */
    const char *key, *doc;
    char letter;      /* short name, 0 = none */
    const char *verb; /* of this verb alone; NULL: of all that list the name */
} ltd_cli_option;

/* The options of a verb, in the order of its help: the one behind `o` (NULL: the first), NULL at
 * the end. */
const ltd_cli_option *ltd_cli_option_next(const ltd_verb *verb, const ltd_cli_option *o);
/* Its meaning, and the default of the key behind it; static storage. */
const char *ltd_cli_option_doc(const ltd_cli_option *o);

/* Parse argv (argv[0] = program, argv[1] = verb).  Prints help or usage and exits on its own when
 * asked or wrong.  The configuration is loaded by ltd_cli_configure(). */
void ltd_cli_parse(ltd_cli *ret, const ltd_verb *verb, int argc, char **argv);
/* One line on standard error that names the verb, and out with LTD_EXIT_USAGE. */
__attribute__((noreturn)) void ltd_cli_usage(const ltd_verb *verb, const char *fmt, ...)
    LTD_PRINTF(2, 3);
struct argp_option;
/* Refuse what argp would refuse in two lines of its own, by ltd_cli_usage().  argv[0] is passed
 * over, -h becomes --help. */
void ltd_cli_check_words(const ltd_verb *verb, const struct argp_option *table, int argc,
                         char **argv);
/* Of two names the nearer one to what was typed; NULL when neither is near enough to be meant.
 * `best`, `name` may be NULL. */
const char *ltd_cli_nearer(const char *typed, const char *best, const char *name);

/* --- what is made of the tables --- */

/* Manual pages, to standard output: of a verb; of the program; of the configuration (section 5). */
void ltd_cli_man_verb(const ltd_verb *verb);
void ltd_cli_man_program(void);
void ltd_cli_man_config(void);
/* For completion by a shell, to standard output: a line for each option and each key that the verb
 * takes, name|kind|values: "--json=|file|", "--quiet||", "--env.clock=|word|live table".  Kinds
 * are "" (takes none), word, file and list (of words); the line without a name is of its
 * arguments. */
void ltd_cli_complete(const ltd_verb *verb);

struct ltd_dashboard;
/* Log lines go above the dashboard from here on; NULL: to standard error again. */
void ltd_cli_log_above(ltd_cli *cli, struct ltd_dashboard *d);
/* With what it points to; `cli` came from malloc. */
void ltd_cli_free(ltd_cli *cli);
/* defaults <- base (YAML text, may be NULL) <- each --config <- --compat <- overrides.  Returns an
 * exit code. */
int ltd_cli_configure(ltd_cli *cli, const char *base);

/* Print "ltd: <message>" and give the exit code that belongs to the failure. */
int ltd_cli_fail(const ltd_err *err);
/* Result text to standard output, or to the file of --json ("-" = standard output).  Exit code. */
int ltd_cli_write(const char *path, const char *text);
/* Is the stream a terminal that wants colour (NO_COLOR)? */
bool ltd_cli_color(int fd);

/* Catch SIGINT and SIGTERM from the first call on: 0 until one comes, and then it is time to save
 * and end; the next one quits. */
const volatile int *ltd_cli_stop(void);
/* Long work onto a bar of 1000; with `stops` a signal ends it with LTD_ECANCELED, without it the
 * program. */
ltd_watch ltd_cli_watch(ltd_progress *bar, bool stops);
/* Say that `dir` holds a run which was not asked for; exit code. */
int ltd_cli_refuse_run(const char *dir);

/* Load model and head of the configuration; prompts of --task are prepared when they aren't there.
 * Exit code. */
int ltd_cli_setup(ltd_cli *cli, ltd_setup *ret);
/* Folder of the run: run.dir/run.name; a name is made when there is none. */
void ltd_cli_run_dir(const ltd_cli *cli, const ltd_setup *s, char *ret, size_t size);
/* The trained policy that fits: --policy as a path (auto, generate's table: none), else the run
 * folder's, else the newest under run.dir that was trained on this model and head, not imported.
 * *path "" when there is none. */
void ltd_cli_find_policy(const ltd_cli *cli, const ltd_setup *s, char *path, size_t size);
/* By what its nets read. */
typedef enum ltd_cli_family {
    LTD_FAMILY_ANY,
    LTD_FAMILY_LTD,  /* none of the paper's contracts, nor of their variants */
    LTD_FAMILY_PAPER /* paper/depth/128 and paper/size/1268 */
} ltd_cli_family;
/* The same for `named` (NULL: auto) instead of --policy, among those of a family. */
void ltd_cli_find_policy_of(const ltd_cli *cli, const ltd_setup *s, const char *named,
                            ltd_cli_family family, char *path, size_t size);

/* Parameters of the rules that the bench has rows for: the kept ones, else tuned over records
 * (`replay` NULL: those of the configuration, when there are any). */
int ltd_cli_row_rules(const ltd_cli *cli, const ltd_setup *s, const ltd_replay *replay,
                      ltd_rule_set *ret, ltd_err *err);
/* Tune all rules, keep and print them.  Exit code, or an error. */
int ltd_cli_tune_rules(const ltd_cli *cli, const ltd_setup *s, ltd_err *err);
/* The best static setting on the training prompts, kept or searched now. */
int ltd_cli_tune(const ltd_cli *cli, const ltd_setup *s, ltd_tuned *ret, ltd_err *err);
/* The policy at `path` for a row ("": none); one of another machine is a warning.  What
 * ltd_policy_load() returns. */
int ltd_cli_load_policy(const ltd_cli *cli, const ltd_setup *s, const char *path, ltd_policy **ret,
                        ltd_err *err);
/* The policy of row ltd; none leaves *ret NULL and *path "".  What ltd_policy_load() returns. */
int ltd_cli_row_policy(const ltd_cli *cli, const ltd_setup *s, char *path, size_t size,
                       ltd_policy **ret, ltd_err *err);
/* Table, JSON and report of a bench; exit code. */
int ltd_cli_write_bench(const ltd_cli *cli, const ltd_bench *b, const char *run_dir);
/* `ltd bench --suite`; exit code. */
int ltd_cli_suite(ltd_cli *cli);
/* Lay a file of --config over the configuration. */
int ltd_cli_lay_file(ltd_config *c, const char *name, ltd_err *err);
/* --task: *c, which holds all that was said, becomes what the task lays under it: its file, lengths
 * and prompts, by the profile and folders that were said.  LTD_EINVAL: there is no such task. */
int ltd_cli_task_lay(ltd_config *c, const char *task, ltd_err *err);
/* Make its prompts, unless they are there. */
int ltd_cli_task_prepare(const ltd_cli *cli, const ltd_setup *s, ltd_err *err);
/* `ltd export --format flags`, from the configuration on; exit code. */
int ltd_cli_flags(ltd_cli *cli);

extern const ltd_verb ltd_verb_generate, ltd_verb_calibrate, ltd_verb_tune, ltd_verb_train,
    ltd_verb_record, ltd_verb_replay, ltd_verb_eval, ltd_verb_bench, ltd_verb_info,
    ltd_verb_check_env, ltd_verb_distill, ltd_verb_transfer, ltd_verb_ablations, ltd_verb_import,
    ltd_verb_report, ltd_verb_export, ltd_verb_wiki;

#endif
