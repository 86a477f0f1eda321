#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, madvise */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"

enum { HUGE_PAGE = 2 << 20, PIECE = 32 << 20 };

typedef struct piece {
    struct piece *next;
    uint8_t *map; /* [size] */
    size_t size, used;
} piece;

struct ltd_arena {
    piece *pieces; /* the one in use first */
};

int ltd_arena_new(ltd_arena **ret, ltd_err *err)
{
    *ret = ltd_mem_zeros(1, sizeof **ret);
    return *ret ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "arena: no memory");
}

void ltd_arena_free(ltd_arena *arena)
{
    if (!arena) return;
    for (piece *p = arena->pieces, *next; p; p = next) {
        next = p->next;
        munmap(p->map, p->size);
        free(p);
    }
    free(arena);
}

/* Pages that nobody touches cost nothing, so a piece may be larger than what is asked for. */
static piece *new_piece(size_t bytes)
{
    if (bytes > SIZE_MAX / 2) return NULL;
    size_t size = bytes > PIECE ? bytes : PIECE;
    size = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE + HUGE_PAGE;
    piece *p = ltd_mem_zeros(1, sizeof *p);
    if (!p) return NULL;
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        free(p);
        return NULL;
    }
    madvise(map, size, MADV_HUGEPAGE); /* a wish: plain pages serve too */
    *p = (piece){NULL, map, size, 0};
    p->used = (size_t)(-(uintptr_t)map % HUGE_PAGE);
    return p;
}

void *ltd_arena_alloc(ltd_arena *arena, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - 64) return NULL;
    bytes = (bytes + 63) / 64 * 64;
    piece *p = arena->pieces;
    if (!p || p->size - p->used < bytes) {
        p = new_piece(bytes);
        if (!p) return NULL;
        p->next = arena->pieces;
        arena->pieces = p;
    }
    void *ret = p->map + p->used;
    p->used += bytes;
    return ret;
}
