/* A suite for programs: the bench's object with the tasks of all temperatures. */
#include <string.h>

#include "base/json.h"
#include "trainer/bench/bench_parts.h"
#include "trainer/suites/suite.h"

static void put_means(ltd_json_writer *w, const ltd_bench *b)
{
    ltd_json_begin_array(w, "mean");
    for (int32_t r = 0; r < b->all.n_rows; r++) {
        ltd_suite_mean m = ltd_suite_mean_of(b, r);
        ltd_json_begin_inline_object(w, NULL);
        ltd_json_put_string(w, "policy", b->all.rows[r].policy);
        ltd_json_put_f64(w, "speedup", m.speedup);
        ltd_json_put_f64(w, "speedup_mean_of_prompts", m.speedup_mean_of_prompts);
        ltd_json_put_f64(w, "accept_len", m.tau);
        ltd_json_end_object(w);
    }
    ltd_json_end_array(w);
}

static void put_temperature(ltd_json_writer *w, const ltd_bench *b)
{
    ltd_json_begin_object(w, NULL);
    ltd_json_put_f64(w, "temperature", b->sampling.temperature);
    ltd_bench_put_drift(w, &b->drift);
    put_means(w, b);
    ltd_bench_put_task(w, "all", b, &b->all);
    ltd_bench_put_task(w, "ended", b, &b->ended);
    ltd_bench_put_versus(w, b);
    ltd_bench_put_verdict(w, b);
    ltd_json_end_object(w);
}

/* All published figures of one row; the row of a table is named `method` there. */
static void put_published_row(ltd_json_writer *w, const ltd_suite *suite, const ltd_bench *b,
                              const char *row)
{
    const char *method = suite->kind->method(row);
    int32_t table = suite->kind->table(b->sampling.temperature);
    for (int32_t i = 0; method && table && i < suite->published->n; i++) {
        const ltd_published_row *p = &suite->published->row[i];
        if (p->table != table || strcmp(p->model, suite->model) != 0 ||
            strcmp(p->method, method) != 0)
            continue;
        ltd_json_begin_inline_object(w, NULL);
        ltd_json_put_int(w, "table", p->table);
        ltd_json_put_f64(w, "temperature", p->temperature);
        ltd_json_put_string(w, "policy", row);
        ltd_json_put_string(w, "method", p->method);
        ltd_json_put_string(w, "task", p->task);
        ltd_json_put_f64(w, "speedup", p->speedup);
        ltd_json_put_f64(w, "tau", p->tau);
        ltd_json_end_object(w);
    }
}

static void put_published(ltd_json_writer *w, const ltd_suite *suite)
{
    if (!suite->published) {
        ltd_json_put_null(w, "published");
        return;
    }
    ltd_json_begin_object(w, "published");
    ltd_json_put_string(w, "source", suite->kind->source);
    ltd_json_put_string(w, "model", suite->model);
    ltd_json_begin_array(w, "rows");
    for (int32_t i = 0; i < suite->n; i++)
        for (int32_t r = 0; r < suite->bench[i]->all.n_rows; r++)
            put_published_row(w, suite, suite->bench[i], suite->bench[i]->all.rows[r].policy);
    ltd_json_end_array(w);
    ltd_json_end_object(w);
}

void ltd_suite_json(const ltd_suite *suite, ltd_str *out)
{
    ltd_json_writer w = ltd_json_writing(out, 2);
    if (!suite->n) return;
    ltd_json_begin_object(&w, NULL);
    ltd_bench_put_scope(&w, suite->bench[0]);
    ltd_json_put_string(&w, "suite", suite->kind->name);
    ltd_json_put_string(&w, "turns_played", "first");
    ltd_json_begin_array(&w, "tasks");
    for (int32_t i = 0; i < suite->n; i++)
        for (int32_t t = 0; t < suite->bench[i]->n_tasks; t++)
            ltd_bench_put_task(&w, NULL, suite->bench[i], &suite->bench[i]->tasks[t]);
    ltd_json_end_array(&w);
    ltd_json_begin_array(&w, "temperatures");
    for (int32_t i = 0; i < suite->n; i++) put_temperature(&w, suite->bench[i]);
    ltd_json_end_array(&w);
    put_published(&w, suite);
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}
