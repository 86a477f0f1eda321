/* A cache of keys and values, a plane for each layer, k or v, and kv head, laid out as attention
 * (models/kernels/kernels.h) reads it:
 *     keys    [slots / 16, head_dim, 16]: a vector is one dim of 16 slots
 *     values  [slots, head_dim rounded up to 16]
 * Slots are rounded up to 16.  What no store has written is zero. */
#ifndef LTD_MODELS_LLM_KV_H
#define LTD_MODELS_LLM_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "models/kernels/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_kv {
    int32_t layers, heads, head_dim, slots;
    bool f16;
    uint8_t *data; /* owned */
} ltd_kv;

int ltd_kv_init(ltd_kv *ret, int32_t layers, int32_t heads, int32_t head_dim, int32_t slots,
                bool f16, ltd_err *err);
void ltd_kv_fini(ltd_kv *kv);
/* A head's plane of keys (value = false) or values. */
void *ltd_kv_at(const ltd_kv *kv, int32_t layer, bool value, int32_t head);
/* That, from a slot on that is a multiple of 16. */
void *ltd_kv_from(const ltd_kv *kv, int32_t layer, bool value, int32_t head, int32_t slot);
/* Write a head's key or value x [head_dim] to a slot. */
void ltd_kv_store(const ltd_kv *kv, const ltd_kernels *kernels, int32_t layer, bool value,
                  int32_t head, int32_t slot, const float *x);
/* Slots base + path[i] become slots base + i, in every layer; path[n] ascends from 0 or more. */
void ltd_kv_keep(const ltd_kv *kv, int32_t base, const int32_t *path, int32_t n);
/* Slots from .. from + n - 1 are copied to those from `to` on, in every layer; `to` and `from` are
 * multiples of 16, and the ranges, rounded up to 16, don't overlap. */
void ltd_kv_copy(const ltd_kv *kv, int32_t to, int32_t from, int32_t n);
/* All elements of a slot, [layers, 2, heads, head_dim]; returns their bytes, copies when ret is not
 * NULL. */
size_t ltd_kv_slot(const ltd_kv *kv, int32_t slot, void *ret);

#ifdef __cplusplus
}
#endif
#endif
