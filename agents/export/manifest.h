/* The manifest of an exported policy: all of it but the weights, as one JSON object.  Whatever
 * format the weights go into, this text goes with them, so that nothing plays a policy with another
 * observation, table of actions or draft tree than it was trained with.
 *
 *     ltd_str text = LTD_STR_INIT;
 *     ltd_manifest_write(policy, sha256, &text);
 *     ltd_policy *again;                                   without its nets
 *     ltd_manifest_nets nets;
 *     ltd_manifest_read(&again, &nets, text.data, text.len, "policy.safetensors", &err);
 *
 * docs/formats.md lists the members.  Pure functions. */
#ifndef LTD_AGENTS_EXPORT_MANIFEST_H
#define LTD_AGENTS_EXPORT_MANIFEST_H

#include <stddef.h>

#include "agents/policy.h"
#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_MANIFEST_VERSION = 1 };

/* Under this name it stands where a format has named texts. */
#define LTD_MANIFEST_KEY "ltd.policy"

/* Append the manifest of a policy whose weights have this digest (bundle.h). */
void ltd_manifest_write(const ltd_policy *policy, const char *weights_sha256, ltd_str *out);

/* The nets that a policy may have. */
typedef enum ltd_net {
    LTD_NET_DEPTH,
    LTD_NET_DEPTH_CRITIC,
    LTD_NET_SIZE,
    LTD_NET_SIZE_CRITIC,
    LTD_NETS
} ltd_net;

typedef struct ltd_net_shape {
    int32_t n_layers; /* 0: there is no such net */
    int32_t dims[LTD_MLP_MAX_LAYERS + 1];
    ltd_activation activation;
} ltd_net_shape;

/* What it says of the nets: nothing is allocated for them. */
typedef struct ltd_manifest_nets {
    ltd_net_shape shapes[LTD_NETS];
    char weights_sha256[65];
} ltd_manifest_nets;

/* The policy that a manifest describes, its nets NULL, and what they are.  `name` opens messages.
 * LTD_EFORMAT: no manifest, a member that is missing or out of range, a net whose inputs are not
 * its contract's or whose outputs are not its actions; LTD_EUNSUPPORTED: a newer version, a
 * contract that this build doesn't know; LTD_ENOMEM.  *ret owned. */
int ltd_manifest_read(ltd_policy **ret, ltd_manifest_nets *nets, const char *text, size_t n,
                      const char *name, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
