/* What a draft head is worth on a model's answers: acceptance by depth, accepted length of chains
 * and trees, coverage of its vocabulary; by task, and the mean over tasks.
 *
 *     ltd_head_report r;
 *     ltd_head_report_options o = LTD_HEAD_REPORT_DEFAULTS;
 *     ltd_head_report_make(&r, model, head, answers, &o, &err);
 *     ltd_head_report_table(&r, &text);
 *     ltd_head_report_json(&r, &json, "head");
 *
 * Nothing in it depends on time or on the number of threads.  What the figures mean:
 * trainer/distill/simulate.h.  Thread rule: one thread (the model's pool helps). */
#ifndef LTD_TRAINER_DISTILL_HEAD_REPORT_H
#define LTD_TRAINER_DISTILL_HEAD_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/status.h"
#include "base/str.h"
#include "models/llm/eagle3.h"
#include "trainer/bench/run_prompt.h"
#include "trainer/distill/answers.h"
#include "trainer/distill/simulate.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_HEAD_TASKS = 64 };

typedef struct ltd_head_report_options {
    ltd_simulator_options simulate; /* context is set here */
    bool kv_f16;                    /* of the session that computes features */
    ltd_watch watch;
} ltd_head_report_options;

/* clang-format off */
#define LTD_HEAD_REPORT_DEFAULTS {.simulate = LTD_SIMULATOR_DEFAULTS, .kv_f16 = true}
/* clang-format on */

typedef struct ltd_head_task {
    char task[64];
    ltd_simulated sum;
} ltd_head_task;

typedef struct ltd_head_report {
    char head_hash[65], model_hash[65];
    int32_t draft_vocab, vocab;
    bool extended;                 /* the text's tokens can be drafted too */
    int32_t chain, top_k, n_trees; /* as of ltd_simulator_options */
    ltd_simulated_tree tree[LTD_SIMULATE_TREES];
    int32_t n_tasks;
    ltd_head_task task[LTD_HEAD_TASKS]; /* in the order of their first prompts */
} ltd_head_report;

/* The model runs once over each text, for its features, and the head where cycles are simulated.
 * LTD_EINVAL (more than LTD_HEAD_TASKS tasks; as of ltd_simulator_new), LTD_ENOMEM, LTD_ECANCELED:
 * *ret is then of no use. */
int ltd_head_report_make(ltd_head_report *ret, const ltd_llama *model, const ltd_eagle3 *head,
                         const ltd_answers *answers, const ltd_head_report_options *options,
                         ltd_err *err);

/* Mean over the tasks that have one of figure(sum, i), such as ltd_simulated_right; NaN when no
 * task has. */
typedef double (*ltd_simulated_figure)(const ltd_simulated *r, int32_t i);
double ltd_head_report_mean(const ltd_head_report *r, ltd_simulated_figure figure, int32_t i);

/* Of a task, or, with NULL, that mean. */
double ltd_head_report_figure(const ltd_head_report *r, const ltd_head_task *t,
                              ltd_simulated_figure figure, int32_t i);

/* Append tables for people: 100 columns, as long as there are no more than five trees. */
void ltd_head_report_table(const ltd_head_report *r, ltd_str *out);
/* Write an object; what is not known is null. */
void ltd_head_report_json(const ltd_head_report *r, ltd_json_writer *w, const char *key);

#ifdef __cplusplus
}
#endif
#endif
