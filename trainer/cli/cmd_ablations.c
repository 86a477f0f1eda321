/* ltd bench --suite ablations: it trains, so it lives in ltd-train. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "env/cost_file.h"
#include "trainer/cli/cli.h"
#include "trainer/suites/ablations.h"

static int write_result(const ltd_cli *cli, const ltd_ablations *a, const ltd_published *published)
{
    int code = LTD_EXIT_OK;
    ltd_str text = LTD_STR_INIT;
    if (cli->json) {
        ltd_ablations_json(a, cli->command, cli->config.run.seed, &text);
        code = ltd_cli_write(cli->json, ltd_str_text(&text));
        ltd_str_clear(&text);
    }
    if (!(cli->json && strcmp(cli->json, "-") == 0)) {
        ltd_ablations_table(a, published, &text);
        fputs(ltd_str_text(&text), stdout);
    }
    if (a->other_text)
        fprintf(stderr, "ltd: %d rows wrote other text than plain decoding\n", a->other_text);
    ltd_str_fini(&text);
    return a->other_text ? LTD_EXIT_FAILED : code;
}

/* The table of this machine, or any. */
static int take_costs(const ltd_cli *cli, ltd_setup *s, ltd_err *err)
{
    if (!cli->costs) return ltd_setup_cost_or_measure(s, err);
    int rc = ltd_cost_load(&s->cost, cli->costs, err);
    if (rc < 0 || !s->head || s->cost->n_draft > 0) return rc;
    return ltd_fail(err, LTD_EINVAL, "%s: has no times of a draft head", cli->costs);
}

static int ablate(ltd_cli *cli, ltd_setup *s)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_ablations *a;
    ltd_progress bar;
    ltd_progress_init(&bar, stderr, &s->clock, "ablations", 1000);
    bar.quiet = cli->quiet;
    ltd_ablations_options o = {.seeds = cli->config.bench.seeds,
                               .live = cli->live,
                               .stop = ltd_cli_stop(),
                               .watch = ltd_cli_watch(&bar, true)};
    char path[PATH_MAX];
    ltd_published published;
    int rc = ltd_published_load(
        &published, ltd_setup_find(path, sizeof path, "configs/published/ltd.csv"), &err);
    if (rc == LTD_OK) rc = take_costs(cli, s, &err);
    if (rc == LTD_OK) rc = ltd_ablations_run(s, &o, &a, &err);
    int code = LTD_EXIT_OK;
    if (rc == LTD_OK) {
        ltd_progress_finish(&bar, 1000, NULL);
        code = write_result(cli, a, &published);
        ltd_ablations_free(a);
    }
    ltd_published_fini(&published);
    return rc < 0 ? ltd_cli_fail(&err) : code;
}

static int run(ltd_cli *cli)
{
    ltd_setup s;
    int code = ltd_cli_configure(cli, NULL);
    if (code == LTD_EXIT_OK) code = ltd_cli_setup(cli, &s);
    if (code) return code;
    code = ablate(cli, &s);
    ltd_setup_close(&s);
    return code;
}

const ltd_verb ltd_verb_ablations = {
    .name = "bench",
    .summary = "the paper's ablations, over records",
    .args = "[PROMPTS...]",
    .doc = "Those of `ltd bench --suite ablations`, which runs here.",
    .options = "suite live seeds costs prompts json reps max-new model dtype head threads seed",
    .run = run,
};
