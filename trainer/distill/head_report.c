#include "trainer/distill/head_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/distill/features.h"

enum { SHOWN_DEPTHS = 8, SHOWN_CHAINS = 10 };

/* --- measuring --- */

typedef struct job {
    ltd_features *maker;
    ltd_simulator *simulator;
    float *features; /* [longest, 3 hidden] */
} job;

static int open_job(job *j, const ltd_llama *model, const ltd_eagle3 *head, int32_t longest,
                    const ltd_head_report_options *options, ltd_err *err)
{
    ltd_simulator_options o = options->simulate;
    o.context = longest > 0 ? longest : 1;
    size_t width = 3 * (size_t)ltd_llama_config(model)->hidden;
    j->features = ltd_mem_aligned((size_t)o.context * width, sizeof *j->features);
    if (!j->features) return ltd_fail(err, LTD_ENOMEM, "head report: no memory");
    int rc = ltd_simulator_new(&j->simulator, head, &o, err);
    if (rc < 0) return rc;
    return ltd_features_new(&j->maker, model, ltd_eagle3_get_config(head)->taps, 3, o.context,
                            options->kv_f16, err);
}

static void close_job(job *j)
{
    ltd_simulator_free(j->simulator);
    ltd_features_free(j->maker);
    free(j->features);
}

/* The sums of a task, which is made when it is new; NULL when there is no room. */
static ltd_simulated *find_task(ltd_head_report *r, const char *name)
{
    ltd_head_task *t = r->task;
    while (t < r->task + r->n_tasks && strncmp(t->task, name, sizeof t->task - 1) != 0) t++;
    if (t == r->task + LTD_HEAD_TASKS) return NULL;
    if (t == r->task + r->n_tasks) {
        snprintf(t->task, sizeof t->task, "%s", name);
        r->n_tasks++;
    }
    return &t->sum;
}

static void describe(ltd_head_report *r, const ltd_llama *model, const ltd_eagle3 *head,
                     const ltd_simulator_options *o)
{
    memset(r, 0, sizeof *r);
    snprintf(r->head_hash, sizeof r->head_hash, "%s", ltd_eagle3_hash(head));
    snprintf(r->model_hash, sizeof r->model_hash, "%s", ltd_llama_hash(model));
    r->draft_vocab = ltd_eagle3_get_config(head)->draft_vocab;
    r->vocab = ltd_eagle3_get_config(head)->vocab;
    r->extended = ltd_eagle3_extends(head, o->vocabulary);
    r->chain = o->chain;
    r->top_k = o->top_k;
    r->n_trees = o->n_trees;
    memcpy(r->tree, o->tree, sizeof r->tree);
}

int ltd_head_report_make(ltd_head_report *ret, const ltd_llama *model, const ltd_eagle3 *head,
                         const ltd_answers *answers, const ltd_head_report_options *options,
                         ltd_err *err)
{
    job j = {0};
    size_t n = ltd_answers_count(answers);
    int rc = open_job(&j, model, head, ltd_answers_longest(answers), options, err);
    if (rc == LTD_OK) describe(ret, model, head, &options->simulate);
    for (size_t i = 0; rc == LTD_OK && i < n; i++) {
        ltd_answer a = ltd_answers_at(answers, i);
        ltd_simulated *sum = find_task(ret, a.task);
        if (!sum) rc = ltd_fail(err, LTD_EINVAL, "head report: more than %d tasks", LTD_HEAD_TASKS);
        if (rc == LTD_OK)
            rc = ltd_watch_tell(&options->watch, (double)i / (double)n, "draft head", err);
        if (rc == LTD_OK) rc = ltd_features_compute_f32(j.maker, a.token, a.n, j.features, err);
        if (rc == LTD_OK)
            rc = ltd_simulator_text(j.simulator, a.token, a.n, a.answer, j.features, sum, err);
    }
    close_job(&j);
    return rc;
}

double ltd_head_report_mean(const ltd_head_report *r, ltd_simulated_figure figure, int32_t i)
{
    double sum = 0;
    int32_t n = 0;
    for (int32_t t = 0; t < r->n_tasks; t++) {
        double v = figure(&r->task[t].sum, i);
        if (isnan(v)) continue;
        sum += v;
        n++;
    }
    return n ? sum / n : NAN;
}

double ltd_head_report_figure(const ltd_head_report *r, const ltd_head_task *t,
                              ltd_simulated_figure figure, int32_t i)
{
    return t ? figure(&t->sum, i) : ltd_head_report_mean(r, figure, i);
}

/* --- telling: a row is a task, or, with NULL, the mean --- */

static const ltd_head_task *row(const ltd_head_report *r, int32_t i)
{
    return i < r->n_tasks ? &r->task[i] : NULL;
}

static void put(ltd_str *out, int width, int digits, double v)
{
    if (isnan(v))
        ltd_str_printf(out, "%*s", width, "-");
    else
        ltd_str_printf(out, "%*.*f", width, digits, v);
}

static void put_acceptance(const ltd_head_report *r, const ltd_head_task *t, ltd_str *out)
{
    int32_t depths = r->chain < SHOWN_DEPTHS ? r->chain : SHOWN_DEPTHS;
    ltd_str_printf(out, "  %-12.12s", t ? t->task : "mean");
    if (t)
        ltd_str_printf(out, "%6d %9d", (int)t->sum.texts, (int)t->sum.positions);
    else
        ltd_str_printf(out, "%16s", "");
    put(out, 9, 3, ltd_head_report_figure(r, t, ltd_simulated_covered, 0));
    put(out, 8, 3, ltd_head_report_figure(r, t, ltd_simulated_covered, 1));
    ltd_str_puts(out, "  ");
    for (int32_t d = 1; d <= depths; d++)
        put(out, 6, 3, ltd_head_report_figure(r, t, ltd_simulated_right, d));
    ltd_str_puts(out, "\n");
}

