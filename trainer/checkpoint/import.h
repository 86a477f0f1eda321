/* Policies that Stable-Baselines3 trained, as checkpoints of ours: one zip, or one of each kind.
 *
 *     const char *paths[] = {"depth.zip", "size.zip"};
 *     ltd_import_options opt = {.paths = paths, .n_paths = 2};
 *     ltd_import in;
 *     if (ltd_import_sb3(&in, &config, &opt, &err) < 0) ...
 *     rc = ltd_import_bind(&in, &setup, &err);
 *     if (rc == LTD_OK) rc = ltd_import_save(&in, "depth.h5", &err);
 *     ltd_import_fini(&in);
 *
 * Which policy a zip holds follows from the shape of its actor:
 *
 *     128 -> 2             depth, paper/depth/128
 *     1268 -> 12, 24       size, paper/size/1268: 20, 40, .. 240 or 10, 20, .. 240 nodes
 *     56 -> 2              depth, ltd/depth/v2
 *     56 -> n              size, ltd/size/v2: the n entries of env.sizes
 *
 * Policies of the paper play in the paper's space: beam of 10, 2 to 13 forwards, no prompt lookup.
 * Those over ltd contracts play in the configuration's.
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_IMPORT_H
#define LTD_TRAINER_IMPORT_H

#include <stdint.h>

#include "agents/policy.h"
#include "base/status.h"
#include "base/str.h"
#include "trainer/config/config.h"
#include "trainer/config/setup.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Entry (text) of an imported checkpoint: where it comes from.  Training can't go on from one that
 * has it: no optimizer, no counters, no streams. */
#define LTD_IMPORT_ENTRY "run/imported"

/* What is written for run/machine: the zip doesn't tell. */
#define LTD_IMPORT_MACHINE "an unknown machine (imported)"

typedef struct ltd_import_options {
    const char *const *paths;                   /* borrowed */
    int32_t n_paths;                            /* 1 or 2 */
    const ltd_activation *activation;           /* for zips that leave it open; NULL: not told */
    const int32_t *fixed_forwards, *fixed_size; /* where a policy is missing; NULL: EAGLE-3's, as
                                                   far as the space has them */
} ltd_import_options;

typedef struct ltd_import {
    ltd_policy *policy; /* owned, with the critics that the zips have */
    ltd_str from;       /* the text of LTD_IMPORT_ENTRY */
    ltd_str report;     /* what was taken and why, a line each, for people */
} ltd_import;

/* Read the zips.  LTD_EINVAL: a shape that fits no contract, two zips of one kind or of two
 * families, a fixed part outside of the space; what ltd_sb3_open() and ltd_sb3_nets_read() return.
 * `ret` is zeroed on failure. */
int ltd_import_sb3(ltd_import *ret, const ltd_config *config, const ltd_import_options *options,
                   ltd_err *err);
void ltd_import_fini(ltd_import *in);

/* Say that it plays with this model and head.  LTD_EINVAL: it needs a head and there is none;
 * LTD_ENOMEM. */
int ltd_import_bind(ltd_import *in, const ltd_setup *setup, ltd_err *err);

/* Write the checkpoint; folders are made.  LTD_EINVAL: there is a file already. */
int ltd_import_save(const ltd_import *in, const char *path, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
