#include "trainer/distill/features.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { ROWS = 64 }; /* of a forward */

struct ltd_features {
    const ltd_llama *model;
    ltd_session *session;
    int32_t context, width;
    int32_t text[ROWS]; /* zeros: the session has one */
    /* Where rows of a forward go; one of the two. */
    uint16_t *halves;
    float *floats;
};

int ltd_features_new(ltd_features **ret, const ltd_llama *model, const int32_t *taps,
                     int32_t n_taps, int32_t context, bool kv_f16, ltd_err *err)
{
    *ret = NULL;
    ltd_features *f = ltd_mem_zeros(1, sizeof *f);
    if (!f) return ltd_fail(err, LTD_ENOMEM, "features: no memory");
    f->model = model;
    f->context = context;
    f->width = n_taps * ltd_llama_config(model)->hidden;
    ltd_session_options o = {context > ROWS ? context : ROWS + 1, ROWS, kv_f16, false, 1};
    int rc = ltd_session_new(&f->session, model, &o, err);
    if (rc == LTD_OK) rc = ltd_session_set_taps(f->session, taps, n_taps, err);
    if (rc < 0) {
        ltd_features_free(f);
        return rc;
    }
    *ret = f;
    return LTD_OK;
}

void ltd_features_free(ltd_features *f)
{
    if (!f) return;
    ltd_session_free(f->session);
    free(f);
}

static void keep_row(void *ctx, int32_t row, int32_t thread)
{
    (void)thread;
    const ltd_features *f = ctx;
    const float *x = ltd_session_features(f->session, row);
    size_t at = (size_t)row * (size_t)f->width;
    if (f->floats)
        memcpy(f->floats + at, x, (size_t)f->width * sizeof *x);
    else
        ltd_llama_kernels(f->model)->store_f16(x, f->width, f->halves + at);
}

/* Into f->halves or f->floats. */
static int compute(ltd_features *f, const int32_t *token, int32_t n, ltd_err *err)
{
    if (n < 1 || n > f->context)
        return ltd_fail(err, LTD_EINVAL, "features of %d tokens, expected 1 to %d", n, f->context);
    int rc = ltd_session_forget(f->session, 0, 0, err);
    for (int32_t i = 0, m; rc == LTD_OK && i < n; i += m) {
        m = n - i < ROWS ? n - i : ROWS;
        ltd_rows rows = {m, token + i, NULL, 0};
        rc = ltd_session_append(f->session, &rows, f->text, err);
        if (rc < 0) break;
        ltd_pool_run(ltd_llama_pool(f->model), keep_row, f, m);
        if (f->floats)
            f->floats += (size_t)m * (size_t)f->width;
        else
            f->halves += (size_t)m * (size_t)f->width;
    }
    return rc;
}

int ltd_features_compute(ltd_features *f, const int32_t *token, int32_t n, uint16_t *ret,
                         ltd_err *err)
{
    f->halves = ret;
    f->floats = NULL;
    return compute(f, token, n, err);
}

int ltd_features_compute_f32(ltd_features *f, const int32_t *token, int32_t n, float *ret,
                             ltd_err *err)
{
    f->floats = ret;
    return compute(f, token, n, err);
}
