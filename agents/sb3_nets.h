/* Nets of a policy that Stable-Baselines3 saved: PPO, A2C or MaskablePPO with an MlpPolicy over
 * discrete actions.
 *
 *     ltd_sb3_nets nets;
 *     if (ltd_sb3_nets_read(&nets, file, NULL, &err) < 0) ...
 *     ltd_mlp_forward(nets.actor, obs, logits);
 *     ltd_sb3_nets_fini(&nets);
 *
 * Thread rule: as of agents/mlp.h. */
#ifndef LTD_AGENTS_SB3_NETS_H
#define LTD_AGENTS_SB3_NETS_H

#include "agents/mlp.h"
#include "base/status.h"
#include "models/files/sb3.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_sb3_nets {
    ltd_mlp *actor;  /* owned */
    ltd_mlp *critic; /* owned; NULL: the file has none */
    char why[128];   /* why it is this activation, in words */
} ltd_sb3_nets;

/* Take the nets of an open file.
 *   told   the activation, for a file that leaves it open; NULL: not told
 * LTD_EFORMAT: a tensor that is missing, of another shape, or holds what is no number;
 * LTD_EUNSUPPORTED: tensors of another kind of policy, an activation other than Tanh and ReLU;
 * LTD_EINVAL: the activation is open, or told otherwise than the file says; LTD_ENOMEM.
 * `ret` is zeroed on failure. */
int ltd_sb3_nets_read(ltd_sb3_nets *ret, const ltd_sb3 *file, const ltd_activation *told,
                      ltd_err *err);
void ltd_sb3_nets_fini(ltd_sb3_nets *nets);

#ifdef __cplusplus
}
#endif
#endif
