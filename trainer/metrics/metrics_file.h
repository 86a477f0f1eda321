/* A text file of lines that grows by appending and can be cut back to a step: what the CSV and the
 * JSON-lines sink have in common.  Private to trainer/. */
#ifndef LTD_TRAINER_METRICS_FILE_H
#define LTD_TRAINER_METRICS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_metrics_file {
    char *path;
    int fd; /* -1 = none */
} ltd_metrics_file;

/* The step of a line; false when it is no row. */
typedef bool (*ltd_metrics_step_of)(const char *line, int64_t *ret);

/* Open `path` for appending.  resume_step < 0 empties it.  Otherwise its whole lines are kept as
 * far as their steps are at most resume_step: *kept (borrowed builder) receives them; `header` says
 * that the first line is no row.  *ret zeroed with fd -1 on failure. */
int ltd_metrics_file_open(ltd_metrics_file *ret, const char *path, int64_t resume_step, bool header,
                          ltd_metrics_step_of step_of, ltd_str *kept, ltd_err *err);
void ltd_metrics_file_close(ltd_metrics_file *file);
/* Append text in one write. */
int ltd_metrics_file_append(ltd_metrics_file *file, const char *text, size_t len, ltd_err *err);
/* Replace the whole content, atomically, and go on appending behind it. */
int ltd_metrics_file_replace(ltd_metrics_file *file, const char *text, size_t len, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
