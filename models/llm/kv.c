#include "models/llm/kv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static size_t element(const ltd_kv *kv)
{
    return kv->f16 ? 2 : 4;
}

static size_t row_bytes(const ltd_kv *kv)
{
    return (size_t)kv->head_dim * element(kv);
}

int ltd_kv_init(ltd_kv *ret, int32_t layers, int32_t heads, int32_t head_dim, int32_t slots,
                bool f16, ltd_err *err)
{
    ltd_kv kv = {layers, heads, head_dim, slots, f16, NULL};
    *ret = (ltd_kv){0};
    size_t n = (size_t)layers * 2 * (size_t)heads, bytes = 0;
    if (__builtin_mul_overflow((size_t)slots, row_bytes(&kv), &bytes) ||
        !(kv.data = ltd_mem_aligned(n, bytes)))
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
    return kv->data + plane * (size_t)kv->slots * row_bytes(kv);
}

void ltd_kv_store(const ltd_kv *kv, const ltd_kernels *kernels, int32_t layer, int32_t slot,
                  const float *k, const float *v)
{
    for (int32_t h = 0; h < kv->heads; h++, k += kv->head_dim, v += kv->head_dim) {
        size_t at = (size_t)slot * row_bytes(kv);
        uint8_t *kd = (uint8_t *)ltd_kv_at(kv, layer, false, h) + at;
        uint8_t *vd = (uint8_t *)ltd_kv_at(kv, layer, true, h) + at;
        if (kv->f16) {
            kernels->store_f16(k, kv->head_dim, (uint16_t *)(void *)kd);
            kernels->store_f16(v, kv->head_dim, (uint16_t *)(void *)vd);
        } else {
            memcpy(kd, k, row_bytes(kv));
            memcpy(vd, v, row_bytes(kv));
        }
    }
}

void ltd_kv_move(const ltd_kv *kv, int32_t from, int32_t to)
{
    if (from == to) return;
    size_t planes = (size_t)kv->layers * 2 * (size_t)kv->heads, n = row_bytes(kv);
    uint8_t *p = kv->data;
    for (size_t i = 0; i < planes; i++, p += (size_t)kv->slots * n)
        memcpy(p + (size_t)to * n, p + (size_t)from * n, n);
}

size_t ltd_kv_slot(const ltd_kv *kv, int32_t slot, void *ret)
{
    size_t planes = (size_t)kv->layers * 2 * (size_t)kv->heads, n = row_bytes(kv);
    for (size_t i = 0; ret && i < planes; i++)
        memcpy((uint8_t *)ret + i * n, kv->data + (i * (size_t)kv->slots + (size_t)slot) * n, n);
    return planes * n;
}
