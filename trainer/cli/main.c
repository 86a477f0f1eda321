/* ltd and ltd-train: the same main over different verbs.  libtorch takes 150 MB and most of a
 * second to load, so the verbs that need it live in a program of their own; `ltd` hands them over.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/cli/cli.h"
#include "trainer/version.h"

static void print_what(void)
{
    printf("ltd %s: learns when to stop drafting and how much to verify in\n"
           "speculative decoding, by the clock of the machine where it will run\n\n",
           ltd_version());
}

static void print_help(void)
{
    print_what();
    printf("usage: ltd <verb> [options] [--section.key=value ...]\n\n");
    for (int i = 0; ltd_verbs[i]; i++)
        printf("  %-10s  %s\n", ltd_verbs[i]->name, ltd_verbs[i]->summary);
    printf("\n`ltd help VERB` tells a verb's options, docs/training.md (or `man ltd-config`)\n"
           "every configuration key, `ltd` alone the way to a first result.\n");
}

/* Nothing was asked: the way to a first result. */
static void print_way(void)
{
    print_what();
    printf("The first result, minutes each:\n"
           "  ltd record                          write down what model and head would say\n"
           "  ltd train --train.total_cycles=0    measure this machine, learn from them\n"
           "  ltd bench                           compare with plain decoding and the best\n"
           "                                      fixed setting: speed, text, a verdict\n\n"
           "Text at once:  ltd generate \"Why is the sky blue?\"\n"
           "Help:          ltd --help lists the verbs, ltd help VERB a verb's options\n");
}

/* The verb runs in ltd-train, which lies beside this program. */
static int hand_over(char **argv)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 16);
    char *slash = NULL;
    if (n > 0) {
        path[n] = 0;
        slash = strrchr(path, '/');
    }
    if (!slash) {
        fprintf(stderr, "ltd: cannot tell where ltd lies: %s\n", strerror(errno));
        return LTD_EXIT_FAILED;
    }
    strcpy(slash + 1, "ltd-train");
    execv(path, argv);
    fprintf(stderr, "ltd: cannot run %s: %s\n", path, strerror(errno));
    return LTD_EXIT_FAILED;
}

/* `--suite ablations` trains, though the bench does not. */
static bool trains(const ltd_verb *verb, int argc, char **argv)
{
    for (int i = 2; verb->suite_that_trains && i < argc; i++) {
        const char *name = strncmp(argv[i], "--suite=", 8) == 0 ? argv[i] + 8
                           : strcmp(argv[i], "--suite") == 0    ? argv[i + 1]
                                                                : NULL;
        if (name && strcmp(name, verb->suite_that_trains) == 0) return true;
    }
    return false;
}

static int no_verb(const char *typed)
{
    const char *best = NULL;
    for (int i = 0; ltd_verbs[i]; i++) best = ltd_cli_nearer(typed, best, ltd_verbs[i]->name);
    fprintf(stderr, "ltd: no verb '%s'%s%s; `ltd --help` lists them\n", typed,
            best ? "; nearest: " : "", best ? best : "");
    return LTD_EXIT_USAGE;
}

static int run_verb(int argc, char **argv)
{
    for (int i = 0; ltd_verbs[i]; i++) {
        const ltd_verb *verb = ltd_verbs[i];
        if (strcmp(argv[1], verb->name) != 0) continue;
        if (!verb->run || trains(verb, argc, argv)) return hand_over(argv);
        ltd_cli *cli = malloc(sizeof *cli);
        if (!cli) return LTD_EXIT_FAILED;
        ltd_cli_parse(cli, verb, argc, argv);
        int code = verb->run(cli);
        ltd_cli_free(cli);
        return code;
    }
    return no_verb(argv[1]);
}

/* `ltd help VERB` */
static int help(char **argv)
{
    char *words[] = {argv[0], argv[2], "--help", NULL};
    return run_verb(3, words);
}

/* What stands in no help: for installation and for the shell.  False: it is none of it. */
static bool answer_tools(const char *word)
{
    if (strcmp(word, "--man") == 0)
        ltd_cli_man_program();
    else if (strcmp(word, "--man=config") == 0)
        ltd_cli_man_config();
    else if (strcmp(word, "--complete") == 0)
        for (int i = 0; ltd_verbs[i]; i++) printf("%s\n", ltd_verbs[i]->name);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_way();
        return LTD_EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "help") == 0 && argc == 3) return help(argv);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        print_help();
    else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        printf("ltd %s (%s)\n", ltd_version(), ltd_commit());
    else if (!answer_tools(word))
        return run_verb(argc, argv);
    return fflush(stdout) == 0 ? LTD_EXIT_OK : LTD_EXIT_FAILED;
}
