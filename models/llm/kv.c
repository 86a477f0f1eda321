#include "models/llm/kv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/files/model_files.h"

enum { BLOCK = LTD_ATTN_BLOCK };

static size_t element(const ltd_kv *kv)
{
    return kv->f16 ? 2 : 4;
}

/* Elements of a value's row. */
static size_t value_width(const ltd_kv *kv)
{
    return ((size_t)kv->head_dim + 15) / 16 * 16;
}

/* Of keys and of values alike, so that planes are found by their number. */
static size_t plane_bytes(const ltd_kv *kv)
{
    return (size_t)(kv->slots + BLOCK - 1) / BLOCK * BLOCK * value_width(kv) * element(kv);
}

static size_t planes(const ltd_kv *kv)
{
    return (size_t)kv->layers * 2 * (size_t)kv->heads;
}

/* Byte of a plane where the first element of a slot lies; a key's others follow BLOCK apart. */
static size_t slot_at(const ltd_kv *kv, bool value, int32_t slot)
{
    size_t s = (size_t)slot;
    if (value) return s * value_width(kv) * element(kv);
    return (s / BLOCK * (size_t)kv->head_dim * BLOCK + s % BLOCK) * element(kv);
}

int ltd_kv_init(ltd_kv *ret, int32_t layers, int32_t heads, int32_t head_dim, int32_t slots,
                bool f16, ltd_err *err)
{
    ltd_kv kv = {layers, heads, head_dim, slots, f16, NULL};
    assert(head_dim <= LTD_MAX_HEAD_DIM);
    *ret = (ltd_kv){0};
    size_t bytes = 0;
    if (slots > INT32_MAX - BLOCK ||
        __builtin_mul_overflow(planes(&kv), plane_bytes(&kv), &bytes) ||
        !(kv.data = ltd_mem_aligned(bytes, 1)))
        return ltd_fail(err, LTD_ENOMEM,
                        "K/V cache of %d slots: no memory for %d layers x %d heads", slots, layers,
                        heads);
    *ret = kv;
    return LTD_OK;
}

void ltd_kv_fini(ltd_kv *kv)
{
    free(kv->data);
    *kv = (ltd_kv){0};
}

void *ltd_kv_at(const ltd_kv *kv, int32_t layer, bool value, int32_t head)
{
    size_t plane = ((size_t)layer * 2 + value) * (size_t)kv->heads + (size_t)head;
    return kv->data + plane * plane_bytes(kv);
}

void *ltd_kv_from(const ltd_kv *kv, int32_t layer, bool value, int32_t head, int32_t slot)
{
    return (uint8_t *)ltd_kv_at(kv, layer, value, head) + slot_at(kv, value, slot);
}

/* to[i * to_step] = from[i * from_step]. */
static void copy(const ltd_kv *kv, void *to, size_t to_step, const void *from, size_t from_step)
{
    size_t n = (size_t)kv->head_dim;
    if (kv->f16) {
        uint16_t *t = to;
        const uint16_t *f = from;
        for (size_t i = 0; i < n; i++) t[i * to_step] = f[i * from_step];
    } else {
        uint32_t *t = to;
        const uint32_t *f = from;
        for (size_t i = 0; i < n; i++) t[i * to_step] = f[i * from_step];
    }
}

void ltd_kv_store(const ltd_kv *kv, const ltd_kernels *kernels, int32_t layer, bool value,
                  int32_t head, int32_t slot, const float *x)
{
    uint16_t half[LTD_MAX_HEAD_DIM];
    uint8_t *to = ltd_kv_from(kv, layer, value, head, slot);
    if (!kv->f16) {
        copy(kv, to, value ? 1 : BLOCK, x, 1);
    } else if (value) {
        kernels->store_f16(x, kv->head_dim, (uint16_t *)(void *)to);
    } else {
        kernels->store_f16(x, kv->head_dim, half);
        copy(kv, to, BLOCK, half, 1);
    }
}

void ltd_kv_keep(const ltd_kv *kv, int32_t base, const int32_t *path, int32_t n)
{
    int32_t i0 = 0;
    while (i0 < n && path[i0] == i0) i0++;
    uint8_t *p = kv->data;
    for (size_t plane = 0; i0 < n && plane < planes(kv); plane++, p += plane_bytes(kv)) {
        bool value = plane / (size_t)kv->heads % 2;
        size_t step = value ? 1 : BLOCK;
        for (int32_t i = i0; i < n; i++)
            copy(kv, p + slot_at(kv, value, base + i), step, p + slot_at(kv, value, base + path[i]),
                 step);
    }
}

void ltd_kv_copy(const ltd_kv *kv, int32_t to, int32_t from, int32_t n)
{
    uint8_t *p = kv->data;
    size_t blocks = (size_t)(n + BLOCK - 1) / BLOCK * BLOCK;
    for (size_t plane = 0; plane < planes(kv); plane++, p += plane_bytes(kv)) {
        bool value = plane / (size_t)kv->heads % 2;
        size_t bytes = value ? (size_t)n * value_width(kv) : blocks * (size_t)kv->head_dim;
        memcpy(p + slot_at(kv, value, to), p + slot_at(kv, value, from), bytes * element(kv));
    }
}

size_t ltd_kv_slot(const ltd_kv *kv, int32_t slot, void *ret)
{
    size_t bytes = (size_t)kv->head_dim * element(kv);
    const uint8_t *p = kv->data;
    for (size_t i = 0; ret && i < planes(kv); i++, p += plane_bytes(kv)) {
        bool value = i / (size_t)kv->heads % 2;
        copy(kv, (uint8_t *)ret + i * bytes, 1, p + slot_at(kv, value, slot), value ? 1 : BLOCK);
    }
    return planes(kv) * bytes;
}
