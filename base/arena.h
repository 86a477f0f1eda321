/* Memory that is given back all at once: for the weights of a model, which are read from front to
 * back thousands of times.  It comes in large pieces, on huge pages where the system has them, so
 * that reading doesn't wait for address translation.
 *
 *     ltd_arena *arena;
 *     if (ltd_arena_new(&arena, &err) < 0) ...
 *     float *x = ltd_arena_alloc(arena, n, sizeof *x);
 *     ltd_arena_free(arena);                         and x with it
 *
 * Thread rule: one thread at a time. */
#ifndef LTD_BASE_ARENA_H
#define LTD_BASE_ARENA_H

#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_arena ltd_arena;

/* LTD_ENOMEM.  *ret owned. */
int ltd_arena_new(ltd_arena **ret, ltd_err *err);
void ltd_arena_free(ltd_arena *arena);

/* n * size zeroed bytes, 64-byte aligned; NULL when the product overflows or there is no memory. */
void *ltd_arena_alloc(ltd_arena *arena, size_t n, size_t size);

#ifdef __cplusplus
}
#endif
#endif
