#include "trainer/checkpoint/observations.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const names[2] = {"sample/depth", "sample/size"};

int ltd_observations_init(ltd_observations *ret, int32_t depth_dim, int32_t size_dim, ltd_err *err)
{
    *ret = (ltd_observations){{{.dim = depth_dim}, {.dim = size_dim}}};
    for (int i = 0; i < 2; i++) {
        struct ltd_observed *t = &ret->turn[i];
        t->rows = ltd_mem_zeros(LTD_OBSERVATIONS, (size_t)t->dim * sizeof *t->rows);
        if (t->rows) continue;
        ltd_observations_fini(ret);
        return ltd_fail(err, LTD_ENOMEM, "observations: no memory");
    }
    return LTD_OK;
}

void ltd_observations_fini(ltd_observations *o)
{
    free(o->turn[0].rows);
    free(o->turn[1].rows);
    *o = (ltd_observations){0};
}

const struct ltd_observed *ltd_observations_of(const ltd_observations *o, ltd_turn turn)
{
    return &o->turn[turn - LTD_TURN_DEPTH];
}

void ltd_observations_push(ltd_observations *o, ltd_turn turn, const float *obs)
{
    struct ltd_observed *t = &o->turn[turn - LTD_TURN_DEPTH];
    memcpy(t->rows + (size_t)t->next * (size_t)t->dim, obs, (size_t)t->dim * sizeof *obs);
    t->next = (t->next + 1) % LTD_OBSERVATIONS;
    if (t->n < LTD_OBSERVATIONS) t->n++;
}

void ltd_observations_put(const ltd_observations *o, ltd_checkpoint_writer *w)
{
    const int64_t next[2] = {o->turn[0].next, o->turn[1].next};
    ltd_checkpoint_put_i64(w, "sample/next", next, 2);
    ltd_checkpoint_compress(w);
    for (int i = 0; i < 2; i++) {
        const int64_t dims[2] = {o->turn[i].n, o->turn[i].dim};
        ltd_checkpoint_put_f32(w, names[i], o->turn[i].rows, dims, 2);
    }
}

int ltd_observations_get(ltd_observations *o, const ltd_checkpoint *c, ltd_err *err)
{
    int64_t next[2];
    for (int i = 0; i < 2; i++) o->turn[i].n = o->turn[i].next = 0;
    if (!ltd_checkpoint_find(c, "sample/next")) return LTD_OK;
    int rc = ltd_checkpoint_get_i64(c, "sample/next", next, 2, err);
    for (int i = 0; rc == LTD_OK && i < 2; i++) {
        struct ltd_observed *t = &o->turn[i];
        const ltd_checkpoint_entry *e = ltd_checkpoint_find(c, names[i]);
        int64_t n = e && e->n_dims == 2 ? e->dims[0] : -1;
        if (n < 0 || n > LTD_OBSERVATIONS || next[i] < 0 ||
            next[i] != (n < LTD_OBSERVATIONS ? n : next[i] % LTD_OBSERVATIONS))
            return ltd_fail(err, LTD_EFORMAT,
                            "%s: %lld observations, the next one at %lld: expected %d at most",
                            names[i], (long long)n, (long long)next[i], LTD_OBSERVATIONS);
        const int64_t dims[2] = {n, t->dim};
        rc = ltd_checkpoint_get_f32(c, names[i], t->rows, dims, 2, err);
        if (rc < 0) return rc;
        t->n = (int32_t)n;
        t->next = (int32_t)next[i];
    }
    return rc;
}
