/* A hash table of 64-bit keys with room fixed at init: open addressing, never more than half full.
 * Equal keys may be stored more than once; first() and next() walk over them, so that a hash of a
 * longer thing can be the key and the caller compares the thing itself.
 *
 *     size_t slot;
 *     for (int32_t v = ltd_map_first(map, key, &slot); v >= 0; v = ltd_map_next(map, key, &slot))
 */
#ifndef LTD_MODELS_TEXT_MAP_PRIV_H
#define LTD_MODELS_TEXT_MAP_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_map {
    uint64_t *keys;
    int32_t *values; /* -1 = free slot */
    size_t cap, n;   /* cap is a power of two */
} ltd_map;

/* Room for n_max pairs.  LTD_ENOMEM. */
int ltd_map_init(ltd_map *map, size_t n_max, ltd_err *err);
void ltd_map_fini(ltd_map *map);

/* Store a pair; value >= 0, and no more pairs than n_max. */
void ltd_map_put(ltd_map *map, uint64_t key, int32_t value);
/* The value stored first under this key, -1 when there is none. */
int32_t ltd_map_first(const ltd_map *map, uint64_t key, size_t *slot);
int32_t ltd_map_next(const ltd_map *map, uint64_t key, size_t *slot);

#ifdef __cplusplus
}
#endif
#endif
