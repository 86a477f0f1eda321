/* --task wiki: a configuration under all others, and the prompts that it is about. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/cli/cli.h"
#include "trainer/wiki/write/prepare.h"
#include "trainer/wiki/write/task.h"

static void name_prompts(const ltd_config *c, ltd_strings *paths, ltd_wiki_part_of split)
{
    paths->n = 1;
    ltd_wiki_questions(c, split, paths->v[0], sizeof paths->v[0]);
}

/* Prompt, answer, and room for the nodes that are verified; calibrated where answers begin and
 * where they end. */
static void name_lengths(ltd_config *c, const ltd_wiki_profile *p, int32_t most_nodes)
{
    c->model.context = p->prompt_tokens + p->article_tokens + most_nodes + 64;
    c->env.max_prompt = p->prompt_tokens;
    c->env.max_new = p->article_tokens;
    c->trace.max_new = p->article_tokens;
    c->bench.max_new = p->article_tokens;
    c->tune.max_new = p->article_tokens;
    c->calibration.contexts =
        (ltd_ints){3, {128, p->prompt_tokens, p->prompt_tokens + p->article_tokens - 128}};
}

int ltd_cli_task_lay(ltd_config *c, const char *task, ltd_err *err)
{
    if (strcmp(task, "wiki") != 0)
        return ltd_fail(err, LTD_EINVAL, "--task: is '%.40s', expected wiki", task);
    ltd_config *said = malloc(sizeof *said);
    if (!said) return ltd_fail(err, LTD_ENOMEM, "--task: no memory");
    *said = *c;
    ltd_config_init(c);
    int rc = ltd_cli_lay_file(c, "configs/wiki.yaml", err);
    name_lengths(c, ltd_wiki_profile_at(said->wiki.profile),
                 said->env.sizes.v[said->env.sizes.n - 1]);
    name_prompts(said, &c->prompts.train, LTD_WIKI_TRAIN);
    name_prompts(said, &c->prompts.valid, LTD_WIKI_VALID);
    name_prompts(said, &c->prompts.bench, LTD_WIKI_EVAL);
    free(said);
    return rc;
}

int ltd_cli_task_prepare(const ltd_cli *cli, const ltd_setup *s, ltd_err *err)
{
    ltd_progress bar;
    ltd_wiki_prepared n;
    ltd_progress_init(&bar, stderr, &s->clock, "prompts", 1000);
    bar.quiet = cli->quiet;
    ltd_watch watch = ltd_cli_watch(&bar, false);
    int rc = ltd_wiki_prepare(s, &watch, &n, err);
    if (rc == LTD_OK && bar.begun) ltd_progress_finish(&bar, 1000, NULL);
    if (rc == LTD_OK && n.fresh)
        ltd_log(&cli->log, LTD_LOG_INFO,
                "prompts of %d events to train with, %d to validate, %d to "
                "test: %d, %d, %d",
                n.events[LTD_WIKI_TRAIN], n.events[LTD_WIKI_VALID], n.events[LTD_WIKI_EVAL],
                n.prompts[LTD_WIKI_TRAIN], n.prompts[LTD_WIKI_VALID], n.prompts[LTD_WIKI_EVAL]);
    return rc;
}