static void put_lengths(const ltd_head_report *r, const ltd_head_task *t, ltd_str *out)
{
    int32_t chains = r->chain < SHOWN_CHAINS ? r->chain : SHOWN_CHAINS;
    ltd_str_printf(out, "  %-12.12s", t ? t->task : "mean");
    for (int32_t d = 1; d <= chains; d++)
        put(out, 5, 2, ltd_head_report_figure(r, t, ltd_simulated_chain_len, d));
    ltd_str_puts(out, " ");
    for (int32_t i = 0; i < r->n_trees; i++)
        put(out, 7, 2, ltd_head_report_figure(r, t, ltd_simulated_tree_len, i));
    ltd_str_puts(out, "\n");
}

void ltd_head_report_table(const ltd_head_report *r, ltd_str *out)
{
    int32_t depths = r->chain < SHOWN_DEPTHS ? r->chain : SHOWN_DEPTHS;
    int32_t chains = r->chain < SHOWN_CHAINS ? r->chain : SHOWN_CHAINS;
    ltd_str_printf(out,
                   "next tokens in the head's vocabulary (%d of %d), or in the text before them "
                   "(%s);\ndrafted tokens that are right where all before them are, by depth\n",
                   r->draft_vocab, r->vocab, r->extended ? "drafted too" : "not drafted");
    ltd_str_printf(out, "  %-12s%6s %9s%9s%8s  ", "task", "texts", "positions", "in head",
                   "or text");
    for (int32_t d = 1; d <= depths; d++) ltd_str_printf(out, "%6d", d);
    ltd_str_puts(out, "\n");
    for (int32_t i = 0; i <= r->n_tasks; i++) put_acceptance(r, row(r, i), out);
    ltd_str_printf(out,
                   "\naccepted length, bonus token included: chains by forwards; trees (top_k %d) "
                   "by forwards/nodes\n",
                   r->top_k);
    ltd_str_printf(out, "  %-12s", "task");
    for (int32_t d = 1; d <= chains; d++) ltd_str_printf(out, "%5d", d);
    ltd_str_puts(out, " ");
    for (int32_t i = 0; i < r->n_trees; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d/%d", r->tree[i].forwards, r->tree[i].size);
        ltd_str_printf(out, "%7s", name);
    }
    ltd_str_puts(out, "\n");
    for (int32_t i = 0; i <= r->n_tasks; i++) put_lengths(r, row(r, i), out);
}

static void put_figures(const ltd_head_report *r, const ltd_head_task *t, ltd_json_writer *w)
{
    ltd_json_put_f64(w, "covered", ltd_head_report_figure(r, t, ltd_simulated_covered, 0));
    ltd_json_put_f64(w, "covered_seen", ltd_head_report_figure(r, t, ltd_simulated_covered, 1));
    ltd_json_begin_inline_array(w, "right");
    for (int32_t d = 1; d <= r->chain; d++)
        ltd_json_put_f64(w, NULL, ltd_head_report_figure(r, t, ltd_simulated_right, d));
    ltd_json_end_array(w);
    ltd_json_begin_inline_array(w, "chain_len");
    for (int32_t d = 1; d <= r->chain; d++)
        ltd_json_put_f64(w, NULL, ltd_head_report_figure(r, t, ltd_simulated_chain_len, d));
    ltd_json_end_array(w);
    ltd_json_begin_inline_array(w, "tree_len");
    for (int32_t i = 0; i < r->n_trees; i++)
        ltd_json_put_f64(w, NULL, ltd_head_report_figure(r, t, ltd_simulated_tree_len, i));
    ltd_json_end_array(w);
}

void ltd_head_report_json(const ltd_head_report *r, ltd_json_writer *w, const char *key)
{
    ltd_json_begin_object(w, key);
    ltd_json_put_string(w, "head_sha256", r->head_hash);
    ltd_json_put_string(w, "model_sha256", r->model_hash);
    ltd_json_put_int(w, "draft_vocab", r->draft_vocab);
    ltd_json_put_bool(w, "extended", r->extended);
    ltd_json_put_int(w, "top_k", r->top_k);
    ltd_json_begin_array(w, "trees");
    for (int32_t i = 0; i < r->n_trees; i++) {
        ltd_json_begin_inline_object(w, NULL);
        ltd_json_put_int(w, "forwards", r->tree[i].forwards);
        ltd_json_put_int(w, "size", r->tree[i].size);
        ltd_json_end_object(w);
    }
    ltd_json_end_array(w);
    ltd_json_begin_array(w, "tasks");
    for (int32_t i = 0; i < r->n_tasks; i++) {
        const ltd_head_task *t = &r->task[i];
        ltd_json_begin_object(w, NULL);
        ltd_json_put_string(w, "task", t->task);
        ltd_json_put_int(w, "texts", t->sum.texts);
        ltd_json_put_int(w, "positions", t->sum.positions);
        put_figures(r, t, w);
        ltd_json_end_object(w);
    }
    ltd_json_end_array(w);
    ltd_json_begin_object(w, "mean");
    put_figures(r, NULL, w);
    ltd_json_end_object(w);
    ltd_json_end_object(w);
}
