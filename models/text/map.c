#include "models/text/map_priv.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

static size_t home(const ltd_map *map, uint64_t key)
{
    key ^= key >> 32;
    key *= 0x9E3779B97F4A7C15u;
    key ^= key >> 29;
    return (size_t)key & (map->cap - 1);
}

int ltd_map_init(ltd_map *map, size_t n_max, ltd_err *err)
{
    *map = (ltd_map){0};
    size_t cap = 16;
    while (cap / 2 < n_max) {
        if (cap > SIZE_MAX / 4) return ltd_fail(err, LTD_ENOMEM, "table of %zu entries", n_max);
        cap *= 2;
    }
    map->keys = ltd_mem_zeros(cap, sizeof *map->keys);
    map->values = ltd_mem_zeros(cap, sizeof *map->values);
    if (!map->keys || !map->values) {
        ltd_map_fini(map);
        return ltd_fail(err, LTD_ENOMEM, "table of %zu entries", n_max);
    }
    for (size_t i = 0; i < cap; i++) map->values[i] = -1;
    map->cap = cap;
    return LTD_OK;
}

void ltd_map_fini(ltd_map *map)
{
    free(map->keys);
    free(map->values);
    *map = (ltd_map){0};
}

void ltd_map_put(ltd_map *map, uint64_t key, int32_t value)
{
    assert(value >= 0 && map->n < map->cap / 2);
    size_t i = home(map, key);
    while (map->values[i] >= 0) i = (i + 1) & (map->cap - 1);
    map->keys[i] = key;
    map->values[i] = value;
    map->n++;
}

/* The first slot from i on that holds the key. */
static int32_t seek(const ltd_map *map, uint64_t key, size_t i, size_t *slot)
{
    while (map->values[i] >= 0 && map->keys[i] != key) i = (i + 1) & (map->cap - 1);
    *slot = i;
    return map->values[i];
}

int32_t ltd_map_first(const ltd_map *map, uint64_t key, size_t *slot)
{
    if (!map->cap) return -1;
    return seek(map, key, home(map, key), slot);
}

int32_t ltd_map_next(const ltd_map *map, uint64_t key, size_t *slot)
{
    return seek(map, key, (*slot + 1) & (map->cap - 1), slot);
}
