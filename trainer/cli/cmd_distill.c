#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/cli/cli.h"
#include "trainer/distill/distill_report.h"
#include "trainer/distill/learn.h"
#include "trainer/distill/sources.h"
#include "trainer/metrics/dashboard.h"

/* --- what is seen of it --- */

static void begin(ltd_dashboard *d, const ltd_cli *cli, const ltd_setup *s, const char *dir,
                  const char *label, const char *what)
{
    ltd_dashboard_init(d, stderr, &s->clock, label, dir);
    d->line.quiet = cli->quiet;
    ltd_dashboard_begin(d, 0, 0);
    ltd_dashboard_what(d, what);
}

static void update(ltd_dashboard *d, uint64_t before, uint64_t done, uint64_t total)
{
    d->line.start_done = before;
    d->line.total = total;
    ltd_dashboard_update(d, done);
}

static void end(ltd_dashboard *d, int rc)
{
    if (rc == LTD_OK && d->line.begun)
        ltd_dashboard_finish(d, d->done);
    else
        ltd_dashboard_leave(d);
}

/* --- writing --- */

static void tell_writing(void *ctx, const ltd_data_progress *p)
{
    ltd_dashboard *d = ctx;
    ltd_dashboard_figure_set(d, "tokens/s", "%.0f", p->answer_tokens_s);
    ltd_dashboard_figure_set(d, "rows/s", "%.0f", p->rows_s);
    ltd_dashboard_figure_set(d, "rows/forward", "%.0f", p->rows_per_forward);
    ltd_dashboard_figure_set(d, "texts", "%llu", (unsigned long long)p->conversations);
    ltd_dashboard_point(d, "tokens/s", p->answer_tokens_s);
    update(d, p->before, p->answer_tokens, p->wanted);
}

static void print_data(const ltd_data *d)
{
    printf("data        %zu conversations, %llu answer tokens; left out:", ltd_data_count(d),
           (unsigned long long)ltd_data_answer_tokens(d));
    for (int v = LTD_VERDICT_KEPT + 1; v < LTD_VERDICT_COUNT; v++)
        printf("%s %llu %s", v > LTD_VERDICT_KEPT + 1 ? "," : "",
               (unsigned long long)ltd_data_judged(d, (ltd_verdict)v),
               ltd_verdict_name((ltd_verdict)v));
    printf("\n");
}

static int write_data(const ltd_cli *cli, const ltd_setup *s, ltd_sources *src, const char *dir,
                      ltd_err *err)
{
    ltd_dashboard d;
    begin(&d, cli, s, dir, "write", "conversations");
    ltd_data_watch watch = {tell_writing, &d, ltd_cli_stop(), s->clock};
    int rc =
        ltd_data_write(src->data, s->model, ltd_llama_tokenizer(s->model), s->chat, &watch, err);
    end(&d, rc);
    if (rc == LTD_OK) print_data(src->data);
    return rc;
}

/* --- learning --- */

static void tell_learning(void *ctx, const ltd_learn_progress *p)
{
    static const char *const kl[LTD_UNROLL_MAX] = {"KL 1", "KL 2", "KL 3", "KL 4",
                                                   "KL 5", "KL 6", "KL 7", "KL 8"};
    static const char *const hit[LTD_UNROLL_MAX] = {"hit 1", "hit 2", "hit 3", "hit 4",
                                                    "hit 5", "hit 6", "hit 7", "hit 8"};
    ltd_dashboard *d = ctx;
    if (!isnan(p->valid)) {
        ltd_dashboard_figure_set(d, "accepted", "%.3f", p->valid);
        ltd_dashboard_figure_set(d, "best", "%.3f", p->best);
    }
    ltd_dashboard_figure_set(d, "anchors/s", "%.0f", p->anchors_s);
    ltd_dashboard_figure_set(d, "GFLOPS", "%.0f (%.0f%%)", 1e-9 * p->flop_s, 100 * p->flop_share);
    for (int j = 0; j < LTD_UNROLL_MAX && p->stats.anchors[j] > 0; j++)
        ltd_dashboard_figure_set(d, kl[j], "%.2f", p->stats.kl[j] / p->stats.anchors[j]);
    for (int j = 0; j < LTD_UNROLL_MAX && p->stats.anchors[j] > 0; j++)
        ltd_dashboard_figure_set(d, hit[j], "%.3f", p->stats.hits[j] / p->stats.anchors[j]);
    if (p->stats.anchors[0] > 0)
        ltd_dashboard_point(d, "KL 1", p->stats.kl[0] / p->stats.anchors[0]);
    update(d, (uint64_t)p->before, (uint64_t)p->update, (uint64_t)p->updates);
}

