/* `ltd wiki`: prompts, figures of the data, articles.  What is done with articles is in
 * cmd_wiki_score.c. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/bench/bench.h"
#include "trainer/cli/cli.h"
#include "trainer/cli/wiki_parts.h"
#include "trainer/wiki/pages/stats.h"
#include "trainer/wiki/write/decoder.h"
#include "trainer/wiki/write/run.h"
#include "trainer/wiki/write/settings.h"

/* --- prepare, stats --- */

static int prepare(ltd_cli *cli, ltd_err *err)
{
    ltd_setup s;
    char data[LTD_CONFIG_TEXT];
    int code = ltd_cli_setup(cli, &s);
    if (code) return code;
    int rc = ltd_cli_task_prepare(cli, &s, err);
    if (rc == LTD_OK) printf("%s\n", ltd_wiki_data(&cli->config, data, sizeof data));
    ltd_setup_close(&s);
    return rc;
}

static int stats(ltd_cli *cli, ltd_err *err)
{
    ltd_wiki_stats figures;
    ltd_str text = LTD_STR_INIT;
    char root[LTD_CONFIG_TEXT];
    int rc = ltd_wiki_stats_collect(&figures, ltd_wiki_root(&cli->config, root, sizeof root), err);
    if (rc < 0) return rc;
    if (cli->json) {
        ltd_json_writer w = ltd_json_writing(&text, 2);
        ltd_wiki_stats_json(&figures, NULL, &w);
        ltd_str_puts(&text, "\n");
        rc = ltd_cli_write(cli->json, ltd_str_text(&text));
        ltd_str_clear(&text);
    }
    ltd_wiki_stats_table(&figures, &text);
    if (!(cli->json && strcmp(cli->json, "-") == 0)) fputs(ltd_str_text(&text), stdout);
    ltd_str_fini(&text);
    return rc;
}

/* --- run --- */

/* What texts and their speed follow from, besides the task. */
static void identify(const ltd_setup *s, const ltd_bench_options *rows, const char *policy,
                     ltd_str *out)
{
    const ltd_config *c = &s->config;
    char text[96];
    ltd_str_printf(out, "model %s (%s, %d bit, %s) head %s lookup %d template %s loops %d",
                   ltd_llama_hash(s->model), ltd_llama_dtype_name(s->model),
                   ltd_llama_activation_bits(s->model), c->model.kv == LTD_KV_F16 ? "f16" : "f32",
                   s->head ? ltd_eagle3_hash(s->head) : "none", c->env.lookup,
                   s->chat ? ltd_chat_name(s->chat) : "none", c->env.loop_stop);
    if (rows->policy) ltd_str_printf(out, " policy %s", policy);
    if (rows->tuned)
        ltd_str_printf(out, " tuned %s", ltd_setting_text(&rows->tuned->best, text, sizeof text));
    if (c->env.temperature > 0)
        ltd_str_printf(out, " temperature %g top_p %g top_k %d accept %d seed %llu",
                       c->env.temperature, c->env.top_p, c->env.sample_top_k, (int)c->env.accept,
                       (unsigned long long)c->run.seed);
    else if (c->env.accept == LTD_ACCEPT_ALWAYS)
        ltd_str_puts(out, " accepts always");
}

static int open_policy(ltd_cli *cli, const ltd_setup *s, char path[PATH_MAX], ltd_policy **ret,
                       ltd_err *err)
{
    int rc = ltd_cli_row_policy(cli, s, path, PATH_MAX, ret, err);
    if (rc < 0 || *ret) return rc;
    return ltd_fail(
        err, LTD_EIO,
        "decoder '%s': no trained policy for this model under %s: run `ltd train --task "
        "wiki`, or name one with --policy",
        s->config.wiki.decoder, s->config.run.dir);
}

/* What a row needs that only drafting needs: a policy, a cost table, and tuned rows their prompts.
 * What takes minutes comes last. */
static int open_rows(ltd_cli *cli, ltd_setup *s, ltd_bench_options *rows, ltd_tuned *tuned,
                     ltd_rule_set *rules, ltd_policy **policy, char path[PATH_MAX], ltd_err *err)
{
    const ltd_config *c = &s->config;
    const char *name = c->wiki.decoder;
    bool plain = strcmp(name, "ar") == 0 || strcmp(name, "eagle3") == 0;
    bool fixed = strncmp(name, "static-", 7) == 0 && strcmp(name, "static-tuned") != 0;
    *rows = (ltd_bench_options){.rules = rules};
    int rc = ltd_bench_check_rows(s, err);
    if (rc < 0 || plain || fixed) return rc;
    if (ltd_bench_wants_policy(c)) {
        rc = open_policy(cli, s, path, policy, err);
        rows->policy = *policy;
        return rc == LTD_OK ? ltd_setup_cost_or_measure(s, err) : rc;
    }
    rc = ltd_setup_cost_or_measure(s, err);
    if (rc == LTD_OK) rc = ltd_cli_task_prepare(cli, s, err);
    if (rc == LTD_OK && strcmp(name, "static-tuned") == 0) {
        rc = ltd_cli_tune(cli, s, tuned, err);
        rows->tuned = tuned;
        return rc;
    }
    return rc == LTD_OK ? ltd_cli_row_rules(cli, s, NULL, rules, err) : rc;
}

