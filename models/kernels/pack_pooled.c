/* Packing by all threads of a pool: a model of billions of weights is then loaded in half the time
 * on two.  Rows are the tasks: each writes its own lanes of a tile. */
#include <stdatomic.h>

#include "models/kernels/pack.h"
#include "models/kernels/pool.h"

enum { ROWS = 64 }; /* of a task */

typedef struct job {
    ltd_packed *w;
    int32_t row0;
    const ltd_tensor_view *view;
    const int32_t *order;
    size_t row_bytes;   /* of the view */
    _Atomic int failed; /* a status, that of a row before no memory */
} job;

/* Rows from `first` on as a view of their own; `order` leads into the whole one. */
static void pack_some(void *ctx, int32_t task, int32_t thread)
{
    (void)thread;
    job *j = ctx;
    int64_t first = (int64_t)task * ROWS, left = j->view->dims[0] - first;
    ltd_tensor_view some = *j->view;
    some.dims[0] = left < ROWS ? left : ROWS;
    if (!j->order) some.data = (const uint8_t *)some.data + (size_t)first * j->row_bytes;
    int rc = ltd_pack_rows(j->w, j->row0 + (int32_t)first, &some,
                           j->order ? j->order + first : NULL, NULL);
    int none = LTD_OK;
    if (rc == LTD_ENOMEM)
        atomic_compare_exchange_strong(&j->failed, &none, rc);
    else if (rc < 0)
        atomic_store(&j->failed, rc);
}

int ltd_pack_rows_pooled(ltd_pool *pool, ltd_packed *w, int32_t row0, const ltd_tensor_view *view,
                         const int32_t *order, ltd_err *err)
{
    int64_t rows = view->n_dims == 2 ? view->dims[0] : 0, tasks = (rows + ROWS - 1) / ROWS;
    bool fits = row0 >= 0 && rows <= w->out - row0 && view->dims[1] == w->in;
    int32_t block = ltd_dtype_block(view->dtype);
    if (!fits || !block || tasks < 2 || tasks > LTD_POOL_MAX_TASKS)
        return ltd_pack_rows(w, row0, view, order, err);
    job j = {w, row0, view, order, 0, LTD_OK};
    j.row_bytes = (size_t)(w->in / block) * ltd_dtype_block_bytes(view->dtype);
    ltd_pool_run(pool, pack_some, &j, (int32_t)tasks);
    if (j.failed == LTD_ENOMEM)
        return ltd_fail(err, LTD_ENOMEM, "tensor %s: no memory to pack it", view->name);
    /* Once more in order, for the message of the first row that is wrong. */
    return j.failed ? ltd_pack_rows(w, row0, view, order, err) : LTD_OK;
}
