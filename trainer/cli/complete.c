/* What a shell asks for to complete a command line (ltd.bash): names, and what may stand behind
 * them, from the tables of options, of keys and of whoever gives names. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agents/rules/rules.h"
#include "trainer/cli/cli.h"
#include "trainer/config/compat.h"

/* "tanh|relu", of lower case: the values themselves. */
static bool is_choice(const char *arg)
{
    if (!strchr(arg, '|')) return false;
    for (; *arg; arg++)
        if (isupper((unsigned char)*arg)) return false;
    return true;
}

static void put_choices(const char *arg)
{
    for (; *arg && strcmp(arg, ",...") != 0; arg++) putchar(*arg == '|' ? ' ' : *arg);
}

static void put_compat(void)
{
    printf("list official");
    for (size_t i = 0; ltd_compat_at(i); i++)
        if (!ltd_compat_at(i)->why_not) printf(" %s", ltd_compat_at(i)->name);
}

static void put_policies(void)
{
    printf("ar eagle3 static-tuned ltd ltd-guard ltd-table");
    for (int32_t i = 0; i < ltd_rule_count(); i++) printf(" %s", ltd_rule_at(i)->name);
}

/* "word|live table" of a key. */
static void put_key_values(const ltd_key *key)
{
    bool text = key->type == LTD_KEY_STRING || key->type == LTD_KEY_STRINGS;
    printf(text ? "file|" : "word|");
    if (key->type == LTD_KEY_BOOL) printf("true false");
    for (const ltd_key_choice *c = key->choices; c && c->name; c++)
        printf("%s%s", c == key->choices ? "" : " ", c->name);
}

static void put_option_values(const ltd_cli_option *o)
{
    size_t n = strlen(o->arg);
    bool list = n > 4 && strcmp(o->arg + n - 4, ",...") == 0;
    bool file = strstr(o->arg, "FILE") || strstr(o->arg, "DIR") || strstr(o->arg, "PATH") ||
                strcmp(o->arg, "WHAT") == 0;
    if (strcmp(o->name, "policies") == 0) {
        printf("list|");
        put_policies();
    } else if (o->key) {
        put_key_values(ltd_config_key_find(o->key));
    } else {
        printf(file ? "file|" : list ? "list|" : "word|");
        if (strcmp(o->name, "compat") == 0) put_compat();
        if (is_choice(o->arg)) put_choices(o->arg);
    }
}

/* "sb3 FILE.zip": files, or one of the words in lower case. */
static void put_arguments(const char *args)
{
    if (!args[0]) return;
    printf("|%s|", strstr(args, "PROMPT]") ? "word" : "file");
    if (islower((unsigned char)args[0])) printf("%.*s", (int)strcspn(args, " "), args);
    printf("\n");
}

void ltd_cli_complete(const ltd_verb *verb)
{
    put_arguments(verb->args);
    printf("--help||\n");
    for (const ltd_cli_option *o = NULL; (o = ltd_cli_option_next(verb, o));) {
        printf("--%s%s|", o->name, o->arg ? "=" : "");
        if (o->arg)
            put_option_values(o);
        else
            printf("|");
        printf("\n");
    }
    for (size_t i = 0; i < ltd_config_key_count(); i++) {
        const ltd_key *key = ltd_config_key(i);
        printf("--%s=|", key->name);
        put_key_values(key);
        printf("\n");
    }
}
