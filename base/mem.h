/* Allocation with checked sizes.  Every size that comes from a file passes through here.
 * All return NULL when the product overflows or there is no memory; free() releases them. */
#ifndef LTD_BASE_MEM_H
#define LTD_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* n * size zeroed bytes (one element at least). */
void *ltd_mem_zeros(size_t n, size_t size);

/* n * size zeroed bytes, 64-byte aligned, for data that kernels read. */
void *ltd_mem_aligned(size_t n, size_t size);

/* Grow or shrink to n * size bytes; NULL leaves `p` as it was. */
void *ltd_mem_resize(void *p, size_t n, size_t size);

/* Make room for n elements at *p (NULL: none yet), *room of which there are: at least twice as many
 * when they don't suffice, the new ones zero.  False: no memory, nothing changed. */
bool ltd_mem_reserve(void **p, size_t *room, size_t n, size_t size);

/* A copy of a string, owned. */
char *ltd_mem_strdup(const char *s);

#ifdef __cplusplus
}
#endif
#endif
