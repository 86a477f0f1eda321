/* Random weight matrices in every file type that packs, for tests of kernels. */
#ifndef LTD_TESTS_SUPPORT_WEIGHTS_H
#define LTD_TESTS_SUPPORT_WEIGHTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "models/kernels/pack.h"

typedef struct weight_form {
    const char *name;
    ltd_dtype dtype;
    ltd_pack_kind kind;
    int scales[2]; /* byte offsets of the halves in a block, -1 = none */
} weight_form;

enum { WEIGHT_FORMS = 14 };
static const weight_form weight_forms[WEIGHT_FORMS] = {
    {"F32", LTD_DTYPE_F32, LTD_PACK_F32, {-1, -1}},
    {"F16", LTD_DTYPE_F16, LTD_PACK_F16, {-1, -1}},
    {"BF16", LTD_DTYPE_BF16, LTD_PACK_BF16, {-1, -1}},
    {"Q4_0", LTD_DTYPE_Q4_0, LTD_PACK_Q4, {0, -1}},
    {"Q4_1", LTD_DTYPE_Q4_1, LTD_PACK_Q4, {0, 2}},
    {"Q8_0", LTD_DTYPE_Q8_0, LTD_PACK_Q8, {0, -1}},
    {"Q6_K", LTD_DTYPE_Q6_K, LTD_PACK_Q8G16, {208, -1}},
    {"Q5_0", LTD_DTYPE_Q5_0, LTD_PACK_Q8, {0, -1}},
    {"Q5_1", LTD_DTYPE_Q5_1, LTD_PACK_Q8M, {0, 2}},
    {"Q4_K", LTD_DTYPE_Q4_K, LTD_PACK_Q4K, {0, 2}},
    {"Q5_K", LTD_DTYPE_Q5_K, LTD_PACK_Q8M, {0, 2}},
    {"F32 rounded to Q8", LTD_DTYPE_F32, LTD_PACK_Q8, {-1, -1}},
    {"F32 rounded to F16", LTD_DTYPE_F32, LTD_PACK_F16, {-1, -1}},
    {"F32 rounded to Q4", LTD_DTYPE_F32, LTD_PACK_Q4, {-1, -1}},
};

typedef struct weight_matrix {
    const weight_form *form;
    ltd_tensor_view view;
    uint8_t *data; /* owned */
} weight_matrix;

static inline void weight_matrix_make(weight_matrix *ret, const weight_form *form, int32_t out,
                                      int32_t in, ltd_rng *rng)
{
    size_t block = (size_t)ltd_dtype_block(form->dtype), size = ltd_dtype_block_bytes(form->dtype);
    size_t n = (size_t)out * (size_t)in / block;
    uint8_t *p = calloc(n, size);
    assert_non_null(p);
    size_t row_bytes = n * size / (size_t)out;
    for (size_t i = 0; i < n * size; i++) {
        size_t row = i / row_bytes; /* the first three hold the largest and smallest integers */
        p[i] = row < 3 ? (const uint8_t[]){0x80, 0xff, 0x00}[row] : (uint8_t)ltd_rng_u64(rng);
    }
    for (size_t i = 0; i < n; i++) {
        float f = 0.3f * ltd_rng_normal(rng);
        uint16_t half = ltd_f32_to_f16(f);
        if (form->dtype == LTD_DTYPE_F32) memcpy(p + 4 * i, &f, 4);
        if (form->dtype == LTD_DTYPE_F16) memcpy(p + 2 * i, &half, 2);
        if (form->dtype == LTD_DTYPE_BF16) memcpy(p + 2 * i, (const char *)&f + 2, 2);
        for (int s = 0; s < 2; s++) {
            half = ltd_f32_to_f16(0.02f * ltd_rng_normal(rng));
            if (form->scales[s] >= 0) memcpy(p + i * size + form->scales[s], &half, 2);
        }
    }
    *ret = (weight_matrix){form, {form->name, form->dtype, 2, {out, in}, p, n * size}, p};
}

static inline void weight_matrix_pack(ltd_packed *ret, const weight_matrix *m)
{
    ltd_err err = LTD_ERR_INIT;
    const int64_t *dims = m->view.dims;
    if (ltd_pack_init(ret, (int32_t)dims[0], (int32_t)dims[1], m->form->kind, NULL, &err) < 0 ||
        ltd_pack_rows(ret, 0, &m->view, NULL, &err) < 0)
        fail_msg("%s", err.msg);
}

static inline void weight_matrix_free(weight_matrix *m)
{
    free(m->data);
}

#endif
