/* The format `safetensors`: one file, tensors under the bundle's names, the manifest as text
 * `ltd.policy` of its __metadata__.
 *
 *     ltd_export_safetensors(bundle, "policy.safetensors", &err);
 *     ltd_bundle *again;
 *     ltd_import_safetensors(&again, data, size, "policy.safetensors", &err);
 *
 * Thread rule: one thread. */
#ifndef LTD_AGENTS_EXPORT_SAFETENSORS_H
#define LTD_AGENTS_EXPORT_SAFETENSORS_H

#include "agents/export/bundle.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Written atomically.  LTD_EIO, LTD_ENOMEM. */
int ltd_export_safetensors(const ltd_bundle *bundle, const char *path, ltd_err *err);
/* `name` opens messages.  LTD_EFORMAT: damaged, or without a manifest; LTD_ENOMEM.  *ret owned. */
int ltd_import_safetensors(ltd_bundle **ret, const void *data, size_t n, const char *name,
                           ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
