/* Options with argp.  Short names for configuration keys (--threads = --model.threads) are
 * rewritten to overrides;
 * --section.key=value goes to the configuration as it stands. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/cli/cli.h"
#include "trainer/config/compat.h"
#include "trainer/metrics/dashboard.h"
#include "trainer/version.h"

enum { KEY_BASE = 1000 };

static const ltd_cli_option options[] = {
    {"config", "FILE", NULL, "YAML configuration over the defaults; several: later over earlier",
     'c', NULL},
    {"compat", "NAME,...", NULL,
     "as the paper's released code where it differs from the paper: official, or names; list: what "
     "there is",
     0, NULL},
    {"json", "FILE", NULL, "write the result as JSON; - or nothing: to standard output", 0, NULL},
    {"report", "FILE", NULL, "write an HTML report with pictures", 0, NULL},
    {"policy", "WHAT", NULL,
     "auto, or a checkpoint, run folder or exported file (generate: also table, ar, static, "
     "random)",
     'p', NULL},
    {"task", "wiki", NULL,
     "WikiGenBench's articles: configs/wiki.yaml under everything else, prompts are prepared", 0,
     NULL},
    {"root", "DIR", "wiki.root", "WikiGenBench's data", 0, NULL},
    {"out", "DIR", "wiki.out", "folder of the articles", 'o', "wiki"},
    {"method", "NAME,...", "wiki.methods", "vanilla, rr, prr, extract-rr, extract-prr", 0, NULL},
    {"plan", "documents|blind|ref", "wiki.plan", "prr: where the outline comes from", 0, NULL},
    {"profile", "2k|4k|8k", "wiki.profile", "lengths", 0, NULL},
    {"split", "all|train|valid|eval|final", "wiki.split", "which events", 0, NULL},
    {"events", "N", "wiki.events", "the first N events; 0: all", 0, NULL},
    {"decoder", "NAME", "wiki.decoder", "who writes: a row of bench.policies", 0, NULL},
    {"against", "DIR", NULL, "articles by plain decoding, to compare with", 0, NULL},
    {"judge", "FILE", NULL, "requests (export) or scores (import), a JSON object a line", 0, NULL},
    {"judge-url", "URL", "wiki.judge_url", "OpenAI-compatible endpoint that grades", 0, NULL},
    {"judge-model", "NAME", "wiki.judge_model", "model that it is asked for", 0, NULL},
    {"judge-key-env", "VAR", "wiki.judge_key_env", "variable that holds its key", 0, NULL},
    {"suite", "paper|ablations", NULL, "rows and tables of a paper beside its figures", 0, NULL},
    {"seeds", "N", "bench.seeds", "suite ablations: runs of training of each row", 0, NULL},
    {"costs", "FILE", NULL, "suite ablations: play by this cost table, of whatever machine", 0,
     NULL},
    {"temperatures", "T,...", NULL, "suite: temperatures to play at (default 0,1)", 0, NULL},
    {"published", "MODEL", NULL,
     "suite: whose figures to show: llama-3.1-8b (default), vicuna-13b, "
     "deepseek-r1-distill-llama-8b, "
     "qwen3-14b, qwen3-32b, or none",
     0, NULL},
    {"paper-policy", "WHAT", NULL,
     "suite: policy of row ltd-paper: auto, or a checkpoint or run folder", 0, NULL},
    {"answers", "DIR", NULL, "write each row's answers as EAGLE's evaluation does", 0, NULL},
    {"resume", "DIR|FILE", NULL, "go on from the newest checkpoint of a run", 0, NULL},
    {"dry-run", NULL, NULL, "print what would be done and with what, then stop", 'n', NULL},
    {"show-tree", NULL, NULL, "draw each cycle's tree, the accepted path coloured", 0, NULL},
    {"stochastic", NULL, NULL, "sample actions instead of taking the most probable", 0, NULL},
    {"live", NULL, NULL, "play on the clock, too, and compare", 0, NULL},
    {"rules", NULL, NULL, "tune the rules over records instead", 0, NULL},
    {"env", NULL, NULL, "describe the environment: spaces, turns, contracts", 0, NULL},
    {"steps", "N", NULL, "cycles to play (default 300)", 0, NULL},
    {"quiet", NULL, NULL, "no progress, no notes", 'q', NULL},
    {"verbose", NULL, NULL, "more notes", 'v', NULL},
    {"model", "PATH", "model.path", "target model: GGUF file or folder", 'm', NULL},
    {"dtype", "TYPE", "model.dtype", "weights of the target model: file, f32, f16, q8, q4", 0,
     NULL},
    {"head", "PATH", "head.path", "draft head folder; none: prompt lookup only", 0, NULL},
    {"out", "DIR", "distill.out", "folder of the finished head", 'o', "distill"},
    {"out", "FILE.h5", NULL, "the checkpoint, instead of one in a run folder", 'o', "import"},
    {"out", "FILE.html", NULL, "the page, instead of report.html in the run's folder", 'o',
     "report"},
    {"out", "PATH", NULL,
     "folder for the files (default: export in the run); safetensors, c: or the file", 'o',
     "export"},
    {"format", "safetensors|onnx|c|torch|flags", NULL, "of the export (default safetensors)", 0,
     "export"},
    {"activation", "tanh|relu", NULL, "of a zip that leaves it open", 0, NULL},
    {"threads", "N", "model.threads", "threads; 0: all cores", 't', NULL},
    {"seed", "N", "run.seed", "seed of everything random", 's', NULL},
    {"prompts", "FILE,...", "prompts.bench", "question.jsonl files, a task each", 0, NULL},
    {"tables", "FILE,...", "calibration.tables", "cost tables (default: all of configs/machines)",
     0, NULL},
    {"policies", "A,B,...", "bench.policies",
     "rows: ar, eagle3, static-tuned, ltd, ltd-guard, ltd-table, static-N-V[-kK][-lookup], or "
     "a rule of "
     "docs/opponents.md",
     0, NULL},
    {"reps", "N", "bench.reps", "repetitions", 'r', NULL},
    {"max-new", "N", "bench.max_new", "tokens an answer", 0, NULL},
    {"max-tokens", "N", "generate.max_new", "tokens of the answer", 0, NULL},
    {"forwards", "N", "generate.forwards", "policy static: draft forwards", 0, "generate"},
    {"forwards", "N", NULL, "draft forwards a cycle, without a depth policy (default 9)", 0,
     "import"},
    {"size", "N", "generate.size", "policy static: nodes verified", 0, "generate"},
    {"size", "N", NULL, "nodes verified a cycle, without a size policy (default 60)", 0, "import"},
    {"temperature", "T", "env.temperature", "0: greedy decoding, more: sampling", 0, NULL},
    {"top-k", "N", "env.sample_top_k", "sample among the N most probable tokens; 0: all", 0, NULL},
    {"top-p", "P", "env.top_p", "sample among the most probable tokens that reach P", 0, NULL},
    {"system", "TEXT", "generate.system", "system message", 0, NULL},
};
enum { N_OPTIONS = sizeof options / sizeof options[0] };

static bool takes_name(const ltd_verb *verb, const char *name)
{
    static const char *const common[] = {"config", "compat", "quiet", "verbose", NULL};
    for (int i = 0; common[i]; i++)
        if (strcmp(common[i], name) == 0) return true;
    size_t n = strlen(name);
    for (const char *p = verb->options; (p = strstr(p, name)); p += n)
        if ((p == verb->options || p[-1] == ' ') && (p[n] == 0 || p[n] == ' ')) return true;
    return false;
}

static bool takes(const ltd_verb *verb, const ltd_cli_option *o)
{
    return (!o->verb || strcmp(o->verb, verb->name) == 0) && takes_name(verb, o->name);
}

static error_t add_override(ltd_cli *cli, const char *key, const char *value)
{
    if (cli->n_overrides == LTD_CLI_MAX_OVERRIDES)
        ltd_cli_usage(cli->verb, "more than %d settings", LTD_CLI_MAX_OVERRIDES);
    size_t n = strlen(key) + strlen(value) + 2;
    char *text = malloc(n);
    if (!text) return ENOMEM;
    snprintf(text, n, "%s=%s", key, value);
    /* A file that is named several times adds up: --prompts a --prompts b. */
    for (int i = 0; strcmp(key, "prompts.bench") == 0 && i < cli->n_overrides; i++) {
        if (strncmp(cli->overrides[i], "prompts.bench=", 14) != 0) continue;
        size_t m = strlen(cli->overrides[i]) + strlen(value) + 2;
        char *joined = malloc(m);
        if (!joined) return ENOMEM;
        snprintf(joined, m, "%s,%s", cli->overrides[i], value);
        free((char *)cli->overrides[i]);
        cli->overrides[i] = joined;
        free(text);
        return 0;
    }
    cli->overrides[cli->n_overrides++] = text;
    return 0;
}

