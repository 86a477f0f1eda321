/* Where survival curves come from and lie: counted over the records of the training prompts, kept
 * beside the calibrations, or shipped in a draft head's folder.
 *
 *     ltd_survival survival;
 *     ltd_survival_of_records(&trace, &cycle_options, &survival, &err);
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_SURVIVAL_RUN_H
#define LTD_TRAINER_SURVIVAL_RUN_H

#include "env/trace.h"
#include "trainer/config/setup.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Count every node the head drafts and every chain that lookup finds at all positions of the
 * recorded ones of `prompts`.  LTD_EINVAL: none is recorded; LTD_ENOMEM. */
int ltd_survival_of_records(const ltd_setup *s, const ltd_trace *trace, const ltd_prompts *prompts,
                            ltd_survival *ret, ltd_err *err);
/* "survival-<12 hex digits>.json" in run.dir, the digits being a hash of model and head; the file
 * of env.survival where that is set. */
int ltd_survival_path(const ltd_setup *s, char *ret, size_t size, ltd_err *err);
/* Into s->survival: that file; where there is none, the head's own; else NULL.  A file of another
 * model or head is left alone, unless env.survival names it: LTD_EINVAL. */
int ltd_survival_find(ltd_setup *s, ltd_err *err);
/* SHA-256 of s->survival, in hex, by which results tell what they hold for; "none" without.
 * Returns ret. */
char *ltd_survival_hash(const ltd_setup *s, char ret[65]);

#ifdef __cplusplus
}
#endif
#endif
