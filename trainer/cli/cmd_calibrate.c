#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "env/cost_file.h"
#include "trainer/calibrate/calibrate.h"
#include "trainer/cli/cli.h"

static void tell(void *ctx, double share)
{
    ltd_progress_update(ctx, (uint64_t)(share * 1000), NULL);
}

/* T(V) at one context, verify[first] its fewest rows; returns where the next context begins. */
static int32_t print_context(const ltd_cost *cost, int32_t first)
{
    int32_t i = first, context = cost->verify[first].context;
    double plain = (double)cost->verify[first].ms;
    printf("\ncontext %d: plain decode step %.2f ms (%.0f tok/s)\n", context, plain,
           1000.0 / plain);
    printf("  rows  verify ms   fastest   x plain\n");
    for (; i < cost->n_verify && cost->verify[i].context == context; i++) {
        const ltd_cost_point *p = &cost->verify[i];
        printf("  %4d  %9.2f %9.2f  %8.2f\n", p->rows, (double)p->ms, (double)p->ms_min,
               (double)p->ms / plain);
    }
    for (int32_t d = 0; d < cost->n_draft; d++) {
        const ltd_cost_point *p = &cost->draft[d];
        if (p->context != context) continue;
        printf("  draft forward of %d row%s  %.3f ms (x %.3f)\n", p->rows, p->rows > 1 ? "s" : "",
               (double)p->ms, (double)p->ms / plain);
    }
    return i;
}

static void print_table(const ltd_cost *cost, const ltd_setup *s)
{
    printf("machine   %s\nmodel     %s (%s)\n", cost->machine, ltd_llama_path(s->model),
           ltd_llama_dtype_name(s->model));
    for (int32_t i = 0; i < cost->n_verify;) i = print_context(cost, i);
    printf("\ncommit %.3f ms, decision %.4f ms", (double)cost->commit_ms, (double)cost->decide_ms);
    if (cost->n_draft)
        printf(", a token that waits for the draft head %.4f ms", (double)cost->waiting_ms);
    printf("\n");
}

static int measure(ltd_cli *cli, ltd_setup *s, ltd_cost **ret, char *path, size_t size)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_progress bar;
    ltd_progress_init(&bar, stderr, &s->clock, "calibrate", 1000);
    bar.quiet = cli->quiet;
    if (ltd_setup_cost_path(s, path, size, &err) < 0) return ltd_cli_fail(&err);
    /* First: minutes of measuring must not end in a missing folder. */
    if (ltd_file_mkdirs_for(path, &err) < 0) return ltd_cli_fail(&err);
    if (ltd_calibrate(s, tell, &bar, ret, &err) < 0) return ltd_cli_fail(&err);
    ltd_progress_finish(&bar, 1000, NULL);
    if (ltd_cost_save(*ret, path, &err) < 0) return ltd_cli_fail(&err);
    return LTD_EXIT_OK;
}

static int run(ltd_cli *cli)
{
    ltd_setup s;
    ltd_cost *cost = NULL;
    char path[PATH_MAX];
    int code = ltd_cli_configure(cli, NULL);
    if (code) return code;
    code = ltd_cli_setup(cli, &s);
    if (code) return code;
    code = measure(cli, &s, &cost, path, sizeof path);
    if (code == LTD_EXIT_OK && cli->json) {
        ltd_err err = LTD_ERR_INIT;
        ltd_file f;
        if (strcmp(cli->json, "-") != 0) {
            if (ltd_cost_save(cost, cli->json, &err) < 0) code = ltd_cli_fail(&err);
        } else if (ltd_file_map(&f, path, &err) == 0) {
            fwrite(f.data, 1, f.size, stdout);
            ltd_file_unmap(&f);
        }
    }
    if (code == LTD_EXIT_OK && !(cli->json && strcmp(cli->json, "-") == 0)) {
        print_table(cost, &s);
        printf("\nkept in %s\n", path);
    }
    free(cost);
    ltd_setup_close(&s);
    return code;
}

const ltd_verb ltd_verb_calibrate = {
    .name = "calibrate",
    .summary = "measure what verification and drafting cost on this machine",
    .args = "",
    .doc = "Measure this machine: time of a verification by rows and context, of a draft forward, "
           "of a decision.  Training, bench and generation read the result; it belongs to this "
           "machine, model and head.  Takes about a minute.  --calibration.contexts=1,512,2048 "
           "--model.context=4096 measures at other contexts, --env.top_k=10 a draft of 10 rows.",
    .options = "task json model dtype head threads seed",
    .run = run,
};
