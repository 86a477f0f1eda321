/* Answers of a bench in the form of EAGLE's evaluation: one file for each task and row, a question
 * a line (docs/formats.md), so that its speed.py reads them.
 *
 *     ltd_answer_log *answers;
 *     ltd_answer_log_new(&answers, tokenizer, 0, &err);
 *     options.heard = ltd_answer_log_add, options.heard_ctx = answers;
 *     ltd_bench_run(&s, &options, &bench, &err);
 *     ltd_answer_log_write(answers, "answers", &err);    answers/gsm8k/eagle3-temperature-0.0.jsonl
 *     ltd_answer_log_free(answers);
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_ANSWER_FILE_H
#define LTD_TRAINER_ANSWER_FILE_H

#include "models/text/tokenizer.h"
#include "trainer/bench/bench.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_answer_log ltd_answer_log;

/* The tokenizer is borrowed; all answers are of this temperature.  LTD_ENOMEM.  *ret owned. */
int ltd_answer_log_new(ltd_answer_log **ret, const ltd_tokenizer *tokenizer, double temperature,
                       ltd_err *err);
void ltd_answer_log_free(ltd_answer_log *a);
/* Keep one: `answers` is an ltd_answer_log, so that this may be ltd_bench_options.heard.
 * Repetitions of a prompt become its choices.  LTD_ENOMEM. */
int ltd_answer_log_add(void *answers, const ltd_bench_answer *answer, ltd_err *err);
/* Write what was kept below `folder`, which is made.  LTD_EIO, LTD_ENOMEM. */
int ltd_answer_log_write(const ltd_answer_log *a, const char *folder, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
