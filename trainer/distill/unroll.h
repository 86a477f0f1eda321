/* Training-time test (EAGLE-3): from every anchor the head drafts a chain of a few tokens, fed with
 * the text's true tokens and, after the first step, with its own features; each step is to predict
 * what the target predicts there.
 *
 *     ltd_unroll_options o = {.steps = 3, ...};
 *     ltd_unroll(&o, &net, &batch, grad, &stats, &err);       adds to grad
 *
 * At step j an anchor's query sees the keys that step 0 made at its own and all earlier rows, and
 * those that steps 1 .. j made from the same anchor: what it will see when it drafts a chain.
 * Loss of a step: cross entropy to the target's softmax over the batch's vocabulary, and
 * `regression` times the squared distance of the head's last features to the target's, in units of
 * the latter's squared length.
 * Thread rule: any number of threads at once, each with batch and grad of its own. */
#ifndef LTD_TRAINER_DISTILL_UNROLL_H
#define LTD_TRAINER_DISTILL_UNROLL_H

#include <stdbool.h>

#include "base/status.h"
#include "trainer/distill/batch.h"
#include "trainer/distill/head_net.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_UNROLL_MAX = 8 };

typedef struct ltd_unroll_options {
    int32_t steps;      /* [1, LTD_UNROLL_MAX] */
    double step_weight; /* of a step, to the power of its number */
    double regression;
    double temperature; /* of the target's softmax */
    double anchors;     /* the loss is divided by: those of the whole update */
    bool bf16;          /* inputs of the large products */
    bool f64;           /* everything in doubles: for gradients that are checked */
} ltd_unroll_options;

/* Sums over anchors, by step; plain numbers, so that those of several batches add up. */
typedef struct ltd_unroll_stats {
    double anchors[LTD_UNROLL_MAX];
    double kl[LTD_UNROLL_MAX];         /* cross entropy less the target's entropy [nats] */
    double hits[LTD_UNROLL_MAX];       /* most probable token = the target's */
    double regression[LTD_UNROLL_MAX]; /* before its weight */
    double loss;                       /* of which grad is the gradient */
    double flop;                       /* of matrix products, forward and backward */
} ltd_unroll_stats;

/* grad [net->n] NULL: the loss alone.  LTD_ETORCH, LTD_ENOMEM; grad is then undefined. */
int ltd_unroll(const ltd_unroll_options *options, const ltd_head_net *net, const ltd_batch *batch,
               float *grad, ltd_unroll_stats *stats, ltd_err *err);

void ltd_unroll_stats_add(ltd_unroll_stats *to, const ltd_unroll_stats *from);

#ifdef __cplusplus
}
#endif
#endif
