/* The format `c`: one C99 header with a policy's weights, and with the environment's own code of
 * the draft tree, the observations and the turns, so that an engine can play the policy without a
 * library.  docs/export.md shows how it is used.
 *
 *     ltd_str text = LTD_STR_INIT;
 *     ltd_cheader_options o = {.name = "my_policy", .cost = cost, .max_chain = 8};
 *     ltd_export_cheader(policy, &o, &text, &err);
 *     ltd_bundle *again;
 *     ltd_import_cheader(&again, text.data, text.len, &err);
 *
 * Pure functions. */
#ifndef LTD_AGENTS_EXPORT_CHEADER_H
#define LTD_AGENTS_EXPORT_CHEADER_H

#include <stddef.h>
#include <stdint.h>

#include "agents/export/bundle.h"
#include "agents/policy.h"
#include "base/status.h"
#include "base/str.h"
#include "env/cost.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_cheader_options {
    const char *name;     /* what its names begin with: a C identifier in small letters */
    const ltd_cost *cost; /* the table that is used unless the engine brings its own */
    int32_t max_chain;    /* longest chain of prompt lookup [0, LTD_TREE_MAX_DEPTH] */
} ltd_cheader_options;

/* Append the header of a policy; critics stay behind.  LTD_EINVAL: a name that is no identifier, no
 * actor, a chain out of range, a number that isn't finite; LTD_ENOMEM. */
int ltd_export_cheader(const ltd_policy *policy, const ltd_cheader_options *options, ltd_str *ret,
                       ltd_err *err);
/* The name that fits a path: "runs/My-Policy.h" -> "my_policy"; "ltd_policy" where nothing is left
 * of it. */
void ltd_cheader_name(char ret[64], const char *path);
/* The bundle that a header of ours holds.  LTD_EFORMAT, LTD_ENOMEM.  *ret owned. */
int ltd_import_cheader(ltd_bundle **ret, const char *text, size_t n, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
