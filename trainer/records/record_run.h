/* Recording as a job: files of prompts into the folder of records that belongs to this model and
 * head.  What is there is not recorded again, so a recording may be stopped anywhere, and more
 * prompts may be added later.
 *
 *     ltd_record_run(&s, &files, &watch, &trace, &done, &err);
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_RECORD_RUN_H
#define LTD_TRAINER_RECORD_RUN_H

#include "trainer/bench/run_prompt.h"
#include "trainer/config/setup.h"
#include "trainer/records/record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_recorded {
    int32_t texts, fresh; /* in the folder; of them written now */
    int64_t positions, fresh_positions;
    double seconds;
    uint64_t bytes; /* of all parts */
} ltd_recorded;

/* Folder of the records of this model, head and widths; trace.dir where that is set. */
int ltd_record_folder(const ltd_setup *s, char *ret, size_t size, ltd_err *err);
/* All records of the folder into *trace.  LTD_EIO when there are none: the message says to run
 * `ltd record`. */
int ltd_record_load(const ltd_setup *s, ltd_trace *trace, ltd_err *err);
/* Record the prompts of files that are not there yet; *trace receives all.  LTD_ECANCELED: the
 * watcher wants no more; what was recorded is kept. */
int ltd_record_run(const ltd_setup *s, const ltd_strings *files, const ltd_watch *watch,
                   ltd_trace *trace, ltd_recorded *ret, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
