/* run.json: what the articles of a folder were made with, so that no other run is mixed into it,
 * and scores know how chunks were cut.
 *
 *     ltd_wiki_made made = {.task = task, .decoder = "ltd", .identity = "model ..."};
 *     ltd_wiki_made_claim(&made, out, &err);
 *     ltd_wiki_made_load(&made, out, &err);
 *
 * Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_RUN_FILE_H
#define LTD_TRAINER_WIKI_RUN_FILE_H

#include "base/status.h"
#include "trainer/wiki/write/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_made {
    ltd_wiki_task task;
    char decoder[64];
    char root[512];      /* of the data */
    char identity[1024]; /* model, head, policy or setting, template, sampling */
} ltd_wiki_made;

/* Make the folder and write out/run.json; one that is there must say the same: LTD_EINVAL. */
int ltd_wiki_made_claim(const ltd_wiki_made *made, const char *out, ltd_err *err);
/* LTD_EIO: no run there; LTD_EFORMAT. */
int ltd_wiki_made_load(ltd_wiki_made *ret, const char *out, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
