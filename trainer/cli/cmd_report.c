#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "trainer/cli/cli.h"
#include "trainer/report/report.h"
#include "trainer/report/report_parts.h"

typedef struct runs {
    ltd_report_run run[LTD_REPORT_RUNS];
    const ltd_report_run *at[LTD_REPORT_RUNS];
    int n;
} runs;

static int load(runs *r, const ltd_cli *cli, ltd_err *err)
{
    int rc = LTD_OK;
    for (int i = 0; rc == LTD_OK && i < cli->n_args; i++) {
        rc = ltd_report_run_load(&r->run[i], cli->args[i], err);
        r->at[i] = &r->run[i];
        if (rc == LTD_OK) r->n++;
    }
    return rc;
}

static int write_page(const runs *r, const char *path, ltd_err *err)
{
    ltd_str page = LTD_STR_INIT;
    int rc = r->n == 1 ? ltd_report_html(NULL, r->at[0], &page, err)
                       : ltd_report_compared(r->at, r->n, &page, err);
    if (rc == LTD_OK) rc = ltd_file_mkdirs_for(path, err);
    if (rc == LTD_OK) rc = ltd_file_write(path, page.data, page.len, err);
    ltd_str_fini(&page);
    return rc;
}

/* --- for people --- */

static void print_figure(const ltd_report_figure *f, bool with_interval)
{
    if (!isfinite(f->value))
        printf("  %16s", "-");
    else
        printf("  %16.*f", f->digits, f->value);
    if (with_interval && isfinite(f->value) && isfinite(f->ci.lo) && isfinite(f->ci.hi))
        printf("  [%.*f, %.*f]", f->digits, f->ci.lo, f->digits, f->ci.hi);
}

static void print_figures(const runs *r)
{
    ltd_report_figure f[LTD_REPORT_RUNS][LTD_REPORT_FIGURES];
    int rows = 0;
    for (int k = 0; k < r->n; k++) ltd_report_run_figures(r->at[k], f[k], &rows);
    if (r->n > 1) printf("%-46s", "");
    for (int k = 0; r->n > 1 && k < r->n; k++) printf("  %16.16s", r->at[k]->name);
    if (r->n > 1) printf("\n");
    for (int i = 0; i < rows; i++) {
        bool any = false;
        for (int k = 0; k < r->n; k++) any = any || isfinite(f[k][i].value);
        if (!any) continue;
        printf("%-46s", f[0][i].label);
        for (int k = 0; k < r->n; k++) print_figure(&f[k][i], r->n == 1);
        printf("\n");
    }
}

static bool have_configs(const runs *r)
{
    for (int k = 0; k < r->n; k++)
        if (!r->at[k]->config) return false;
    return r->n > 1;
}

static void print_differences(const runs *r)
{
    for (size_t i = 0; have_configs(r) && i < ltd_config_key_count(); i++) {
        const ltd_key *key = ltd_config_key(i);
        if (ltd_report_same_key(r->at, r->n, key)) continue;
        printf("%-46s", key->name);
        for (int k = 0; k < r->n; k++) {
            ltd_str value = LTD_STR_INIT;
            ltd_config_value(r->at[k]->config, key, &value);
            bool fits = value.len <= 16;
            printf("  %*.*s%s", fits ? 16 : 13, fits ? 16 : 13, ltd_str_text(&value),
                   fits ? "" : "...");
            ltd_str_fini(&value);
        }
        printf("\n");
    }
}

static void print_verdicts(const runs *r)
{
    for (int k = 0; k < r->n; k++) {
        ltd_str text = LTD_STR_INIT;
        ltd_report_run_verdict(r->at[k], &text);
        if (r->n > 1) printf("%s: ", r->at[k]->name);
        printf("%s", ltd_str_text(&text));
        ltd_str_fini(&text);
    }
}

/* --- for programs --- */

