#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void *ltd_mem_zeros(size_t n, size_t size)
{
    return calloc(n ? n : 1, size ? size : 1);
}

void *ltd_mem_aligned(size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > (size_t)-1 - 64) return NULL;
    bytes = (bytes + 63) / 64 * 64;
    if (!bytes) bytes = 64;
    void *p = aligned_alloc(64, bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

void *ltd_mem_resize(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) return NULL;
    return realloc(p, bytes ? bytes : 1);
}

bool ltd_mem_reserve(void **p, size_t *room, size_t n, size_t size)
{
    if (n <= *room) return true;
    size_t more = n > 2 * *room ? n : 2 * *room;
    void *v = ltd_mem_resize(*p, more, size);
    if (!v) return false;
    memset((char *)v + *room * size, 0, (more - *room) * size);
    *p = v;
    *room = more;
    return true;
}

char *ltd_mem_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = malloc(n);
    if (p) memcpy(p, s, n);
    return p;
}