static int learn(const ltd_cli *cli, const ltd_setup *s, const ltd_sources *src, const char *dir,
                 const char *resume, const char *out, ltd_learn_result *r, ltd_err *err)
{
    ltd_corpus corpus;
    ltd_dashboard d;
    int rc = ltd_corpus_init(&corpus, src->data, s->model, &cli->config, src->taps, err);
    begin(&d, cli, s, dir, "learn", "to draft them");
    ltd_learn_options o = {.config = &cli->config,
                           .model = s->model,
                           .corpus = &corpus,
                           .taps = src->taps,
                           .dir = dir,
                           .out = out,
                           .resume = resume[0] ? resume : NULL,
                           .stop = ltd_cli_stop(),
                           .tell = tell_learning,
                           .ctx = &d,
                           .clock = s->clock};
    if (rc == LTD_OK)
        printf("vocabulary  %d tokens, %.1f %% of the answers' tokens\n", corpus.n_draft,
               100 * corpus.covered);
    if (rc == LTD_OK) rc = ltd_learn(&o, r, err);
    if (rc == LTD_OK) d.done = (uint64_t)r->update;
    end(&d, rc);
    ltd_corpus_fini(&corpus);
    return rc;
}

/* --- what it is worth --- */

/* The best head on the model's greedy answers to the prompts of the bench. */
static int measure(const ltd_cli *cli, const ltd_setup *s, const char *out, ltd_head_report *r,
                   ltd_err *err)
{
    const ltd_config *c = &cli->config;
    ltd_prompts *prompts = NULL;
    ltd_answers *answers = NULL;
    ltd_eagle3 *head = NULL;
    ltd_answers_options o = LTD_ANSWERS_DEFAULTS;
    ltd_head_report_options how = LTD_HEAD_REPORT_DEFAULTS;
    int32_t limit = c->prompts.limit ? c->prompts.limit : c->bench.prompts_per_task;
    o.max_new = c->distill.answer_tokens;
    int rc = ltd_setup_prompts(s, &c->prompts.bench, limit, &prompts, err);
    if (rc == LTD_OK)
        rc = ltd_answers_new(&answers, s->model, ltd_llama_tokenizer(s->model), prompts, &o, NULL,
                             err);
    if (rc == LTD_OK) rc = ltd_eagle3_open(&head, out, s->model, LTD_LOAD_Q8, err);
    if (rc == LTD_OK) rc = ltd_head_report_make(r, s->model, head, answers, &how, err);
    ltd_eagle3_close(head);
    ltd_answers_free(answers);
    ltd_prompts_free(prompts);
    return rc;
}

static int write_report(const ltd_setup *s, const ltd_sources *src, const ltd_learn_result *l,
                        const ltd_head_report *r, const char *dir, ltd_err *err)
{
    char path[PATH_MAX + 16], data[160], learned[160], model[160], time[16];
    const char *slash = strrchr(ltd_llama_path(s->model), '/');
    ltd_progress_duration(time, l->seconds);
    snprintf(model, sizeof model, "%.60s (%s) on %.60s",
             slash ? slash + 1 : ltd_llama_path(s->model), ltd_llama_dtype_name(s->model),
             s->machine);
    snprintf(data, sizeof data, "%zu conversations, %llu answer tokens", ltd_data_count(src->data),
             (unsigned long long)ltd_data_answer_tokens(src->data));
    snprintf(learned, sizeof learned,
             "%lld updates, the last ones in %s; best at %lld: %.3f tokens a cycle on held-out "
             "text (3 forwards, 8 nodes)",
             (long long)l->update, time, (long long)l->best_update, l->best);
    const char *const lines[] = {model, data, learned};
    const ltd_distill_facts facts = {lines, sizeof lines / sizeof *lines};
    snprintf(path, sizeof path, "%s/report.html", dir);
    int rc = ltd_distill_report_write(r, &facts, dir, path, err);
    if (rc == LTD_OK) printf("report      %s\n", path);
    return rc;
}

