/* Prints the C header of a made-up policy: make_header KIND */
#include <stdio.h>

#include "agents/export/cheader.h"
#include "tests/support/tiny_policy.h"

int main(int argc, char **argv)
{
    ltd_policy *policy = argc == 2 ? tiny_policy(argv[1]) : NULL;
    if (!policy) return 2;
    char name[64];
    snprintf(name, sizeof name, "made_%s", argv[1]);
    ltd_cheader_options o = {.name = name, .cost = tiny_policy_cost(), .max_chain = 6};
    ltd_str text = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_export_cheader(policy, &o, &text, &err) < 0) {
        fprintf(stderr, "make_header: %s\n", err.msg);
        return 1;
    }
    fputs(ltd_str_text(&text), stdout);
    return 0;
}
