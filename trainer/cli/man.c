/* Manual pages, in the macros of man(7), from the tables that --help is printed from. */
#include <stdio.h>
#include <string.h>

#include "trainer/cli/cli.h"
#include "trainer/version.h"

/* --- roff --- */

/* Text as it is read: `code` in bold, nothing that roff would take for its own. */
static void put(const char *text)
{
    bool bold = false, begins = true;
    for (; *text; begins = *text == '\n', text++) {
        if (begins && (*text == '.' || *text == '\'')) printf("\\&");
        if (*text == '`') {
            bold = !bold;
            printf(bold ? "\\fB" : "\\fR");
        } else if (*text == '-') {
            printf("\\-");
        } else if (*text == '\\') {
            printf("\\e");
        } else {
            putchar(*text);
        }
    }
}

static void put_line(const char *text)
{
    put(text);
    printf("\n");
}

/* In bold, "B", or italics, "I". */
static void put_in(const char *font, const char *text)
{
    printf("\\f%s", font);
    put(text);
    printf("\\fR");
}

static void put_head(const char *name, const char *section, const char *summary)
{
    printf(".TH \"%s\" %s \"\" \"ltd %s\" \"ltd manual\"\n.SH NAME\n", name, section,
           ltd_version());
    put(name);
    printf(" \\- ");
    put_line(summary);
}

static void put_list(const char *name, const char *text)
{
    printf(".TP\n");
    put_in("B", name);
    printf("\n");
    put_line(text);
}

/* --- what all pages end with --- */

static void put_exit_status(void)
{
    printf(".SH EXIT STATUS\n");
    put_list("0", "done");
    put_list("1", "it failed; the reason is a line on standard error");
    put_list("2", "the command line or the configuration is wrong, and nothing was done");
    put_list("130", "interrupted by a signal; what was done so far is kept where the verb says so");
}

static void put_files(void)
{
    printf(".SH FILES\n");
    put_list("runs/NAME/", "a run: config.yaml, metrics.csv, metrics.jsonl, checkpoints/");
    put_list("runs/calibration-*.json", "what verification and drafting cost on this machine");
    put_list("runs/records/", "answers with all that the draft head proposes");
    put_list("configs/", "configurations, and the prompts that they name");
}

static void put_environment(void)
{
    printf(".SH ENVIRONMENT\n");
    put_list("NO_COLOR", "not empty: no colours on a terminal");
    put_list("TERM", "`dumb`: plain lines, nothing is drawn again");
    put_list("LTD_ISA", "`plain`, `avx2`, `avx512-vnni` or `amx-int8`: the kernels to use");
}

/* --- a verb --- */

static void put_option(const ltd_cli_option *o)
{
    char letter[] = {'-', o->letter, 0};
    printf(".TP\n");
    if (o->letter) {
        put_in("B", letter);
        printf(", ");
    }
    printf("\\fB\\-\\-");
    put(o->name);
    printf("\\fR");
    if (o->arg) {
        printf("=");
        put_in("I", o->arg);
    }
    printf("\n");
    put_line(ltd_cli_option_doc(o));
}

void ltd_cli_man_verb(const ltd_verb *verb)
{
    char name[64];
    snprintf(name, sizeof name, "ltd-%s", verb->name);
    put_head(name, "1", verb->summary);
    printf(".SH SYNOPSIS\n\\fBltd ");
    put(verb->name);
    printf("\\fR [\\fIoptions\\fR] [\\fB\\-\\-\\fIsection\\fB.\\fIkey\\fB=\\fIvalue\\fR ...]");
    if (verb->args[0]) {
        printf(" ");
        put_in("I", verb->args);
    }
    printf("\n.SH DESCRIPTION\n");
    put_line(verb->doc);
    printf(".SH OPTIONS\n");
    for (const ltd_cli_option *o = NULL; (o = ltd_cli_option_next(verb, o));) put_option(o);
    put_list("-?, -h, --help", "show the options");
    printf(".PP\n");
    put_line("Every key of ltd-config(5) may be set as well, over the files of `--config`.");
    put_exit_status();
    put_environment();
    put_files();
    printf(".SH SEE ALSO\n.BR ltd (1),\n.BR ltd\\-config (5)\n");
}

/* --- the program, and its configuration --- */

void ltd_cli_man_program(void)
{
    put_head("ltd", "1",
             "learns when to stop drafting and how much to verify in speculative decoding");
    printf(".SH SYNOPSIS\n\\fBltd\\fR \\fIverb\\fR [\\fIoptions\\fR] "
           "[\\fB\\-\\-\\fIsection\\fB.\\fIkey\\fB=\\fIvalue\\fR ...]\n.br\n"
           "\\fBltd help\\fR [\\fIverb\\fR]\n.br\n\\fBltd \\-\\-version\\fR\n.SH DESCRIPTION\n");
    put_line("Speculative decoding drafts tokens with a small head and verifies them with the "
             "model.  `ltd` learns, on the machine where it will run, after how many draft "
             "forwards to stop and how many drafted tokens to verify.  The text is that of plain "
             "decoding, token for token, whatever it decides.");
    printf(".PP\n");
    put_line("The first result: `ltd record`, `ltd train --train.total_cycles=0`, `ltd bench`.");
    printf(".SH VERBS\n");
    for (int i = 0; ltd_verbs[i]; i++) put_list(ltd_verbs[i]->name, ltd_verbs[i]->summary);
    put_exit_status();
    put_environment();
    put_files();
    printf(".SH SEE ALSO\n");
    for (int i = 0; ltd_verbs[i]; i++) {
        printf(".BR ltd\\-");
        put(ltd_verbs[i]->name);
        printf(" (1),\n");
    }
    printf(".BR ltd\\-config (5)\n");
}

static void put_key(const ltd_key *key)
{
    printf(".TP\n");
    put_in("B", key->name);
    printf(" = ");
    put_line(key->preset);
    put(key->meaning);
    if (key->unit[0]) printf(" [%s]", key->unit);
    for (const ltd_key_choice *c = key->choices; c && c->name; c++) {
        printf(c == key->choices ? ".\nOne of " : ", ");
        put_in("B", c->name);
    }
    if (key->min < key->max) printf(".\nFrom %.10g to %.10g", key->min, key->max);
    printf(".\n");
}

void ltd_cli_man_config(void)
{
    put_head("ltd-config", "5", "configuration of ltd(1): every key, with its default");
    printf(".SH DESCRIPTION\n");
    put_line("A configuration is YAML, keys below their section.  Over the defaults lie the files "
             "of `--config` in their order, over them what the command line says: "
             "`--section.key=value`.  A key that is none, and a value out of its range, are "
             "errors.  Lists are written 0,2,4 on the command line.");
    printf(".SH KEYS\n");
    for (size_t i = 0; i < ltd_config_key_count(); i++) put_key(ltd_config_key(i));
    printf(".SH SEE ALSO\n.BR ltd (1)\n");
}
