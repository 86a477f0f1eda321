/* Policies in checkpoints: what training writes is what evaluation, bench and generation read. */
#ifndef LTD_TRAINER_POLICY_FILE_H
#define LTD_TRAINER_POLICY_FILE_H

#include "agents/policy.h"
#include "base/status.h"
#include "trainer/checkpoint.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Read the actors and their contract from a checkpoint, or from the best checkpoint of a run folder
 * (checkpoints/best.h5, else the newest).  LTD_EIO, LTD_EFORMAT.  *ret owned. */
int ltd_policy_load(ltd_policy **ret, const char *path, ltd_err *err);

/* The same from an open checkpoint. */
int ltd_policy_from_checkpoint(ltd_policy **ret, const ltd_checkpoint *c, const char *name,
                               ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
