/* Observations that a policy met, the latest of each turn: what an export is compared on before it
 * is believed.  Training keeps them in its checkpoints (entries sample/... of docs/formats.md).
 *
 *     ltd_observations met;
 *     ltd_observations_init(&met, 56, 56, &err);
 *     ltd_observations_push(&met, LTD_TURN_SIZE, obs);
 *     ltd_observations_put(&met, writer);
 *     ltd_observations_fini(&met);
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_OBSERVATIONS_H
#define LTD_TRAINER_OBSERVATIONS_H

#include <stdint.h>

#include "base/status.h"
#include "env/ltd_env.h"
#include "trainer/checkpoint/checkpoint.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_OBSERVATIONS = 1000 }; /* kept of a turn */

typedef struct ltd_observations {
    /* by turn - LTD_TURN_DEPTH */
    struct ltd_observed {
        int32_t dim, n; /* floats of each; how many there are */
        int32_t next;   /* where the next one goes, over the oldest when all places are taken */
        float *rows;    /* [LTD_OBSERVATIONS, dim] owned */
    } turn[2];
} ltd_observations;

/* None yet.  LTD_ENOMEM. */
int ltd_observations_init(ltd_observations *ret, int32_t depth_dim, int32_t size_dim, ltd_err *err);
/* A zeroed one is fine. */
void ltd_observations_fini(ltd_observations *o);

const struct ltd_observed *ltd_observations_of(const ltd_observations *o, ltd_turn turn);
/* obs[dim] is copied. */
void ltd_observations_push(ltd_observations *o, ltd_turn turn, const float *obs);

/* Behind all other entries: these are compressed. */
void ltd_observations_put(const ltd_observations *o, ltd_checkpoint_writer *w);
/* As they were put; a checkpoint without them (of earlier versions, imported) leaves none.
 * LTD_EFORMAT. */
int ltd_observations_get(ltd_observations *o, const ltd_checkpoint *c, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
