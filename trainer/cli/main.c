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

static void print_help(void)
{
    printf("ltd %s: learns when to stop drafting and how much to verify in speculative decoding\n\n"
           "usage: ltd <verb> [options] [--section.key=value ...]\n\n",
           ltd_version());
    for (int i = 0; ltd_verbs[i]; i++)
        printf("  %-10s  %s\n", ltd_verbs[i]->name, ltd_verbs[i]->summary);
    printf(
        "\n`ltd <verb> --help` tells a verb's options; docs/training.md every configuration key.\n"
        "First use: ltd calibrate, ltd train, ltd bench.  Text: ltd generate \"your prompt\"\n");
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

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return argc < 2 ? LTD_EXIT_USAGE : LTD_EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("ltd %s (%s)\n", ltd_version(), ltd_commit());
        return LTD_EXIT_OK;
    }
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
    fprintf(stderr, "ltd: no verb '%s'; `ltd --help` lists them\n", argv[1]);
    return LTD_EXIT_USAGE;
}
