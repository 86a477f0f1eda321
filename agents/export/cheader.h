/* The format `c`: one C99 header with the weights, the observation encoder and the decisions.
 *
 *     ltd_str text = LTD_STR_INIT;
 *     ltd_export_cheader(bundle, &text, &err);
 *     ltd_bundle *again;
 *     ltd_import_cheader(&again, text.data, text.len, &err);
 *
 * Pure functions. */
#ifndef LTD_AGENTS_EXPORT_CHEADER_H
#define LTD_AGENTS_EXPORT_CHEADER_H

#include "agents/export/bundle.h"
#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Append the header of a bundle.  What ltd_bundle_to_policy() returns. */
int ltd_export_cheader(const ltd_bundle *bundle, ltd_str *ret, ltd_err *err);
/* The bundle that a header of ours holds.  LTD_EFORMAT, LTD_ENOMEM.  *ret owned. */
int ltd_import_cheader(ltd_bundle **ret, const char *text, size_t n, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
