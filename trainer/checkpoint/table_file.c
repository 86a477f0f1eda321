#include "trainer/checkpoint/table_file.h"

#include <stdlib.h>

#include "base/mem.h"

enum { C = LTD_TABLE_CONFIDENCES, M = LTD_TABLE_MATCHES };

typedef int32_t plane[LTD_TABLE_FORWARDS][C][M];

void ltd_table_put(const ltd_table *t, ltd_checkpoint_writer *w)
{
    static const int64_t confidence = C - 1, match = M - 1;
    const int64_t dims[3] = {t->max_forwards + 1, C, M};
    plane go, nodes, cycles;
    for (int32_t n = 0; n <= t->max_forwards; n++)
        for (int32_t c = 0; c < C; c++)
            for (int32_t m = 0; m < M; m++) {
                const ltd_table_class *k = &t->at[n][c][m];
                go[n][c][m] = k->go;
                nodes[n][c][m] = k->nodes;
                cycles[n][c][m] = k->cycles < INT32_MAX ? (int32_t)k->cycles : INT32_MAX;
            }
    ltd_checkpoint_put_f32(w, "policy/table/confidence", t->confidence, &confidence, 1);
    ltd_checkpoint_put_i32(w, "policy/table/match", t->match, &match, 1);
    ltd_checkpoint_put_i32(w, "policy/table/go", go[0][0], dims, 3);
    ltd_checkpoint_put_i32(w, "policy/table/nodes", nodes[0][0], dims, 3);
    ltd_checkpoint_put_i32(w, "policy/table/cycles", cycles[0][0], dims, 3);
}

static int read_table(ltd_table *t, const ltd_checkpoint *c, const int64_t *dims, ltd_err *err)
{
    static const int64_t confidence = C - 1, match = M - 1;
    plane go, nodes, cycles;
    ltd_table_init(t, (int32_t)dims[0] - 1);
    int rc =
        ltd_checkpoint_get_f32(c, "policy/table/confidence", t->confidence, &confidence, 1, err);
    if (rc == LTD_OK)
        rc = ltd_checkpoint_get_i32(c, "policy/table/match", t->match, &match, 1, err);
    if (rc == LTD_OK) rc = ltd_checkpoint_get_i32(c, "policy/table/go", go[0][0], dims, 3, err);
    if (rc == LTD_OK)
        rc = ltd_checkpoint_get_i32(c, "policy/table/nodes", nodes[0][0], dims, 3, err);
    if (rc == LTD_OK)
        rc = ltd_checkpoint_get_i32(c, "policy/table/cycles", cycles[0][0], dims, 3, err);
    for (int32_t i = 0; rc == LTD_OK && i < (int32_t)dims[0] * C * M; i++) {
        int32_t g = (&go[0][0][0])[i], v = (&nodes[0][0][0])[i], k = (&cycles[0][0][0])[i];
        if (g != 0 && g != 1)
            rc = ltd_fail(err, LTD_EFORMAT, "policy/table/go: entry %d is %d, expected 0 or 1", i,
                          g);
        (&t->at[0][0][0])[i] = (ltd_table_class){g == 1, v, k};
    }
    if (rc == LTD_OK) rc = ltd_table_check(t, err);
    return rc < 0 ? ltd_err_prefix(err, rc, "policy/table") : LTD_OK;
}

int ltd_table_get(ltd_table **ret, const ltd_checkpoint *c, ltd_err *err)
{
    *ret = NULL;
    const ltd_checkpoint_entry *e = ltd_checkpoint_find(c, "policy/table/go");
    if (!e) return LTD_OK;
    if (e->n_dims != 3 || e->dims[0] < 1 || e->dims[0] > LTD_TABLE_FORWARDS)
        return ltd_fail(err, LTD_EFORMAT,
                        "policy/table/go: expected 3 dimensions, the first of 1 to %d",
                        LTD_TABLE_FORWARDS);
    const int64_t dims[3] = {e->dims[0], C, M};
    ltd_table *t = ltd_mem_zeros(1, sizeof *t);
    if (!t) return ltd_fail(err, LTD_ENOMEM, "table: no memory");
    int rc = read_table(t, c, dims, err);
    if (rc < 0) {
        free(t);
        return rc;
    }
    *ret = t;
    return LTD_OK;
}
