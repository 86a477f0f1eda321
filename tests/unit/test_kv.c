/* The K/V cache: what is stored comes back by slot, lies where attention reads it, and moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "models/files/dtype.h"
#include "models/llm/kv.h"

enum { LAYERS = 2, HEADS = 3, SLOTS = 37, MAX_DIM = 64 };

static const ltd_kernels *kernels;

/* A number that names its place, exact as a half. */
static float number(int32_t layer, bool value, int32_t head, int32_t slot, int32_t d)
{
    return (float)(((layer * 2 + value) * HEADS + head) * SLOTS + slot) * (d % 2 ? -1.0f : 1.0f) +
           (float)(d % 4) / 4;
}

static float at(const ltd_kv *kv, const void *p, size_t i)
{
    return kv->f16 ? ltd_f16_to_f32(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}

static void fill(const ltd_kv *kv)
{
    float x[MAX_DIM];
    for (int32_t l = 0; l < LAYERS; l++)
        for (int32_t slot = 0; slot < SLOTS; slot++)
            for (int32_t h = 0; h < 2 * HEADS; h++) {
                bool value = h >= HEADS;
                for (int32_t d = 0; d < kv->head_dim; d++)
                    x[d] = number(l, value, h % HEADS, slot, d);
                ltd_kv_store(kv, kernels, l, value, h % HEADS, slot, x);
            }
}

/* Slot `slot` holds what was stored to slot `want`. */
static void check_slot(const ltd_kv *kv, int32_t slot, int32_t want)
{
    float x[LAYERS * 2 * HEADS * MAX_DIM];
    int32_t hd = kv->head_dim;
    size_t n = LAYERS * 2 * HEADS * (size_t)hd;
    assert_int_equal(ltd_kv_slot(kv, slot, NULL), n * (kv->f16 ? 2 : 4));
    ltd_kv_slot(kv, slot, x);
    for (size_t i = 0; i < n; i++) {
        int32_t plane = (int32_t)i / hd, d = (int32_t)i % hd;
        float expected = number(plane / (2 * HEADS), plane / HEADS % 2, plane % HEADS, want, d);
        assert_true(at(kv, x, i) == expected);
    }
}

static void each_shape(void (*check)(const ltd_kv *kv))
{
    static const int32_t dims[] = {8, 24, 64};
    for (int i = 0; i < 6; i++) {
        ltd_kv kv;
        assert_int_equal(ltd_kv_init(&kv, LAYERS, HEADS, dims[i / 2], SLOTS, i % 2, NULL), LTD_OK);
        fill(&kv);
        check(&kv);
        ltd_kv_fini(&kv);
    }
}

static void check_all(const ltd_kv *kv)
{
    for (int32_t slot = 0; slot < SLOTS; slot++) check_slot(kv, slot, slot);
}

static void slots_come_back(void **state)
{
    (void)state;
    each_shape(check_all);
}

static void check_layout(const ltd_kv *kv)
{
    int32_t hd = kv->head_dim, wide = (hd + 15) / 16 * 16;
    for (int32_t slot = 0; slot < 48; slot++)
        for (int32_t d = 0; d < wide; d++) {
            const void *k = ltd_kv_at(kv, 1, false, 2), *v = ltd_kv_at(kv, 1, true, 2);
            bool in = slot < SLOTS && d < hd;
            float want = in ? number(1, true, 2, slot, d) : 0;
            assert_true(at(kv, v, (size_t)(slot * wide + d)) == want);
            if (d >= hd) continue;
            want = in ? number(1, false, 2, slot, d) : 0;
            assert_true(at(kv, k, (size_t)((slot / 16 * hd + d) * 16 + slot % 16)) == want);
        }
}

static void keys_lie_in_blocks_and_the_rest_is_zero(void **state)
{
    (void)state;
    each_shape(check_layout);
}

static void check_keep(const ltd_kv *kv)
{
    static const int32_t path[] = {0, 1, 4, 5, 9, 20};
    ltd_kv_keep(kv, 14, path, 6);
    for (int32_t slot = 0; slot < SLOTS; slot++)
        check_slot(kv, slot, slot >= 14 && slot < 20 ? 14 + path[slot - 14] : slot);
    ltd_kv_keep(kv, 3, path, 2); /* where they are already */
    ltd_kv_keep(kv, 3, path, 0);
    check_slot(kv, 3, 3);
    check_slot(kv, 4, 4);
}

static void a_path_is_kept_and_nothing_else_moves(void **state)
{
    (void)state;
    each_shape(check_keep);
}

static void check_copy(const ltd_kv *kv)
{
    ltd_kv_copy(kv, 16, 0, 13);
    for (int32_t slot = 0; slot < SLOTS; slot++) {
        if (slot >= 29 && slot < 32) continue; /* of the last block, and of no text */
        check_slot(kv, slot, slot >= 16 && slot < 29 ? slot - 16 : slot);
    }
    ltd_kv_copy(kv, 0, 32, 0);
    check_slot(kv, 0, 0);
}

static void slots_are_copied_in_every_plane(void **state)
{
    (void)state;
    each_shape(check_copy);
}

static void a_cache_too_large_is_refused(void **state)
{
    (void)state;
    ltd_kv kv;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_kv_init(&kv, 1024, 1 << 20, 512, INT32_MAX - 64, false, &err), LTD_ENOMEM);
    assert_int_equal(ltd_kv_init(&kv, 1, 1, 64, INT32_MAX, true, &err), LTD_ENOMEM);
    assert_null(kv.data);
}

int main(void)
{
    kernels = ltd_kernels_best();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_come_back),
        cmocka_unit_test(keys_lie_in_blocks_and_the_rest_is_zero),
        cmocka_unit_test(a_path_is_kept_and_nothing_else_moves),
        cmocka_unit_test(slots_are_copied_in_every_plane),
        cmocka_unit_test(a_cache_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
