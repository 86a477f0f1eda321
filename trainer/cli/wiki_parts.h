/* Parts of `ltd wiki` that begin with finished articles.  Each gives an exit code, or an error. */
#ifndef LTD_TRAINER_CLI_WIKI_PARTS_H
#define LTD_TRAINER_CLI_WIKI_PARTS_H

#include "trainer/cli/cli.h"

int ltd_cli_wiki_score(ltd_cli *cli, ltd_err *err);
int ltd_cli_wiki_export(ltd_cli *cli, ltd_err *err);
int ltd_cli_wiki_import(ltd_cli *cli, ltd_err *err);
int ltd_cli_wiki_verify(ltd_cli *cli, ltd_err *err);

#endif
