/* The format `torch`: what torch.save writes for the state dict of a Stable-Baselines3
 * ActorCriticPolicy (MlpPolicy, Discrete actions), a file for each turn, `policy.pth`.  The
 * manifest is a further entry of the zip, which torch.load passes over.
 *
 *     ltd_export_torch(bundle, "depth.", "depth/policy.pth", &err);
 *     ltd_bundle *again = NULL;
 *     ltd_import_torch(&again, "depth.", data, size, "depth/policy.pth", &err);
 *
 * Such a policy always has a critic.  Where the bundle has none, value_net is a single layer of
 * zeros (net_arch with vf=[]), which reading passes over.
 * Thread rule: one thread. */
#ifndef LTD_AGENTS_EXPORT_TORCH_H
#define LTD_AGENTS_EXPORT_TORCH_H

#include "agents/export/bundle.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The nets of one turn, "depth." or "size.", written atomically.  LTD_EINVAL: it has none there;
 * LTD_EIO, LTD_ENOMEM. */
int ltd_export_torch(const ltd_bundle *bundle, const char *turn, const char *path, ltd_err *err);
/* Add what a file holds to *io; NULL there: a new bundle, owned.  LTD_EFORMAT: damaged, without a
 * manifest or with another than *io has; LTD_EUNSUPPORTED, LTD_ENOMEM.  On failure *io is as it was
 * or has some of the tensors. */
int ltd_import_torch(ltd_bundle **io, const char *turn, const void *data, size_t n,
                     const char *name, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
