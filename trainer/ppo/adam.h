/* Adam over one flat array of floats (Kingma & Ba 2015, as torch.optim.Adam computes it, without
 * amsgrad; with weight decay, as torch.optim.AdamW does: Loshchilov & Hutter 2019).  The state is
 * plain memory, for checkpoints.
 *
 *     ltd_adam *adam;
 *     if (ltd_adam_new(&adam, n, &(ltd_adam_options)LTD_ADAM_DEFAULTS, &err) < 0) ...
 *     ltd_adam_step(adam, data, grad, 3e-4);
 *
 * Thread rule: one thread.  Bit-equal on every machine: float arithmetic in index order. */
#ifndef LTD_TRAINER_ADAM_H
#define LTD_TRAINER_ADAM_H

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_adam_options {
    double beta1, beta2, eps, weight_decay;
} ltd_adam_options;

/* SB3's and CleanRL's eps for PPO. */
/* clang-format off */
#define LTD_ADAM_DEFAULTS {0.9, 0.999, 1e-5, 0}
/* clang-format on */

typedef struct ltd_adam {
    ltd_adam_options opt;
    int64_t n;
    int64_t step; /* steps taken */
    float *m;     /* [n] mean of gradients */
    float *v;     /* [n] mean of squares */
} ltd_adam;

/* *ret owned, state zero.  LTD_EINVAL, LTD_ENOMEM. */
int ltd_adam_new(ltd_adam **ret, int64_t n, const ltd_adam_options *options, ltd_err *err);
void ltd_adam_free(ltd_adam *adam);

/* One step on data[n] with grad[n]. */
void ltd_adam_step(ltd_adam *adam, float *data, const float *grad, double lr);

/* Scale grad[n] so that its norm is at most max_norm (<= 0: leave it).  Returns the norm before.
 * Source: torch.nn.utils.clip_grad_norm_, with its 1e-6. */
double ltd_adam_clip(float *grad, int64_t n, double max_norm);

#ifdef __cplusplus
}
#endif
#endif
