#include "agents/export/turns_priv.h"

#include <string.h>

int ltd_turn_shapes(ltd_net_shape ret[2], const char *manifest, size_t n, const char *turn,
                    const char *name, ltd_err *err)
{
    ltd_policy *p;
    ltd_manifest_nets nets;
    int rc = ltd_manifest_read(&p, &nets, manifest, n, name, err);
    if (rc < 0) return rc;
    ltd_policy_free(p);
    ltd_net actor = strcmp(turn, "depth.") == 0 ? LTD_NET_DEPTH : LTD_NET_SIZE;
    ret[0] = nets.shapes[actor];
    ret[1] = nets.shapes[actor + 1];
    if (ret[0].n_layers) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "%s: the policy has no %.5s net", name, turn);
}

int ltd_turn_begin(ltd_bundle **io, const char *manifest, size_t n, const char *name, ltd_err *err)
{
    if (!*io) return ltd_bundle_new(io, manifest, n, err);
    if (strlen((*io)->manifest) == n && memcmp((*io)->manifest, manifest, n) == 0) return LTD_OK;
    return ltd_fail(
        err, LTD_EFORMAT,
        "%s: its manifest is not that of the other turn's file: they are of two exports", name);
}
