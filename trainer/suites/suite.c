#include "trainer/suites/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/bench/answer_file.h"

/* A temperature as a part of the whole job's progress. */
typedef struct part {
    const ltd_watch *watch;
    int32_t i, n;
} part;

static bool tell_part(void *ctx, double share, const char *what)
{
    const part *p = ctx;
    return !p->watch->tell || p->watch->tell(p->watch->ctx, (p->i + share) / p->n, what);
}

/* `s` is the caller's copy of a setup. */
static int play(ltd_setup *s, const ltd_suite_options *options, int32_t i, ltd_bench **ret,
                ltd_err *err)
{
    part p = {&options->bench.watch, i, options->n};
    ltd_bench_options o = options->bench;
    ltd_answer_log *answers = NULL;
    s->config.env.temperature = options->temperature[i];
    o.watch = (ltd_watch){tell_part, &p};
    int rc = LTD_OK;
    if (options->answers) {
        rc = ltd_answer_log_new(&answers, ltd_llama_tokenizer(s->model), options->temperature[i],
                                err);
        o.heard = ltd_answer_log_add;
        o.heard_ctx = answers;
    }
    if (rc == LTD_OK) rc = ltd_bench_run(s, &o, ret, err);
    if (rc == LTD_OK && answers) rc = ltd_answer_log_write(answers, options->answers, err);
    ltd_answer_log_free(answers);
    return rc;
}

static int play_all(const ltd_setup *s, const ltd_suite_options *options, ltd_suite *suite,
                    ltd_err *err)
{
    ltd_setup *own = ltd_mem_zeros(1, sizeof *own); /* too large for a stack */
    if (!own) return ltd_fail(err, LTD_ENOMEM, "suite: no memory");
    *own = *s;
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < options->n; i++) {
        if (i) own->log = NULL; /* which rows are left out is told once */
        rc = play(own, options, i, &suite->bench[i], err);
        if (suite->bench[i]) suite->n = i + 1;
    }
    free(own);
    return rc;
}

int ltd_suite_run(const ltd_setup *s, const ltd_suite_kind *kind, const ltd_suite_options *options,
                  ltd_suite **ret, ltd_err *err)
{
    *ret = NULL;
    if (options->n < 1 || options->n > LTD_SUITE_TEMPERATURES)
        return ltd_fail(err, LTD_EINVAL, "suite: %d temperatures, expected 1 to %d", options->n,
                        LTD_SUITE_TEMPERATURES);
    ltd_suite *suite = ltd_mem_zeros(1, sizeof *suite);
    if (!suite) return ltd_fail(err, LTD_ENOMEM, "suite: no memory");
    suite->kind = kind;
    suite->published = options->published;
    suite->model = options->model;
    int rc = play_all(s, options, suite, err);
    if (rc < 0)
        ltd_suite_free(suite);
    else
        *ret = suite;
    return rc;
}

void ltd_suite_free(ltd_suite *suite)
{
    if (!suite) return;
    for (int32_t i = 0; i < suite->n; i++) ltd_bench_free(suite->bench[i]);
    free(suite);
}

ltd_suite_mean ltd_suite_mean_of(const ltd_bench *b, int32_t row)
{
    ltd_suite_mean m = {0, 0, 0};
    for (int32_t t = 0; t < b->n_tasks; t++) {
        const ltd_bench_row *r = &b->tasks[t].rows[row];
        m.speedup += r->speedup / b->n_tasks;
        m.speedup_mean_of_prompts += r->speedup_mean_of_prompts / b->n_tasks;
        m.tau += r->accept_len / b->n_tasks;
    }
    return m;
}

ltd_published_cell ltd_suite_published(const ltd_suite *suite, double temperature, const char *row,
                                       const char *task)
{
    const char *method = suite->kind->method(row);
    int32_t table = suite->kind->table(temperature);
    if (!suite->published || !method || !table) return (ltd_published_cell){NAN, NAN};
    return ltd_published_find(suite->published, table, suite->model, method, task);
}

bool ltd_suite_identical(const ltd_suite *suite)
{
    for (int32_t i = 0; i < suite->n; i++)
        for (int32_t r = 0; r < suite->bench[i]->all.n_rows; r++) {
            const ltd_bench_row *row = &suite->bench[i]->all.rows[r];
            if (row->identical < row->of) return false;
        }
    return true;
}