static void put_sum(const ltd_wiki_run_sum *n, const char *out, bool json, ltd_str *text)
{
    const ltd_wiki_effort *e = &n->effort;
    double tok_s = e->cycles_ms > 0 ? (double)e->tokens / (1e-3 * e->cycles_ms) : 0;
    ltd_accept_by by = ltd_accept_by_of(&e->classes);
    double accept = e->cycles > 0 ? (double)e->tokens / (double)e->cycles : 0;
    if (!json) {
        ltd_str_printf(
            text,
            "%d articles (%d were there), %d calls (%d made now); ended %d, cut at their "
            "length %d, in a loop %d\n%lld tokens by %lld cycles in %.1f s: %.1f tok/s, "
            "%.2f a cycle; prefill %.1f s\narticles: %s\n",
            n->events, n->found, n->calls, n->fresh, n->stops[LTD_WIKI_STOP_END],
            n->stops[LTD_WIKI_STOP_LENGTH], n->stops[LTD_WIKI_STOP_LOOP], (long long)e->tokens,
            (long long)e->cycles, 1e-3 * e->cycles_ms, tok_s, accept, 1e-3 * e->prefill_ms, out);
        if (n->left_out)
            ltd_str_printf(text, "%d events are left out: none of their pages can be used\n",
                           n->left_out);
        ltd_accept_by_text(&by, text);
        return;
    }
    ltd_json_writer w = ltd_json_writing(text, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_string(&w, "out", out);
    ltd_json_put_int(&w, "articles", n->events);
    ltd_json_put_int(&w, "found", n->found);
    ltd_json_put_int(&w, "left_out", n->left_out);
    ltd_json_put_int(&w, "calls", n->calls);
    ltd_json_put_int(&w, "fresh", n->fresh);
    ltd_json_begin_inline_object(&w, "stops");
    for (int i = 0; i <= LTD_WIKI_STOP_LOOP; i++)
        ltd_json_put_int(&w, ltd_wiki_stop_name((ltd_wiki_stop)i), n->stops[i]);
    ltd_json_end_object(&w);
    ltd_json_put_int(&w, "tokens", e->tokens);
    ltd_json_put_int(&w, "cycles", e->cycles);
    ltd_json_put_f64(&w, "seconds", 1e-3 * e->cycles_ms);
    ltd_json_put_f64(&w, "prefill_seconds", 1e-3 * e->prefill_ms);
    ltd_json_put_f64(&w, "tok_s", tok_s);
    ltd_json_put_f64(&w, "accept_len", accept);
    ltd_accept_by_json(&w, "accept_by", &by);
    ltd_json_end_object(&w);
    ltd_str_puts(text, "\n");
}

static int print_sum(const ltd_cli *cli, const ltd_wiki_run_sum *n, const char *out)
{
    ltd_str text = LTD_STR_INIT;
    int code = LTD_EXIT_OK;
    if (cli->json) {
        put_sum(n, out, true, &text);
        code = ltd_cli_write(cli->json, ltd_str_text(&text));
        ltd_str_clear(&text);
    }
    put_sum(n, out, false, &text);
    if (!(cli->json && strcmp(cli->json, "-") == 0)) fputs(ltd_str_text(&text), stdout);
    ltd_str_fini(&text);
    return code;
}

/* With whatever author the options have. */
static int write_articles(const ltd_cli *cli, ltd_wiki_run_options *o, ltd_err *err)
{
    ltd_wiki_run_sum sum;
    ltd_progress bar;
    ltd_clock clock = ltd_clock_monotonic();
    ltd_progress_init(&bar, stderr, &clock, "wiki", 1000);
    bar.quiet = cli->quiet;
    o->watch = ltd_cli_watch(&bar, true);
    int rc = ltd_wiki_run(o, &sum, err);
    if (rc < 0) return rc;
    ltd_progress_finish(&bar, 1000, NULL);
    return print_sum(cli, &sum, o->out);
}

static int decode_articles(ltd_cli *cli, ltd_setup *s, ltd_wiki_run_options *o, ltd_err *err)
{
    ltd_bench_options rows;
    ltd_tuned tuned;
    ltd_rule_set rules = {0};
    ltd_policy *policy = NULL;
    ltd_wiki_decoder *d = NULL;
    ltd_str identity = LTD_STR_INIT;
    char path[PATH_MAX] = "";
    int rc = open_rows(cli, s, &rows, &tuned, &rules, &policy, path, err);
    if (rc == LTD_OK) identify(s, &rows, path, &identity);
    snprintf(o->made.identity, sizeof o->made.identity, "%s", ltd_str_text(&identity));
    ltd_str_fini(&identity);
    if (rc == LTD_OK) rc = ltd_wiki_decoder_new(&d, s, o->made.decoder, &rows, err);
    if (rc == LTD_OK) {
        ltd_wiki_decoder_watch(d, ltd_cli_stop());
        o->author = ltd_wiki_decoder_author(d);
        rc = write_articles(cli, o, err);
    }
    ltd_wiki_decoder_free(d);
    ltd_rules_fini(&rules);
    ltd_policy_free(policy);
    return rc;
}

/* The model is opened where one writes. */
static int run_with_model(ltd_cli *cli, ltd_wiki_run_options *o, ltd_err *err)
{
    ltd_setup s;
    ltd_config *c = &cli->config;
    c->bench.policies.n = 1; /* the only row */
    snprintf(c->bench.policies.v[0], sizeof c->bench.policies.v[0], "%s", c->wiki.decoder);
    snprintf(o->made.decoder, sizeof o->made.decoder, "%.63s", c->wiki.decoder);
    int rc = ltd_cli_setup(cli, &s);
    if (rc != LTD_EXIT_OK) return rc;
    rc = decode_articles(cli, &s, o, err);
    ltd_setup_close(&s);
    return rc;
}

static int run_articles(ltd_cli *cli, ltd_err *err)
{
    ltd_config *c = &cli->config;
    char out[LTD_CONFIG_TEXT];
    ltd_wiki_run_options o = {.out = ltd_wiki_out(c, out, sizeof out), .made.decoder = "none"};
    ltd_wiki_root(c, o.made.root, sizeof o.made.root);
    int rc = ltd_wiki_settings_one_task(c, &o.made.task, err);
    if (rc < 0) {
        ltd_cli_fail(err);
        return LTD_EXIT_USAGE;
    }
    rc = ltd_wiki_settings_events(c, &o.ids, err);
    if (rc < 0) return rc;
    rc = ltd_wiki_method_generates(o.made.task.method) ? run_with_model(cli, &o, err)
                                                       : write_articles(cli, &o, err);
    free(o.ids.id);
    return rc;
}

/* --- */

static const struct {
    const char *name;
    int (*run)(ltd_cli *cli, ltd_err *err);
    int most; /* arguments behind the name */
} parts[] = {
    {"prepare", prepare, 0},
    {"stats", stats, 0},
    {"run", run_articles, 0},
    {"score", ltd_cli_wiki_score, 1},
    {"export", ltd_cli_wiki_export, 1},
    {"import", ltd_cli_wiki_import, 1},
    {"verify", ltd_cli_wiki_verify, 2},
};
enum { N_PARTS = sizeof parts / sizeof parts[0] };

static int run(ltd_cli *cli)
{
    ltd_err err = LTD_ERR_INIT;
    const char *name = cli->n_args ? cli->args[0] : "";
    int i = 0;
    while (i < N_PARTS && strcmp(parts[i].name, name) != 0) i++;
    if (i == N_PARTS)
        ltd_cli_usage(cli->verb,
                      "%s%s%sexpected prepare, stats, run, score, export, import or verify",
                      name[0] ? "unknown part '" : "", name, name[0] ? "': " : "");
    if (cli->n_args - 1 > parts[i].most)
        ltd_cli_usage(cli->verb, "unexpected argument '%s'", cli->args[parts[i].most + 1]);
    cli->task = "wiki";
    int code = ltd_cli_configure(cli, NULL);
    if (code) return code;
    int rc = parts[i].run(cli, &err);
    return rc < 0 ? ltd_cli_fail(&err) : rc;
}

const ltd_verb ltd_verb_wiki = {
    .name = "wiki",
    .summary = "write WikiGenBench's articles, score them, compare their tokens",
    .args = "PART [DIR...]",
    .doc =
        "PART is one of these.  prepare: prompts of the events as question.jsonl files, which "
        "--task wiki of other verbs "
        "makes by itself.  stats: figures of the data.  run: write the article of each event "
        "(--method) with a row of the bench (--decoder); stopped with Ctrl-C it goes on where it "
        "was.  score [DIR]: quality and speed of a run's articles, metrics.json.  export, import "
        "[DIR]: requests for a judge and its answers (--judge).  verify PLAIN OTHER: two runs, "
        "token by token; it ends with 1 when they differ.  Without --root three made-up events "
        "stand for the benchmark: docs/wiki.md.",
    .options =
        "root out method plan profile split events decoder policy against judge judge-url "
        "judge-model judge-key-env json model dtype head threads seed temperature top-k top-p",
    .run = run,
};