static int write_json(const ltd_cli *cli, const ltd_sources *src, const ltd_learn_result *l,
                      const ltd_head_report *r, const char *out)
{
    ltd_str text = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&text, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "version", 1);
    ltd_json_put_string(&w, "command", cli->command);
    ltd_json_put_string(&w, "head", out);
    ltd_json_put_u64(&w, "answer_tokens", ltd_data_answer_tokens(src->data));
    ltd_json_put_int(&w, "updates", l->update);
    ltd_json_put_int(&w, "best_update", l->best_update);
    ltd_json_put_f64(&w, "held_out_accept_len", l->best);
    ltd_json_put_f64(&w, "seconds", l->seconds);
    ltd_json_put_f64(&w, "gemm_share", l->flop_share);
    ltd_head_report_json(r, &w, "tasks");
    ltd_json_end_object(&w);
    ltd_str_puts(&text, "\n");
    int code = text.failed ? LTD_EXIT_FAILED : ltd_cli_write(cli->json, ltd_str_text(&text));
    ltd_str_fini(&text);
    return code;
}

static int finish(const ltd_cli *cli, const ltd_setup *s, const ltd_sources *src,
                  const ltd_learn_result *l, const char *dir, const char *out)
{
    static ltd_head_report r;
    ltd_err err = LTD_ERR_INIT;
    ltd_str table = LTD_STR_INIT;
    int rc = measure(cli, s, out, &r, &err);
    if (rc == LTD_OK) {
        ltd_head_report_table(&r, &table);
        printf("\n%s\n", ltd_str_text(&table));
        rc = write_report(s, src, l, &r, dir, &err);
    }
    ltd_str_fini(&table);
    if (rc < 0) return ltd_cli_fail(&err);
    return cli->json ? write_json(cli, src, l, &r, out) : LTD_EXIT_OK;
}

static int tell_result(const ltd_learn_result *r, const char *dir, const char *out)
{
    char time[16];
    ltd_progress_duration(time, r->seconds);
    printf("learned     %lld updates in %s", (long long)r->update, time);
    if (r->flop_s > 0)
        printf(", %.0f GFLOPS (%.0f %% of the %.0f that products reach here)", 1e-9 * r->flop_s,
               100 * r->flop_share, 1e-9 * r->peak);
    printf("\naccepted    %.3f tokens a cycle (3 forwards, 8 nodes) at update %lld", r->best,
           (long long)r->best_update);
    if (!isnan(r->first)) printf(", %.3f before", r->first);
    printf("\nhead        %s\n", out);
    if (r->update == r->updates) return LTD_EXIT_OK;
    printf("stopped; go on with: ltd distill --resume %s\n", dir);
    return LTD_EXIT_INTERRUPTED;
}

/* --- the run --- */

/* Lay the configuration of the run under the command line's. */
static int configure(ltd_cli *cli)
{
    char path[PATH_MAX];
    ltd_err err = LTD_ERR_INIT;
    ltd_file text;
    if (!cli->resume) return ltd_cli_configure(cli, NULL);
    snprintf(path, sizeof path, "%s/config.yaml", cli->resume);
    if (ltd_file_map(&text, path, &err) < 0) return ltd_cli_fail(&err);
    ltd_str yaml = LTD_STR_INIT;
    ltd_str_push(&yaml, (const char *)text.data, text.size);
    int code = ltd_cli_configure(cli, ltd_str_text(&yaml));
    ltd_str_fini(&yaml);
    ltd_file_unmap(&text);
    return code;
}

/* The checkpoint to go on from, "" for a run that has none yet.  One that is there and was not
 * asked for is not written over. */
