#include "trainer/bench/answer_file.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

/* A prompt under a row. */
typedef struct question {
    char row[32], task[64];
    int32_t prompt;
    int64_t id;
    double stamp;
    ltd_str choices; /* objects, separated */
} question;

struct ltd_answer_log {
    const ltd_tokenizer *tokenizer;
    char temperature[32]; /* "0.0", as EAGLE's scripts put it into names */
    question *list;       /* [n], prompts of a row in order */
    size_t n, room;
};

int ltd_answer_log_new(ltd_answer_log **ret, const ltd_tokenizer *tokenizer, double temperature,
                       ltd_err *err)
{
    ltd_answer_log *a = *ret = ltd_mem_zeros(1, sizeof *a);
    if (!a) return ltd_fail(err, LTD_ENOMEM, "answers: no memory");
    a->tokenizer = tokenizer;
    snprintf(a->temperature, sizeof a->temperature, "%g", temperature);
    if (!strpbrk(a->temperature, ".e")) strcat(a->temperature, ".0");
    return LTD_OK;
}

void ltd_answer_log_free(ltd_answer_log *a)
{
    if (!a) return;
    for (size_t i = 0; i < a->n; i++) ltd_str_fini(&a->list[i].choices);
    free(a->list);
    free(a);
}

/* --- keeping --- */

static question *place(ltd_answer_log *a, const ltd_bench_answer *answer)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->list[i].prompt == answer->prompt_number && strcmp(a->list[i].row, answer->row) == 0)
            return &a->list[i];
    void *list = a->list;
    bool fits = ltd_mem_reserve(&list, &a->room, a->n + 1, sizeof *a->list);
    a->list = list;
    if (!fits) return NULL;
    question *q = &a->list[a->n++];
    *q = (question){.prompt = answer->prompt_number, .id = answer->prompt->question_id};
    snprintf(q->row, sizeof q->row, "%s", answer->row);
    snprintf(q->task, sizeof q->task, "%.63s", answer->prompt->task);
    return q;
}

/* Without its end token, and without white space around it. */
static void put_text(ltd_json_writer *w, const ltd_tokenizer *tok, const ltd_tokens *answer)
{
    ltd_str text = LTD_STR_INIT;
    size_t n = 0;
    while (n < answer->n && !ltd_tokenizer_is_end(tok, answer->ids[n])) n++;
    ltd_tokenizer_decode_text(tok, answer->ids, n, false, &text);
    const char *at = ltd_str_text(&text), *end = at + text.len;
    while (at < end && isspace((unsigned char)*at)) at++;
    while (at < end && isspace((unsigned char)end[-1])) end--;
    ltd_json_begin_inline_array(w, "turns");
    ltd_json_put_text(w, NULL, at, (size_t)(end - at));
    ltd_json_end_array(w);
    w->out->failed = w->out->failed || text.failed;
    ltd_str_fini(&text);
}

static void put_int_of_turn(ltd_json_writer *w, const char *key, int64_t v)
{
    ltd_json_begin_array(w, key);
    ltd_json_put_int(w, NULL, v);
    ltd_json_end_array(w);
}

static void put_time_of_turn(ltd_json_writer *w, const char *key, double v)
{
    ltd_json_begin_array(w, key);
    ltd_json_put_f64(w, NULL, v);
    ltd_json_end_array(w);
}

/* Accepted lengths of the cycles; which cycle had which is not kept, so they ascend. */
static void put_accepted(ltd_json_writer *w, const uint32_t *hist)
{
    ltd_json_begin_array(w, "pre_num");
    for (int len = 0; len < LTD_RUN_ACCEPT; len++)
        for (uint32_t i = 0; i < hist[len]; i++) ltd_json_put_int(w, NULL, len);
    ltd_json_end_array(w);
}

int ltd_answer_log_add(void *answers, const ltd_bench_answer *answer, ltd_err *err)
{
    ltd_answer_log *a = answers;
    const ltd_run *run = answer->run;
    question *q = place(a, answer);
    if (!q) return ltd_fail(err, LTD_ENOMEM, "answers: no memory");
    q->stamp = (double)time(NULL);
    if (q->choices.len) ltd_str_puts(&q->choices, ", ");
    ltd_json_writer w = ltd_json_writing(&q->choices, 0);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "index", answer->rep);
    put_text(&w, a->tokenizer, answer->text);
    put_int_of_turn(&w, "idxs", run->cycles - 1);
    put_int_of_turn(&w, "new_tokens", run->tokens);
    put_time_of_turn(&w, "wall_time", (double)run->ns * 1e-9);
    put_time_of_turn(&w, "prefill_time", 1e-3 * (run->prefill_target_ms + run->prefill_head_ms));
    put_accepted(&w, run->accept_hist);
    ltd_json_end_object(&w);
    return q->choices.failed ? ltd_fail(err, LTD_ENOMEM, "answers: no memory") : LTD_OK;
}

/* --- writing --- */

static void put_question(const ltd_answer_log *a, const question *q, ltd_str *out)
{
    char key[256], hex[65], model[80];
    snprintf(model, sizeof model, "%s-temperature-%s", q->row, a->temperature);
    snprintf(key, sizeof key, "%s|%s|%lld|%d", model, q->task, (long long)q->id, q->prompt);
    ltd_file_sha256(hex, key, strlen(key));
    hex[22] = 0; /* as long as theirs */
    ltd_str_printf(out, "{\"question_id\": %lld, \"answer_id\": \"%s\", \"model_id\": \"%s\", ",
                   (long long)q->id, hex, model);
    ltd_str_puts(out, "\"choices\": [");
    ltd_str_puts(out, ltd_str_text(&q->choices));
    ltd_str_printf(out, "], \"tstamp\": %.1f}\n", q->stamp);
}

/* A task's name is a folder's, which may be "..". */
static void plain_name(const char *name, char *ret, size_t size)
{
    snprintf(ret, size, "%s", name);
    for (char *c = ret; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_+.", *c)) *c = '_';
    if (ret[0] == '.') ret[0] = '_';
}

static int write_file(const ltd_answer_log *a, size_t first, const char *folder, ltd_err *err)
{
    const question *q = &a->list[first];
    char path[PATH_MAX], task[64];
    ltd_str text = LTD_STR_INIT;
    plain_name(q->task, task, sizeof task);
    int n = snprintf(path, sizeof path, "%s/%s/%s-temperature-%s.jsonl", folder, task, q->row,
                     a->temperature);
    int rc = n < (int)sizeof path ? ltd_file_mkdirs_for(path, err)
                                  : ltd_fail(err, LTD_EINVAL, "answers: the path is too long");
    for (size_t i = first; i < a->n; i++)
        if (strcmp(a->list[i].row, q->row) == 0 && strcmp(a->list[i].task, q->task) == 0)
            put_question(a, &a->list[i], &text);
    if (rc == LTD_OK && text.failed) rc = ltd_fail(err, LTD_ENOMEM, "answers: no memory");
    if (rc == LTD_OK) rc = ltd_file_write(path, ltd_str_text(&text), text.len, err);
    ltd_str_fini(&text);
    return rc;
}

static bool is_first(const ltd_answer_log *a, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(a->list[k].row, a->list[i].row) == 0 &&
            strcmp(a->list[k].task, a->list[i].task) == 0)
            return false;
    return true;
}

int ltd_answer_log_write(const ltd_answer_log *a, const char *folder, ltd_err *err)
{
    int rc = LTD_OK;
    for (size_t i = 0; rc == LTD_OK && i < a->n; i++)
        if (is_first(a, i)) rc = write_file(a, i, folder, err);
    return rc;
}
