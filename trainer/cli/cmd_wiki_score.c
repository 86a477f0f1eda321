/* Parts of `ltd wiki` that begin with finished articles. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "trainer/cli/wiki_parts.h"
#include "trainer/wiki/judge/judge_ask.h"
#include "trainer/wiki/judge/judge_lines.h"
#include "trainer/wiki/judge/judge_run.h"
#include "trainer/wiki/score/metrics_json.h"
#include "trainer/wiki/write/settings.h"
#include "trainer/wiki/write/verify.h"

/* Folders of a part: that of the articles (named, or by method and decoder), and the data. */
typedef struct places {
    char out[LTD_CONFIG_TEXT], root[LTD_CONFIG_TEXT];
} places;

/* The data is that of the run, unless another place is named. */
static int find_root(const ltd_cli *cli, const char *out, char *ret, size_t size, ltd_err *err)
{
    ltd_wiki_made made;
    int rc = ltd_wiki_made_load(&made, out, err);
    if (rc < 0) return rc;
    if (cli->config.wiki.root[0])
        ltd_wiki_root(&cli->config, ret, size);
    else
        snprintf(ret, size, "%s", made.root);
    return LTD_OK;
}

static int find_places(const ltd_cli *cli, places *ret, ltd_err *err)
{
    if (cli->n_args > 1 && strlen(cli->args[1]) >= sizeof ret->out)
        return ltd_fail(err, LTD_EINVAL, "%.80s...: the path is too long", cli->args[1]);
    ltd_wiki_out(&cli->config, ret->out, sizeof ret->out);
    if (cli->n_args > 1) snprintf(ret->out, sizeof ret->out, "%s", cli->args[1]);
    return find_root(cli, ret->out, ret->root, sizeof ret->root, err);
}

/* --- judge --- */

static void show_asked(void *ctx, size_t done, size_t all)
{
    ltd_progress_update(ctx, all ? done * 1000 / all : 1000, "asking the judge");
}

/* Ask the endpoint whatever it has not answered before. */
static int ask_endpoint(const ltd_cli *cli, const places *p, ltd_wiki_answers *answers,
                        ltd_err *err)
{
    const ltd_config *c = &cli->config;
    char cache[PATH_MAX];
    ltd_wiki_requests requests = LTD_WIKI_REQUESTS_INIT;
    ltd_wiki_http *http = NULL;
    ltd_wiki_asked did = {0};
    ltd_progress bar;
    ltd_clock clock = ltd_clock_monotonic();
    ltd_wiki_http_options o = {.url = c->wiki.judge_url,
                               .key_env = c->wiki.judge_key_env[0] ? c->wiki.judge_key_env : NULL,
                               .timeout_ms = (int32_t)(1000 * c->wiki.judge_timeout_s),
                               .stop = ltd_cli_stop()};
    if (!c->wiki.judge_model[0])
        return ltd_fail(err, LTD_EINVAL, "wiki.judge_model: is empty: name it with --judge-model");
    ltd_progress_init(&bar, stderr, &clock, "judge", 1000);
    bar.quiet = cli->quiet;
    snprintf(cache, sizeof cache, "%s/judge-cache", p->out);
    ltd_wiki_asking how = {
        .model = c->wiki.judge_model, .cache = cache, .progress = show_asked, .ctx = &bar};
    int rc = ltd_wiki_judge_requests(p->out, p->root, &requests, err);
    if (rc == LTD_OK) rc = ltd_wiki_http_open(&http, &o, err);
    how.http = http;
    if (rc == LTD_OK) rc = ltd_wiki_judge_answer(answers, &requests, &how, &did, err);
    if (rc == LTD_OK) ltd_progress_finish(&bar, 1000, NULL);
    if (rc == LTD_OK)
        ltd_log(&cli->log, LTD_LOG_INFO, "judge: %zu requests, %zu answered before, %zu now",
                requests.n, did.cached, did.replied);
    if (did.refused)
        ltd_log(&cli->log, LTD_LOG_WARN, "the judge refused %zu requests: %s", did.refused,
                did.why);
    ltd_wiki_http_close(http);
    ltd_wiki_requests_fini(&requests);
    return rc;
}

/* What was imported and what the endpoint says; *n answers. */
static int judge(const ltd_cli *cli, const places *p, ltd_wiki_judged *ret, int32_t *n,
                 ltd_err *err)
{
    ltd_wiki_answers *answers = NULL;
    int rc = ltd_wiki_answers_new(&answers, err);
    if (rc == LTD_OK) rc = ltd_wiki_judge_load(p->out, answers, err);
    if (rc == LTD_OK && cli->config.wiki.judge_url[0]) rc = ask_endpoint(cli, p, answers, err);
    if (rc == LTD_OK) rc = ltd_wiki_judge_grade(p->out, p->root, answers, ret, err);
    if (rc == LTD_OK) *n = ltd_wiki_answers_count(answers);
    ltd_wiki_answers_free(answers);
    return rc;
}

int ltd_cli_wiki_export(ltd_cli *cli, ltd_err *err)
{
    places p;
    ltd_wiki_requests requests = LTD_WIKI_REQUESTS_INIT;
    if (!cli->judge)
        ltd_cli_usage(cli->verb, "export: name the file of requests with --judge FILE");
    int rc = find_places(cli, &p, err);
    if (rc == LTD_OK) rc = ltd_wiki_judge_requests(p.out, p.root, &requests, err);
    if (rc == LTD_OK) rc = ltd_wiki_requests_write(&requests, cli->judge, err);
    if (rc == LTD_OK) printf("%s: %zu requests\n", cli->judge, requests.n);
    ltd_wiki_requests_fini(&requests);
    return rc;
}