static int find_checkpoint(const ltd_cli *cli, const char *dir, char *path, size_t size)
{
    ltd_err err = LTD_ERR_INIT;
    int rc = ltd_checkpoint_newest(dir, path, size, &err);
    if (rc == LTD_EIO) {
        path[0] = 0;
        return LTD_EXIT_OK;
    }
    if (cli->resume) return rc < 0 ? ltd_cli_fail(&err) : LTD_EXIT_OK;
    return ltd_cli_refuse_run(dir);
}

static void print_dry_run(const ltd_cli *cli, const ltd_setup *s, const char *dir)
{
    const ltd_llm_config *m = ltd_llama_config(s->model);
    ltd_str yaml = LTD_STR_INIT;
    ltd_config_to_yaml(&cli->config, &yaml);
    fputs(ltd_str_text(&yaml), stdout);
    ltd_str_fini(&yaml);
    printf("# run folder: %s\n", dir);
    if (cli->config.distill.features == LTD_DISTILL_KEEP)
        printf("# disk: %.1f GB of features, for about 1.4 tokens a token of answers\n",
               1.4e-9 * cli->config.distill.tokens * 8.0 * m->hidden);
}

static int distill(ltd_cli *cli, ltd_setup *s, const char *dir)
{
    char checkpoint[PATH_MAX], out[PATH_MAX + 8];
    ltd_err err = LTD_ERR_INIT;
    ltd_sources src = {0};
    ltd_learn_result r;
    int code = find_checkpoint(cli, dir, checkpoint, sizeof checkpoint);
    if (code) return code;
    const char *asked = cli->config.distill.out;
    snprintf(out, sizeof out, "%s%s", asked[0] ? asked : dir, asked[0] ? "" : "/head");
    ltd_cli_stop(); /* from here on, a signal saves */
    int rc = ltd_file_mkdirs(dir, &err);
    if (rc == LTD_OK) rc = ltd_config_save(&cli->config, dir, &err);
    if (rc == LTD_OK) rc = ltd_sources_open(&src, s, dir, &err);
    if (rc == LTD_OK) rc = write_data(cli, s, &src, dir, &err);
    if (rc == LTD_OK) rc = learn(cli, s, &src, dir, checkpoint, out, &r, &err);
    if (rc == LTD_OK) code = tell_result(&r, dir, out);
    if (rc == LTD_OK && code == LTD_EXIT_OK) code = finish(cli, s, &src, &r, dir, out);
    ltd_sources_close(&src);
    if (rc == LTD_OK) return code;
    if (rc != LTD_ECANCELED) return ltd_cli_fail(&err);
    printf("stopped; go on with: ltd distill --resume %s\n", dir);
    return LTD_EXIT_INTERRUPTED;
}

static int run(ltd_cli *cli)
{
    char dir[PATH_MAX];
    ltd_setup s;
    int code = configure(cli);
    if (code) return code;
    /* The head is what is to be made. */
    snprintf(cli->config.head.path, sizeof cli->config.head.path, "none");
    if ((code = ltd_cli_setup(cli, &s))) return code;
    if (cli->resume)
        snprintf(dir, sizeof dir, "%s", cli->resume);
    else
        ltd_cli_run_dir(cli, &s, dir, sizeof dir);
    if (cli->dry_run)
        print_dry_run(cli, &s, dir);
    else
        code = distill(cli, &s, dir);
    ltd_setup_close(&s);
    return code;
}

const ltd_verb ltd_verb_distill = {
    .name = "distill",
    .summary = "train a draft head from the model's own text",
    .args = "",
    .doc = "The model writes conversations with itself (and answers those of distill.prompts); an "
           "EAGLE-3 head learns to draft them.  Writes a run folder with config.yaml, data/, "
           "metrics.csv, metrics.jsonl, checkpoints/, report.html and the best head by accepted "
           "length, which every verb takes by --head.  Ctrl-C saves; --resume goes on, in the same "
           "bits.",
    .options = "resume dry-run json out model dtype threads seed",
    .run = run,
};
