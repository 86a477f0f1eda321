/* The words of a command line before argp sees them: what it would refuse in two lines of its own
 * is refused in one, with the name that was meant. */
#include <argp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/edits.h"
#include "trainer/cli/cli.h"

void ltd_cli_usage(const ltd_verb *verb, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "ltd: %s: ", verb->name);
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "; `ltd %s --help` lists its options\n", verb->name);
    va_end(args);
    exit(LTD_EXIT_USAGE);
}

/* --- what was meant --- */

/* The same letters in another order? */
static bool exchanged(const char *a, const char *b)
{
    int count[256] = {0};
    size_t n = strlen(a);
    if (strlen(b) != n) return false;
    for (size_t i = 0; i < n; i++) {
        count[(unsigned char)a[i]]++;
        count[(unsigned char)b[i]]--;
    }
    for (int c = 0; c < 256; c++)
        if (count[c]) return false;
    return true;
}

/* Twice the edits; of names that are as far the one with the letters that were typed is nearer.  A
 * name that begins with what was typed is as near as one edit. */
static int away(const char *typed, const char *name)
{
    size_t n = strlen(typed);
    if (n > 1 && strncmp(typed, name, n) == 0) return 2;
    return 2 * ltd_edits(typed, name) - exchanged(typed, name);
}

const char *ltd_cli_nearer(const char *typed, const char *best, const char *name)
{
    /* A third of the letters may differ, two in any case but in the shortest words. */
    int most = (int)strlen(typed) / 3;
    if (most < 2) most = strlen(typed) > 2 ? 2 : 1;
    int far = 2 * most + 1;
    int a = best ? away(typed, best) : far, b = name ? away(typed, name) : far;
    if (b < a && b < far) return name;
    return a < far ? best : NULL;
}

/* Refuse --name, of n bytes: with the option that is near to it, else with a key that ends so. */
static _Noreturn void no_option(const ltd_verb *verb, const struct argp_option *table,
                                const char *word, size_t n)
{
    char typed[64];
    const char *best = NULL;
    snprintf(typed, sizeof typed, "%.*s", (int)n, word + 2);
    for (const struct argp_option *o = table; o->name; o++)
        best = ltd_cli_nearer(typed, best, o->name);
    const ltd_key *key = ltd_config_key_nearest(typed);
    const char *dot = strchr(key->name, '.');
    if (!best && strcmp(dot + 1, typed) == 0) best = key->name;
    if (best) ltd_cli_usage(verb, "no option '--%s'; nearest: --%s", typed, best);
    ltd_cli_usage(verb, "no option '--%s'", typed);
}

/* --- options --- */

/* The option that a long name of n bytes means: itself, or the only one it begins. */
static const struct argp_option *find_long(const struct argp_option *table, const char *name,
                                           size_t n)
{
    const struct argp_option *found = NULL;
    for (; table->name; table++) {
        if (strncmp(table->name, name, n) != 0) continue;
        if (!table->name[n]) return table;
        if (found) return NULL;
        found = table;
    }
    return found;
}

/* Does the long option take the next word? */
static bool check_long(const ltd_verb *verb, const struct argp_option *table, const char *word,
                       bool last)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "--usage") == 0) return false;
    size_t n = strcspn(word + 2, "=");
    const struct argp_option *o = find_long(table, word + 2, n);
    bool value = word[2 + n] == '=';
    if (!o) no_option(verb, table, word, n);
    if (!o->arg && value) ltd_cli_usage(verb, "--%s takes no value", o->name);
    if (o->arg && !value && last) ltd_cli_usage(verb, "--%s needs a value: %s", o->name, o->arg);
    return o->arg && !value;
}

/* The same for letters; those without a value may stand together. */
static bool check_letters(const ltd_verb *verb, const struct argp_option *table, const char *word,
                          bool last)
{
    for (const char *c = word + 1; *c; c++) {
        const struct argp_option *o = table;
        if (*c == '?') return false;
        while (o->name && o->key != *c) o++;
        if (!o->name) ltd_cli_usage(verb, "no option '-%c'", *c);
        if (!o->arg) continue;
        if (!c[1] && last) ltd_cli_usage(verb, "-%c needs a value: %s", *c, o->arg);
        return !c[1];
    }
    return false;
}

void ltd_cli_check_words(const ltd_verb *verb, const struct argp_option *table, int argc,
                         char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-h") == 0) argv[i] = "--help";
        const char *w = argv[i];
        if (strcmp(w, "--") == 0) return;
        if (w[0] != '-' || !w[1]) continue;
        bool last = i + 1 == argc;
        bool next =
            w[1] == '-' ? check_long(verb, table, w, last) : check_letters(verb, table, w, last);
        i += next;
    }
}
