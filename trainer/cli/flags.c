/* `ltd export --format flags`: settings for other engines. */
#include <stdio.h>
#include <string.h>

#include "trainer/cli/cli.h"
#include "trainer/tune/serving.h"

static int write_result(const ltd_cli *cli, const ltd_serving *v)
{
    int code = LTD_EXIT_OK;
    ltd_str text = LTD_STR_INIT;
    if (cli->json) {
        ltd_serving_json(v, cli->command, &text);
        code = ltd_cli_write(cli->json, ltd_str_text(&text));
        ltd_str_clear(&text);
    }
    if (!(cli->json && strcmp(cli->json, "-") == 0)) {
        ltd_serving_table(v, &text);
        fputs(ltd_str_text(&text), stdout);
    }
    ltd_str_fini(&text);
    return code;
}

int ltd_cli_flags(ltd_cli *cli)
{
    ltd_setup s;
    ltd_serving v;
    ltd_err err = LTD_ERR_INIT;
    int code = ltd_cli_setup(cli, &s);
    if (code) return code;
    int rc = ltd_setup_cost(&s, &err);
    if (rc == LTD_OK) rc = ltd_serving_run(&s, &v, &err);
    code = rc < 0 ? ltd_cli_fail(&err) : write_result(cli, &v);
    ltd_setup_close(&s);
    return code;
}
