/* Section wiki of the configuration as what the parts of the task take.
 *
 *     ltd_wiki_task task;
 *     ltd_wiki_settings_task(&config, "rr", &task, &err);
 *
 * Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_SETTINGS_H
#define LTD_TRAINER_WIKI_SETTINGS_H

#include <stddef.h>

#include "base/str.h"
#include "trainer/config/config.h"
#include "trainer/wiki/pages/split.h"
#include "trainer/wiki/write/task.h"

#ifdef __cplusplus
extern "C" {
#endif

/* LTD_EINVAL: no such method. */
int ltd_wiki_settings_task(const ltd_config *c, const char *method, ltd_wiki_task *ret,
                           ltd_err *err);
/* The only method; LTD_EINVAL when several are named. */
int ltd_wiki_settings_one_task(const ltd_config *c, ltd_wiki_task *ret, ltd_err *err);
/* Events of the split, the first wiki.events of them, in its order (all: ascending ids).  *ret
 * owned: free(ret->id).  What ltd_wiki_split_of() returns; LTD_EINVAL: an empty split. */
int ltd_wiki_settings_events(const ltd_config *c, ltd_wiki_ids *ret, ltd_err *err);

/* Folders: the data set; prompts that are prepared; articles of one method and decoder.
 * Return ret. */
char *ltd_wiki_root(const ltd_config *c, char *ret, size_t size);
char *ltd_wiki_data(const ltd_config *c, char *ret, size_t size);
char *ltd_wiki_out(const ltd_config *c, char *ret, size_t size);

/* Append what texts follow from, apart from model and decoder: "rr 2k bm25 mixed", for files that
 * must not be mixed. */
void ltd_wiki_task_text(const ltd_wiki_task *task, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
