/* A policy on its way out or in: a manifest and named f32 tensors, of no file format.  Each format
 * is a writer and a reader of bundles (safetensors.h, onnx.h, torch.h, cheader.h).
 *
 *     ltd_bundle *b;
 *     ltd_bundle_from_policy(&b, policy, &err);
 *     ltd_bundle_find(b, "depth.action_net.weight")->dims[0]          2
 *     ltd_policy *again;
 *     ltd_bundle_to_policy(&again, b, "policy.safetensors", &err);
 *
 * Tensors have Stable-Baselines3's names behind "depth." or "size.", weights [out, in]:
 *
 *     depth.mlp_extractor.policy_net.{0,2,..}.weight, .bias     depth.action_net.weight, .bias
 *     depth.mlp_extractor.value_net.{0,2,..}.weight, .bias      depth.value_net.weight, .bias
 *
 * A policy that goes through a bundle comes out the same, to the bit.
 * Thread rule: a bundle belongs to one thread. */
#ifndef LTD_AGENTS_EXPORT_BUNDLE_H
#define LTD_AGENTS_EXPORT_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agents/policy.h"
#include "base/status.h"
#include "models/files/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a name with its NUL; most tensors: those of 4 nets of LTD_MLP_MAX_LAYERS. */
enum { LTD_BUNDLE_NAME = 64, LTD_BUNDLE_MAX = 64 };

typedef struct ltd_bundle {
    char *manifest;           /* JSON (manifest.h), owned */
    ltd_tensor_view *tensors; /* [n_tensors] F32, row-major; names and data are the bundle's */
    size_t n_tensors, room;   /* n_tensors <= LTD_BUNDLE_MAX */
} ltd_bundle;

/* All of a policy.  LTD_EINVAL: it has no actor, a critic without its actor or with another
 * activation; LTD_ENOMEM.  *ret owned. */
int ltd_bundle_from_policy(ltd_bundle **ret, const ltd_policy *policy, ltd_err *err);

/* Digest of the weights, whatever their order: SHA-256 over a line for each tensor, sorted by name:
 * "depth.action_net.weight 2 64 <SHA-256 of its bytes>\n".  With it in
 * the manifest, weights that were altered or belong to another export are found out. */
void ltd_bundle_digest(const ltd_bundle *b, char hex[65]);

/* The policy in a bundle; `name` (of the file) opens messages.  What ltd_manifest_read() returns;
 * LTD_EFORMAT: a tensor that is missing, of another shape than the manifest says, not in it at all,
 * or holds what is no number; weights of another digest.  *ret owned. */
int ltd_bundle_to_policy(ltd_policy **ret, const ltd_bundle *b, const char *name, ltd_err *err);

/* --- for readers --- */

/* Without tensors; n bytes of manifest are copied, not looked at.  *ret owned. */
int ltd_bundle_new(ltd_bundle **ret, const char *manifest, size_t n, ltd_err *err);
void ltd_bundle_free(ltd_bundle *b);
/* Copy a tensor, under the name prefix + t->name.  LTD_EFORMAT: not F32, more than 2 dimensions,
 * too many, the name is too long or there already; LTD_ENOMEM. */
int ltd_bundle_add(ltd_bundle *b, const char *prefix, const ltd_tensor_view *t, ltd_err *err);

/* NULL when there is none; borrowed. */
const ltd_tensor_view *ltd_bundle_find(const ltd_bundle *b, const char *name);

/* "mlp_extractor.policy_net.0.weight", "action_net.bias", of a critic "...value_net...": `part` of
 * a layer of `layers`.  Returns ret. */
const char *ltd_bundle_layer(char ret[LTD_BUNDLE_NAME], bool critic, int32_t layer, int32_t layers,
                             const char *part);

#ifdef __cplusplus
}
#endif
#endif
