/* Where the time of a step goes: a copy of the kernel table whose functions note when they begin.
 * Only the thread that opened the watch notes anything, and the time from one kernel's beginning to
 * the next one's belongs to the first: waiting for the other threads counts for the work that is
 * waited for, and the shares add up to the step.
 *
 *     options.kernels = phases_table(ltd_kernels_best());
 *     phases_watch();
 *     ... a step ...
 *     phases_stop(&spent);
 *
 * Outside a watch the table holds the kernels themselves: nothing is slowed. */
#ifndef LTD_TESTS_BENCH_PHASES_H
#define LTD_TESTS_BENCH_PHASES_H

#include <stddef.h>
#include <stdint.h>

#include "models/kernels/kernels.h"

typedef enum phase {
    PHASE_OTHER, /* before the first kernel: tokens to rows */
    PHASE_NORM,
    PHASE_QUANTIZE, /* activations to integers */
    PHASE_LINEAR,
    PHASE_ROPE, /* rotation, and K/V to the cache */
    PHASE_ATTENTION,
    PHASE_SILU,   /* the activation function, and sums into the residual stream */
    PHASE_HEAD,   /* the layer that makes logits */
    PHASE_SAMPLE, /* argmax, top k */
    PHASE_COUNT
} phase;

const char *phase_name(phase p);

typedef struct phases {
    double ms[PHASE_COUNT];
} phases;

/* The one table, over `k`; static storage. */
const ltd_kernels *phases_table(const ltd_kernels *k);
/* Layers with so many outputs are the head. */
void phases_head(int32_t out);

/* Note the time of each kernel from now on, on this thread. */
void phases_watch(void);
void phases_stop(phases *ret);

/* Count the bytes of weights that linear layers read from now on, on all threads. */
void phases_count(void);
size_t phases_counted(void);

#endif
