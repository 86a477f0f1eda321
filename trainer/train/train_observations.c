/* What the policies met lately, spread over all that they met: an export is compared on it. */
#include <stdlib.h>

#include "base/mem.h"
#include "trainer/train/train_priv.h"

static int keep(ltd_observations *met, ltd_turn turn, const ltd_rollout *r, ltd_err *err)
{
    int64_t all = ltd_rollout_size(r), n = all < LTD_OBSERVATIONS ? all : LTD_OBSERVATIONS;
    int32_t *index = ltd_mem_zeros((size_t)all, sizeof *index);
    if (!index) return ltd_fail(err, LTD_ENOMEM, "train: no memory");
    ltd_rollout_indices(r, index);
    for (int64_t i = 0; i < n; i++)
        ltd_observations_push(met, turn,
                              r->obs + (size_t)index[i * all / n] * (size_t)r->opt.obs_dim);
    free(index);
    return LTD_OK;
}

int ltd_train_keep_rollouts(ltd_trainer *t, ltd_err *err)
{
    int rc = keep(&t->met, LTD_TURN_DEPTH, t->depth->rollout, err);
    return rc == LTD_OK ? keep(&t->met, LTD_TURN_SIZE, t->size->rollout, err) : rc;
}

/* Each after another number of forwards. */
void ltd_train_keep_positions(ltd_trainer *t)
{
    const ltd_positions *p = t->records.train;
    int64_t all = ltd_positions_total(p), n = all < LTD_OBSERVATIONS ? all : LTD_OBSERVATIONS;
    int32_t views = ltd_positions_get_options(p)->max_forwards + 1;
    for (int64_t i = 0; i < n; i++) {
        const float *obs = ltd_positions_at(p, i * all / n, (int32_t)(i % views)).obs;
        ltd_observations_push(&t->met, LTD_TURN_DEPTH, obs);
        ltd_observations_push(&t->met, LTD_TURN_SIZE, obs);
    }
}