/* --- score --- */

/* The same articles by plain decoding. */
static int compare(const ltd_cli *cli, const places *p, ltd_wiki_metrics *m,
                   ltd_wiki_scores **plain, ltd_wiki_verdict *verdict, ltd_err *err)
{
    int rc = ltd_wiki_verify(cli->against, p->out, verdict, err);
    if (rc == LTD_OK) rc = ltd_wiki_scores_new(plain, cli->against, p->root, NULL, err);
    if (rc == LTD_OK) rc = ltd_wiki_scores_same(*plain, m->scores, &m->same_quality, err);
    m->plain = *plain;
    m->verdict = verdict;
    return rc;
}

static int write_metrics(const ltd_cli *cli, const places *p, const ltd_wiki_metrics *m,
                         ltd_err *err)
{
    char path[PATH_MAX];
    ltd_str text = LTD_STR_INIT;
    ltd_wiki_metrics_json(m, &text);
    snprintf(path, sizeof path, "%s/metrics.json", p->out);
    int rc = text.failed ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", path)
                         : ltd_file_write(path, text.data, text.len, err);
    if (rc == LTD_OK && cli->json) rc = ltd_cli_write(cli->json, ltd_str_text(&text));
    ltd_str_clear(&text);
    ltd_wiki_metrics_text(m, &text);
    ltd_str_printf(&text, "metrics: %s\n", path);
    if (rc == LTD_OK && !(cli->json && strcmp(cli->json, "-") == 0))
        fputs(ltd_str_text(&text), stdout);
    ltd_str_fini(&text);
    return rc;
}

int ltd_cli_wiki_score(ltd_cli *cli, ltd_err *err)
{
    places p;
    ltd_wiki_scores *scores = NULL, *plain = NULL;
    ltd_wiki_judged judged;
    int32_t answers = 0;
    ltd_wiki_verdict verdict;
    ltd_progress bar;
    ltd_clock clock = ltd_clock_monotonic();
    ltd_progress_init(&bar, stderr, &clock, "score", 1000);
    bar.quiet = cli->quiet;
    ltd_watch watch = ltd_cli_watch(&bar, true);
    int rc = find_places(cli, &p, err);
    if (rc == LTD_OK) rc = ltd_wiki_scores_new(&scores, p.out, p.root, &watch, err);
    if (rc < 0) return rc;
    ltd_progress_finish(&bar, 1000, NULL);
    ltd_wiki_metrics m = {.scores = scores,
                          .judge =
                              cli->config.wiki.judge_url[0] ? cli->config.wiki.judge_model : NULL};
    rc = judge(cli, &p, &judged, &answers, err);
    if (rc == LTD_OK && answers)
        m.judged = &judged; /* without any there is no figure, not even 0 */
    if (rc == LTD_OK && cli->against) rc = compare(cli, &p, &m, &plain, &verdict, err);
    if (rc == LTD_OK) rc = write_metrics(cli, &p, &m, err);
    if (rc == LTD_OK && m.verdict && (!ltd_wiki_unchanged(m.verdict) || !m.same_quality))
        rc = LTD_EXIT_FAILED;
    ltd_wiki_scores_free(scores);
    ltd_wiki_scores_free(plain);
    return rc;
}

int ltd_cli_wiki_import(ltd_cli *cli, ltd_err *err)
{
    places p;
    if (!cli->judge) ltd_cli_usage(cli->verb, "import: name the file of scores with --judge FILE");
    int rc = find_places(cli, &p, err);
    if (rc == LTD_OK) rc = ltd_wiki_judge_import(p.out, cli->judge, err);
    return rc == LTD_OK ? ltd_cli_wiki_score(cli, err) : rc;
}

/* --- verify --- */

/* The second level follows from the first; it is there to catch a scorer that keeps a state. */
static int compare_quality(const ltd_cli *cli, bool *same, ltd_err *err)
{
    char root[LTD_CONFIG_TEXT];
    ltd_wiki_scores *a = NULL, *b = NULL;
    int rc = find_root(cli, cli->args[1], root, sizeof root, err);
    if (rc == LTD_OK) rc = ltd_wiki_scores_new(&a, cli->args[1], root, NULL, err);
    if (rc == LTD_OK) rc = ltd_wiki_scores_new(&b, cli->args[2], root, NULL, err);
    if (rc == LTD_OK) rc = ltd_wiki_scores_same(a, b, same, err);
    ltd_wiki_scores_free(a);
    ltd_wiki_scores_free(b);
    return rc;
}

int ltd_cli_wiki_verify(ltd_cli *cli, ltd_err *err)
{
    ltd_wiki_verdict v;
    bool same = false;
    ltd_str text = LTD_STR_INIT;
    if (cli->n_args != 3) ltd_cli_usage(cli->verb, "verify: expected two folders of articles");
    int rc = ltd_wiki_verify(cli->args[1], cli->args[2], &v, err);
    if (rc < 0) return rc;
    /* What keeps figures from being compared must not hide what the tokens say. */
    int scored = compare_quality(cli, &same, err);
    if (cli->json) {
        ltd_wiki_verdict_json(&v, same, &text);
        rc = ltd_cli_write(cli->json, ltd_str_text(&text));
        ltd_str_clear(&text);
    }
    ltd_wiki_verdict_text(&v, same, &text);
    if (!(cli->json && strcmp(cli->json, "-") == 0)) fputs(ltd_str_text(&text), stdout);
    ltd_str_fini(&text);
    if (scored < 0) return scored;
    return ltd_wiki_unchanged(&v) && same ? rc : LTD_EXIT_FAILED;
}
