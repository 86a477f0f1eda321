/* Prints the C header of a made-up policy: make_header KIND */
#include <stdio.h>
#include <stdlib.h>

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
    int rc = ltd_export_cheader(policy, &o, &text, &err);
    if (rc < 0) fprintf(stderr, "make_header: %s\n", err.msg);
    fputs(ltd_str_text(&text), stdout);
    ltd_str_fini(&text);
    free((ltd_cost *)o.cost);
    ltd_policy_free(policy);
    return rc < 0;
}
