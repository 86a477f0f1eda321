/* Which texts of the records are for choosing, which for comparing; what else there is to say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/records/replay.h"
#include "trainer/tune/serving.h"

typedef struct job {
    const ltd_setup *s;
    ltd_replay replay;
    ltd_prompts *train, *bench;
    int32_t *texts[2]; /* training, held out */
    int32_t n[2];
} job;

/* Texts of prompts that are recorded and go on for a cycle, each once; `but` [n_but] left out. */
static int32_t list_texts(const ltd_trace *trace, const ltd_prompts *prompts, const int32_t *but,
                          int32_t n_but, int32_t *ret)
{
    int32_t n = 0;
    for (size_t p = 0; p < ltd_prompts_count(prompts); p++) {
        const ltd_prompt *prompt = ltd_prompts_at(prompts, p);
        int32_t text = ltd_trace_find(trace, prompt->ids, prompt->n);
        bool out = text < 0 || trace->text[text].positions < 1;
        for (int32_t i = 0; !out && i < n_but; i++) out = but[i] == text;
        for (int32_t i = 0; !out && i < n; i++) out = ret[i] == text;
        if (!out) ret[n++] = text;
    }
    return n;
}

static int open_texts(job *j, ltd_err *err)
{
    const ltd_config *c = &j->s->config;
    int rc = ltd_setup_prompts(j->s, &c->prompts.train, c->prompts.limit, &j->train, err);
    if (rc == LTD_OK)
        rc = ltd_setup_prompts(j->s, &c->prompts.bench, c->bench.prompts_per_task, &j->bench, err);
    if (rc < 0) return rc;
    j->texts[0] = ltd_mem_zeros(ltd_prompts_count(j->train), sizeof(int32_t));
    j->texts[1] = ltd_mem_zeros(ltd_prompts_count(j->bench), sizeof(int32_t));
    if (!j->texts[0] || !j->texts[1])
        return ltd_fail(err, LTD_ENOMEM, "serving settings: no memory");
    j->n[0] = list_texts(&j->replay.trace, j->train, NULL, 0, j->texts[0]);
    j->n[1] = list_texts(&j->replay.trace, j->bench, j->texts[0], j->n[0], j->texts[1]);
    if (j->n[0] && j->n[1]) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL,
                    "serving settings: of %zu prompts of prompts.%s none is recorded%s: run `ltd "
                    "record` with them",
                    ltd_prompts_count(j->n[0] ? j->bench : j->train), j->n[0] ? "bench" : "train",
                    j->n[0] ? " and no training prompt" : "");
}

/* The setting of `ltd tune`, where it was kept for this setup and fits the records. */
static int add_tuned(const job *j, ltd_serving *v, ltd_err *err)
{
    const ltd_trace *trace = &j->replay.trace;
    const ltd_setting plain = {0};
    char path[PATH_MAX];
    ltd_tuned tuned;
    int rc = ltd_tuned_path(j->s, path, sizeof path, err);
    if (rc < 0) return rc;
    if (ltd_tuned_load(&tuned, path, NULL) < 0 || ltd_tuned_check(&tuned, j->s, NULL) < 0 ||
        tuned.best.forwards > trace->max_forwards ||
        (tuned.best.top_k && tuned.best.top_k != trace->top_k))
        return LTD_OK;
    size_t n = (size_t)j->n[1];
    ltd_rate *a = ltd_mem_zeros(2 * n, sizeof *a), *b = a + n;
    if (!a) return ltd_fail(err, LTD_ENOMEM, "serving settings: no memory");
    for (size_t i = 0; i < n; i++) {
        const ltd_trace_text *t = &trace->text[j->texts[1][i]];
        ltd_prompt prompt = {.ids = t->token, .n = t->prompt};
        int32_t tokens;
        a[i].seconds = 1e-3 * ltd_replay_static_ms(&j->replay, &prompt, &tuned.best, &tokens);
        b[i].seconds = 1e-3 * ltd_replay_static_ms(&j->replay, &prompt, &plain, &tokens);
        a[i].tokens = b[i].tokens = tokens;
    }
    v->has_tuned = true;
    v->tuned = tuned.best;
    v->tuned_tok_s = ltd_stats_speed(a, n);
    v->tuned_speedup.value = ltd_stats_ratio(a, b, n);
    rc = ltd_stats_bootstrap(a, b, n, j->s->config.bench.bootstrap, j->s->config.run.seed,
                             &v->tuned_speedup.ci, err);
    free(a);
    return rc;
}

static void describe(const ltd_setup *s, ltd_serving *v)
{
    snprintf(v->model, sizeof v->model, "%s", ltd_llama_path(s->model));
    if (s->head) snprintf(v->head_path, sizeof v->head_path, "%s", ltd_eagle3_path(s->head));
    memcpy(v->machine, s->machine, sizeof v->machine);
    v->extends = s->head && ltd_eagle3_extends(s->head, s->config.head.vocabulary);
}

static int run(job *j, ltd_serving *v, ltd_err *err)
{
    const ltd_config *c = &j->s->config;
    int rc = ltd_replay_open(&j->replay, j->s, err);
    if (rc == LTD_OK) rc = open_texts(j, err);
    if (rc < 0) return rc;
    ltd_serving_records r = {.trace = &j->replay.trace,
                             .cost = j->s->cost,
                             .cycle = ltd_replay_cycle_options(&j->replay),
                             .llama = strcmp(ltd_llama_config(j->s->model)->arch, "llama") == 0,
                             .max_new = c->bench.max_new,
                             .train = j->texts[0],
                             .n_train = j->n[0],
                             .held = j->texts[1],
                             .n_held = j->n[1],
                             .resamples = c->bench.bootstrap,
                             .seed = c->run.seed};
    rc = ltd_serving_choose(&r, v, err);
    if (rc < 0) return rc;
    describe(j->s, v);
    return add_tuned(j, v, err);
}

int ltd_serving_run(const ltd_setup *s, ltd_serving *ret, ltd_err *err)
{
    job j = {.s = s};
    ltd_serving *v = ltd_mem_zeros(1, sizeof *v);
    if (!v) return ltd_fail(err, LTD_ENOMEM, "serving settings: no memory");
    int rc = run(&j, v, err);
    ltd_replay_close(&j.replay);
    ltd_prompts_free(j.train);
    ltd_prompts_free(j.bench);
    free(j.texts[0]);
    free(j.texts[1]);
    if (rc == LTD_OK) *ret = *v;
    free(v);
    return rc;
}
