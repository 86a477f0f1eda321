/* Exported policies as files: which formats there are, and where each lays what.
 *
 *     const ltd_export_format *f = ltd_export_find("onnx");
 *     ltd_export_save(f, policy, NULL, "runs/a/export", &err);     depth.onnx, size.onnx there
 *     ltd_policy *again;
 *     if (ltd_export_is_at("runs/a/export/depth.onnx"))
 *         ltd_export_load(&again, "runs/a/export/depth.onnx", &err);
 *
 * A policy of two nets may take two files; both carry the whole manifest, and naming either, or
 * their folder, means both.
 * Thread rule: one thread. */
#ifndef LTD_AGENTS_EXPORT_EXPORT_H
#define LTD_AGENTS_EXPORT_EXPORT_H

#include <stdbool.h>

#include "agents/export/bundle.h"
#include "agents/policy.h"
#include "base/status.h"
#include "env/cost.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_EXPORT_FILES = 2, LTD_EXPORT_PATH = 4096 };

/* What the C header takes besides the policy; borrowed. */
typedef struct ltd_export_with {
    const ltd_cost *cost; /* of the machine it will play on */
    int32_t max_chain;    /* longest continuation of prompt lookup */
} ltd_export_with;

typedef struct ltd_export_format {
    const char *name; /* "onnx" */
    const char *what; /* a few words for people */
    /* In a folder; one file for all (the second NULL), or one for depth and one for size. */
    const char *files[LTD_EXPORT_FILES];
    bool needs_cost; /* ltd_export_with.cost must be there */
    /* turn: "depth.", "size.", of a single file "".  *io NULL: nothing was read yet. */
    int (*write)(const ltd_bundle *b, const char *turn, const char *path, ltd_err *err);
    int (*read)(ltd_bundle **io, const char *turn, const void *data, size_t n, const char *name,
                ltd_err *err);
    /* In place of write, where it is NULL. */
    int (*write_whole)(const ltd_policy *policy, const ltd_export_with *with, const char *path,
                       ltd_err *err);
} ltd_export_format;

/* NULL outside. */
const ltd_export_format *ltd_export_format_at(int i);
/* NULL: there is none of that name. */
const ltd_export_format *ltd_export_find(const char *name);

/* Files that a policy takes: paths[LTD_EXPORT_FILES] of LTD_EXPORT_PATH, "" for a turn without a
 * net. `out` is a folder; of a format with a single file also that file, when it ends as the
 * format's does (.safetensors).  LTD_EINVAL: too long. */
int ltd_export_paths(char paths[LTD_EXPORT_FILES][LTD_EXPORT_PATH], const ltd_export_format *format,
                     const ltd_policy *policy, const char *out, ltd_err *err);
/* Write them, each atomically; folders are made.  A file of a turn that the policy has no net for
 * is removed, should one be there.  with: NULL where the format needs no cost table.  LTD_EINVAL:
 * it does; what ltd_bundle_from_policy() and the formats return. */
int ltd_export_save(const ltd_export_format *format, const ltd_policy *policy,
                    const ltd_export_with *with, const char *out, ltd_err *err);

/* The format of the export at `path`: one of its files, or a folder with some (of several formats:
 * the first of the list).  NULL: none. */
const ltd_export_format *ltd_export_is_at(const char *path);
/* LTD_EINVAL: no export; LTD_EIO; what the formats and ltd_bundle_to_policy() return.  *ret owned.
 */
int ltd_export_load(ltd_policy **ret, const char *path, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