static void add_config(ltd_cli *cli, const char *path)
{
    if (cli->n_configs == LTD_CLI_MAX_CONFIGS)
        ltd_cli_usage(cli->verb, "more than %d files of --config", LTD_CLI_MAX_CONFIGS);
    cli->configs[cli->n_configs++] = path;
}

/* --compat list answers by itself. */
static void set_compat(ltd_cli *cli, const char *names)
{
    cli->compat = names;
    if (strcmp(names, "list") != 0) return;
    ltd_str text = LTD_STR_INIT;
    ltd_compat_list(&text);
    fputs(ltd_str_text(&text), stdout);
    ltd_str_fini(&text);
    exit(LTD_EXIT_OK);
}

static int32_t read_number(const ltd_cli *cli, const char *name, const char *arg, long from,
                           long to)
{
    char *end;
    long n = strtol(arg, &end, 10);
    if (end == arg || *end || n < from || n > to)
        ltd_cli_usage(cli->verb, "--%s=%s: expected a number from %ld to %ld", name, arg, from, to);
    return (int32_t)n;
}

static void set_field(ltd_cli *cli, const char *name, const char *arg)
{
    if (strcmp(name, "config") == 0)
        add_config(cli, arg);
    else if (strcmp(name, "compat") == 0)
        set_compat(cli, arg);
    else if (strcmp(name, "json") == 0)
        cli->json = arg;
    else if (strcmp(name, "report") == 0)
        cli->report = arg;
    else if (strcmp(name, "policy") == 0)
        cli->policy = arg;
    else if (strcmp(name, "task") == 0)
        cli->task = arg;
    else if (strcmp(name, "against") == 0)
        cli->against = arg;
    else if (strcmp(name, "judge") == 0)
        cli->judge = arg;
    else if (strcmp(name, "suite") == 0)
        cli->suite = arg;
    else if (strcmp(name, "costs") == 0)
        cli->costs = arg;
    else if (strcmp(name, "temperatures") == 0)
        cli->temperatures = arg;
    else if (strcmp(name, "published") == 0)
        cli->published = arg;
    else if (strcmp(name, "paper-policy") == 0)
        cli->paper_policy = arg;
    else if (strcmp(name, "answers") == 0)
        cli->answers = arg;
    else if (strcmp(name, "resume") == 0)
        cli->resume = arg;
    else if (strcmp(name, "dry-run") == 0)
        cli->dry_run = true;
    else if (strcmp(name, "show-tree") == 0)
        cli->show_tree = true;
    else if (strcmp(name, "stochastic") == 0)
        cli->stochastic = true;
    else if (strcmp(name, "env") == 0)
        cli->show_env = true;
    else if (strcmp(name, "live") == 0)
        cli->live = true;
    else if (strcmp(name, "rules") == 0)
        cli->rules = true;
    else if (strcmp(name, "quiet") == 0)
        cli->quiet = true;
    else if (strcmp(name, "verbose") == 0)
        cli->verbose = true;
    else if (strcmp(name, "out") == 0)
        cli->out = arg;
    else if (strcmp(name, "activation") == 0)
        cli->activation = arg;
    else if (strcmp(name, "format") == 0)
        cli->format = arg;
    else if (strcmp(name, "steps") == 0)
        cli->steps = read_number(cli, name, arg, 1, 100000000);
    else if (strcmp(name, "forwards") == 0) {
        cli->number[0] = read_number(cli, name, arg, 0, 1000);
        cli->forwards = &cli->number[0];
    } else if (strcmp(name, "size") == 0) {
        cli->number[1] = read_number(cli, name, arg, 0, 100000);
        cli->size = &cli->number[1];
    }
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    ltd_cli *cli = state->input;
    /* bench --prompts data/x.jsonl data/y.jsonl: what a shell makes of data/?.jsonl */
    if (key == ARGP_KEY_ARG && takes_name(cli->verb, "prompts"))
        return add_override(cli, "prompts.bench", arg);
    if (key == ARGP_KEY_ARG) {
        if (!cli->verb->args[0] || cli->n_args == LTD_CLI_MAX_ARGS)
            ltd_cli_usage(cli->verb, "unexpected argument '%s'", arg);
        cli->args[cli->n_args++] = arg;
        return 0;
    }
    for (int i = 0; i < N_OPTIONS; i++) {
        if (key != KEY_BASE + i && !(options[i].letter && key == options[i].letter)) continue;
        if (!takes(cli->verb, &options[i])) continue;
        if (options[i].key) return add_override(cli, options[i].key, arg);
        set_field(cli, options[i].name, arg);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

/* --section.key=value and --section.key value leave argv; argp would not know them. */
static int take_dotted(ltd_cli *cli, int argc, char **argv)
{
    int kept = 0;
    for (int i = 0; i < argc; i++) {
        static char to_stdout[] = "--json=-";
        bool ends = i + 1 == argc || strncmp(argv[i + 1], "--", 2) == 0;
        if (strcmp(argv[i], "--json") == 0 && ends) argv[i] = to_stdout;
        char *eq = strchr(argv[i], '=');
        char *dot = strchr(argv[i], '.');
        bool dotted = strncmp(argv[i], "--", 2) == 0 && dot && (!eq || dot < eq);
        if (!dotted) {
            argv[kept++] = argv[i];
            continue;
        }
        char *value = eq ? eq + 1 : i + 1 < argc ? argv[++i] : NULL;
        if (!value || cli->n_overrides == LTD_CLI_MAX_OVERRIDES) {
            ltd_cli_usage(cli->verb, "%s: expected %s=VALUE", argv[i], argv[i]);
        }
        char *name = argv[i] + 2;
        if (!eq) name = argv[i - 1] + 2;
        size_t n = strlen(name) + strlen(value) + 2;
        char *text = malloc(n);
        if (!text) exit(LTD_EXIT_FAILED);
        if (eq)
            snprintf(text, n, "%s", name);
        else
            snprintf(text, n, "%s=%s", name, value);
        cli->overrides[cli->n_overrides++] = text;
    }
    return kept;
}

const ltd_cli_option *ltd_cli_option_next(const ltd_verb *verb, const ltd_cli_option *o)
{
    for (o = o ? o + 1 : options; o < options + N_OPTIONS; o++)
        if (takes(verb, o)) return o;
    return NULL;
}

const char *ltd_cli_option_doc(const ltd_cli_option *o)
{
    static char docs[N_OPTIONS][160];
    const ltd_key *key = o->key ? ltd_config_key_find(o->key) : NULL;
    if (!key || !key->preset[0] || strchr("\"[", key->preset[0])) return o->doc;
    char *doc = docs[o - options];
    snprintf(doc, sizeof docs[0], "%s (default %s)", o->doc, key->preset);
    return doc;
}

static void remember_command(ltd_cli *cli, int argc, char **argv)
{
    size_t at = (size_t)snprintf(cli->command, sizeof cli->command, "ltd");
    for (int i = 1; i < argc && at < sizeof cli->command; i++)
        at += (size_t)snprintf(cli->command + at, sizeof cli->command - at, " %s", argv[i]);
}

static void write_log(void *ctx, int level, const char *line)
{
    char text[1088];
    snprintf(text, sizeof text, level == LTD_LOG_WARN ? "ltd: warning: %s" : "ltd: %s", line);
    if (ctx)
        ltd_dashboard_above(ctx, text);
    else
        fprintf(stderr, "%s\n", text);
}

void ltd_cli_log_above(ltd_cli *cli, ltd_dashboard *d)
{
    cli->log.ctx = d;
}

/* Keys and values that are none are refused here, so that no verb can forget to. */
static void check_overrides(ltd_cli *cli)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_config_init(&cli->config);
    for (int i = 0; i < cli->n_overrides; i++) {
        if (ltd_config_set(&cli->config, cli->overrides[i], &err) == LTD_OK) continue;
        fprintf(stderr, "ltd: %s\n", err.msg);
        exit(LTD_EXIT_USAGE);
    }
}

/* --man and --complete serve installation and the shell; they stand in no help. */
static void answer_tools(const ltd_verb *verb, const char *word)
{
    if (strcmp(word, "--man") == 0)
        ltd_cli_man_verb(verb);
    else if (strcmp(word, "--complete") == 0)
        ltd_cli_complete(verb);
    else
        return;
    exit(fflush(stdout) == 0 ? LTD_EXIT_OK : LTD_EXIT_FAILED);
}

void ltd_cli_parse(ltd_cli *ret, const ltd_verb *verb, int argc, char **argv)
{
    static struct argp_option table[N_OPTIONS + 1];
    static char name[64], doc[2048];
    memset(ret, 0, sizeof *ret);
    ret->verb = verb;
    remember_command(ret, argc, argv);
    if (argc == 3) answer_tools(verb, argv[2]);
    int n = 0;
    for (const ltd_cli_option *o = NULL; (o = ltd_cli_option_next(verb, o));) {
        int key = o->letter ? o->letter : KEY_BASE + (int)(o - options);
        table[n++] = (struct argp_option){o->name, key, o->arg, 0, ltd_cli_option_doc(o), 0};
    }
    table[n] = (struct argp_option){0};
    argp_err_exit_status = LTD_EXIT_USAGE;
    snprintf(name, sizeof name, "ltd %s", verb->name);
    argv[1] = name; /* argp's name of the program */
    argc = take_dotted(ret, argc - 1, argv + 1);
    ltd_cli_check_words(verb, table, argc, argv + 1);
    /* What stands behind \v is shown below the options. */
    snprintf(doc, sizeof doc,
             "%s\v"
             "Every key of docs/training.md may be set: --section.key=value.",
             verb->doc);
    struct argp argp = {table, parse_option, verb->args, doc, NULL, NULL, NULL};
    argp_parse(&argp, argc, argv + 1, 0, NULL, ret);
    check_overrides(ret);
    ret->log = (ltd_logger){write_log, NULL,
                            ret->verbose ? LTD_LOG_DEBUG
                            : ret->quiet ? LTD_LOG_WARN
                                         : LTD_LOG_INFO};
}

void ltd_cli_free(ltd_cli *cli)
{
    for (int i = 0; i < cli->n_overrides; i++) free((char *)cli->overrides[i]);
    free(cli);
}
