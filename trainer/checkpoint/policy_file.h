/* Policies in checkpoints: what training writes is what evaluation, bench and generation read; and
 * the one way to load a policy from wherever it is, exported ones (agents/export) included.
 * docs/formats.md lists the entries. */
#ifndef LTD_TRAINER_POLICY_FILE_H
#define LTD_TRAINER_POLICY_FILE_H

#include "agents/policy.h"
#include "base/status.h"
#include "trainer/checkpoint/checkpoint.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The checkpoint at `path`: itself, or of a run folder checkpoints/best.h5, else the newest.
 * LTD_EIO: a folder without any. */
int ltd_policy_checkpoint(char *ret, size_t size, const char *path, ltd_err *err);

/* Read nets and contracts from a checkpoint, a run folder, or an exported file or its folder.  One
 * actor may be missing where the file says what is played instead.  LTD_EIO, LTD_EFORMAT,
 * LTD_EUNSUPPORTED.  *ret owned. */
int ltd_policy_load(ltd_policy **ret, const char *path, ltd_err *err);

/* The same from an open checkpoint. */
int ltd_policy_from_checkpoint(ltd_policy **ret, const ltd_checkpoint *c, const char *name,
                               ltd_err *err);

/* Write all that is read from there, for who has no training run behind it.  LTD_EINVAL: neither
 * actor; LTD_ENOMEM; what `w` refuses shows when it is finished. */
int ltd_policy_put(ltd_checkpoint_writer *w, const ltd_policy *policy, ltd_err *err);
/* Parts of ltd_policy_put(): what is played without an actor; survival curves. */
void ltd_policy_put_fixed(ltd_checkpoint_writer *w, int32_t forwards, int32_t size);
void ltd_policy_put_survival(ltd_checkpoint_writer *w, const ltd_survival *survival);

#ifdef __cplusplus
}
#endif
#endif