static void put_run(ltd_json_writer *w, const ltd_report_run *run)
{
    ltd_report_figure f[LTD_REPORT_FIGURES];
    ltd_str verdict = LTD_STR_INIT;
    int n;
    ltd_report_run_figures(run, f, &n);
    ltd_report_run_verdict(run, &verdict);
    if (verdict.len) verdict.data[--verdict.len] = 0; /* its newline */
    ltd_json_begin_object(w, NULL);
    ltd_json_put_string(w, "run", run->dir);
    ltd_json_put_string(w, "name", run->name);
    ltd_json_put_string(w, "verdict", ltd_str_text(&verdict));
    ltd_json_begin_object(w, "figures");
    for (int i = 0; i < n; i++) ltd_json_put_f64(w, f[i].key, f[i].value);
    ltd_json_end_object(w);
    ltd_json_end_object(w);
    ltd_str_fini(&verdict);
}

static void put_differences(ltd_json_writer *w, const runs *r)
{
    ltd_json_begin_array(w, "differences");
    for (size_t i = 0; have_configs(r) && i < ltd_config_key_count(); i++) {
        const ltd_key *key = ltd_config_key(i);
        if (ltd_report_same_key(r->at, r->n, key)) continue;
        ltd_json_begin_inline_object(w, NULL);
        ltd_json_put_string(w, "key", key->name);
        ltd_json_begin_inline_array(w, "values");
        for (int k = 0; k < r->n; k++) {
            ltd_str value = LTD_STR_INIT;
            ltd_config_value(r->at[k]->config, key, &value);
            ltd_json_put_string(w, NULL, ltd_str_text(&value));
            ltd_str_fini(&value);
        }
        ltd_json_end_array(w);
        ltd_json_end_object(w);
    }
    ltd_json_end_array(w);
}

static int write_json(const ltd_cli *cli, const runs *r, const char *path)
{
    ltd_str out = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "command", cli->command);
    ltd_json_put_string(&w, "report", path);
    ltd_json_begin_array(&w, "runs");
    for (int k = 0; k < r->n; k++) put_run(&w, r->at[k]);
    ltd_json_end_array(&w);
    if (r->n > 1) put_differences(&w, r);
    ltd_json_end_object(&w);
    ltd_str_puts(&out, "\n");
    int code = ltd_cli_write(cli->json, ltd_str_text(&out));
    ltd_str_fini(&out);
    return code;
}

static int report(const ltd_cli *cli, const runs *r, ltd_err *err)
{
    char path[PATH_MAX];
    if (cli->out)
        snprintf(path, sizeof path, "%s", cli->out);
    else if (r->n == 1)
        snprintf(path, sizeof path, "%s/report.html", r->at[0]->dir);
    else
        snprintf(path, sizeof path, "%s/compare.html", cli->config.run.dir);
    int rc = write_page(r, path, err);
    if (rc < 0) return rc;
    if (!(cli->json && strcmp(cli->json, "-") == 0)) {
        print_verdicts(r);
        print_figures(r);
        print_differences(r);
        printf("report: %s\n", path);
    }
    return cli->json ? write_json(cli, r, path) : LTD_EXIT_OK;
}

static int run(ltd_cli *cli)
{
    ltd_err err = LTD_ERR_INIT;
    runs r = {.n = 0};
    if (cli->n_args < 1 || cli->n_args > LTD_REPORT_RUNS) {
        fprintf(stderr,
                "ltd: report: %d run folders, expected 1 to %d; `ltd report --help` lists its "
                "options\n",
                cli->n_args, LTD_REPORT_RUNS);
        return LTD_EXIT_USAGE;
    }
    int code = ltd_cli_configure(cli, NULL);
    if (code) return code;
    int rc = load(&r, cli, &err);
    if (rc == LTD_OK) rc = report(cli, &r, &err);
    for (int k = 0; k < r.n; k++) ltd_report_run_fini(&r.run[k]);
    return rc < 0 ? ltd_cli_fail(&err) : rc;
}

const ltd_verb ltd_verb_report = {
    .name = "report",
    .summary = "a page about a run, or about several beside each other",
    .args = "RUN [RUN...]",
    .doc =
        "Write RUN/report.html anew from what lies in the run's folder: verdict, bench, training "
        "curves, histograms, what the policy does, cost curve, configuration.  With several "
        "runs: one page that compares them, compare.html in --run.dir.  One file each, without "
        "scripts, that needs no network.",
    .options = "out json",
    .run = run,
};
