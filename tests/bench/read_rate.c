#define _DEFAULT_SOURCE /* madvise */
#include "tests/bench/read_rate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/mem.h"
#include "tests/bench/measure.h"

enum {
    BUFFERS = 2,
    MAX_WAYS = 8,
    LINE = 64,
    AHEAD_NEAR = 1024,
    AHEAD_FAR = 8192,
    PAGES = 8,
    CHUNKS = 16
};

typedef uint64_t read_fn(const uint8_t *p, size_t n); /* n a multiple of 512 */

typedef struct way {
    const char *name;
    read_fn *read;
    measure_series ms[BUFFERS]; /* passes */
} way;

struct read_rate {
    ltd_pool *pool;
    uint8_t *buffer[BUFFERS];
    size_t bytes, mapped;
    way ways[MAX_WAYS];
    int n_ways;
};

/* A sum of all words, so that no load can be left out. */
static uint64_t read_plain(const uint8_t *p, size_t n)
{
    uint64_t sum[8] = {0};
    for (size_t i = 0; i < n; i += LINE) {
        uint64_t w[8];
        memcpy(w, p + i, LINE);
        for (int j = 0; j < 8; j++) sum[j] += w[j];
    }
    return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

#if defined(__x86_64__)
/* Prefetching past the end is harmless. */
static inline __attribute__((always_inline)) void ahead(const uint8_t *p)
{
    _mm_prefetch((const char *)p + AHEAD_NEAR, _MM_HINT_T0);
    _mm_prefetch((const char *)p + AHEAD_FAR, _MM_HINT_T1);
}

/* As the kernels do it for few rows: the far line from PAGES pages in turns. */
static inline __attribute__((always_inline)) void ahead_by_pages(const uint8_t *p)
{
    const uintptr_t line = (uintptr_t)p / LINE, lines = 64 * PAGES, at = line % lines;
    uintptr_t to = line - at + lines + at % PAGES * 64 + at / PAGES;
    _mm_prefetch((const char *)p + AHEAD_NEAR, _MM_HINT_T0);
    _mm_prefetch((const char *)(to * LINE), _MM_HINT_T1);
}

__attribute__((target("avx2"))) static inline uint64_t avx2_loop(const uint8_t *p, size_t n,
                                                                 const int prefetch)
{
    __m256i a[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                    _mm256_setzero_si256()};
    for (size_t i = 0; i < n; i += 2 * LINE) {
        if (prefetch) {
            ahead(p + i);
            ahead(p + i + LINE);
        }
        for (int j = 0; j < 4; j++)
            a[j] = _mm256_add_epi64(a[j], _mm256_load_si256((const __m256i *)(p + i) + j));
    }
    uint64_t sum[4];
    a[0] = _mm256_add_epi64(_mm256_add_epi64(a[0], a[1]), _mm256_add_epi64(a[2], a[3]));
    _mm256_storeu_si256((__m256i *)sum, a[0]);
    return sum[0] + sum[1] + sum[2] + sum[3];
}

__attribute__((target("avx512f"))) static inline uint64_t avx512_loop(const uint8_t *p, size_t n,
                                                                      const int prefetch)
{
    __m512i a[8];
    for (int j = 0; j < 8; j++) a[j] = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += 8 * LINE)
        for (int j = 0; j < 8; j++) {
            const uint8_t *at = p + i + LINE * (size_t)j;
            if (prefetch == 1) ahead(at);
            if (prefetch == 2) ahead_by_pages(at);
            a[j] = _mm512_add_epi64(a[j], _mm512_load_si512((const void *)at));
        }
    for (int j = 1; j < 8; j++) a[0] = _mm512_add_epi64(a[0], a[j]);
    return (uint64_t)_mm512_reduce_add_epi64(a[0]);
}

__attribute__((target("avx2"))) static uint64_t read_avx2(const uint8_t *p, size_t n)
{
    return avx2_loop(p, n, 0);
}
__attribute__((target("avx2"))) static uint64_t read_avx2_ahead(const uint8_t *p, size_t n)
{
    return avx2_loop(p, n, 1);
}
__attribute__((target("avx512f"))) static uint64_t read_avx512(const uint8_t *p, size_t n)
{
    return avx512_loop(p, n, 0);
}
__attribute__((target("avx512f"))) static uint64_t read_avx512_ahead(const uint8_t *p, size_t n)
{
    return avx512_loop(p, n, 1);
}
__attribute__((target("avx512f"))) static uint64_t read_avx512_pages(const uint8_t *p, size_t n)
{
    return avx512_loop(p, n, 2);
}
#endif

static void list_ways(read_rate *r)
{
    r->ways[r->n_ways++] = (way){.name = "plain", .read = read_plain};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        r->ways[r->n_ways++] = (way){.name = "avx2", .read = read_avx2};
        r->ways[r->n_ways++] = (way){.name = "avx2, prefetch", .read = read_avx2_ahead};
    }
    if (__builtin_cpu_supports("avx512f")) {
        r->ways[r->n_ways++] = (way){.name = "avx512", .read = read_avx512};
        r->ways[r->n_ways++] = (way){.name = "avx512, prefetch", .read = read_avx512_ahead};
        r->ways[r->n_ways++] = (way){.name = "avx512, pages", .read = read_avx512_pages};
    }
#endif
}

int read_rate_new(read_rate **ret, ltd_pool *pool, size_t bytes, ltd_err *err)
{
    const size_t huge = (size_t)2 << 20;
    read_rate *r = ltd_mem_zeros(1, sizeof *r);
    *ret = NULL;
    if (!r) return ltd_fail(err, LTD_ENOMEM, "read rate: no memory");
    r->pool = pool;
    r->bytes = bytes;
    r->mapped = (bytes + huge - 1) / huge * huge + huge;
    list_ways(r);
    for (int i = 0; i < BUFFERS; i++) {
        void *p = mmap(NULL, r->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) {
            read_rate_free(r);
            return ltd_fail(err, LTD_ENOMEM, "read rate: no memory for %zu bytes", bytes);
        }
        r->buffer[i] = p;
        madvise(p, r->mapped, i ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
        memset(p, 1, r->mapped);
    }
    *ret = r;
    return LTD_OK;
}

void read_rate_free(read_rate *r)
{
    for (int i = 0; r && i < BUFFERS; i++) {
        if (r->buffer[i]) munmap(r->buffer[i], r->mapped);
        for (int w = 0; w < r->n_ways; w++) measure_free(&r->ways[w].ms[i]);
    }
    free(r);
}

typedef struct pass {
    const uint8_t *data;
    read_fn *read;
    size_t bytes, chunk;
    volatile uint64_t sink[CHUNKS * LTD_POOL_MAX_THREADS];
} pass;

static void read_chunk(void *ctx, int32_t task, int32_t thread)
{
    (void)thread;
    pass *p = ctx;
    size_t at = (size_t)task * p->chunk;
    size_t n = p->bytes - at < p->chunk ? p->bytes - at : p->chunk;
    p->sink[task] = p->read(p->data + at, n);
}

void read_rate_run(read_rate *r, int passes)
{
    int32_t threads = ltd_pool_threads(r->pool);
    size_t tasks = threads == 1 ? 1 : (size_t)threads * CHUNKS;
    for (int b = 0; b < BUFFERS; b++)
        for (int w = 0; w < r->n_ways; w++) {
            pass p = {.data = r->buffer[b], .read = r->ways[w].read};
            p.bytes = (r->bytes + 511) / 512 * 512;
            p.chunk = (p.bytes / tasks + 511) / 512 * 512;
            for (int i = 0; i < passes; i++) {
                double t0 = measure_now();
                ltd_pool_run(r->pool, read_chunk, &p, (int32_t)((p.bytes + p.chunk - 1) / p.chunk));
                measure_add(&r->ways[w].ms[b], measure_now() - t0);
            }
        }
}

read_speed read_rate_best(read_rate *r)
{
    read_speed best = {0};
    for (int b = 0; b < BUFFERS; b++)
        for (int w = 0; w < r->n_ways; w++) {
            double ms = measure_of(&r->ways[w].ms[b]).p25;
            if (!(ms > 0) || (best.ms > 0 && ms >= best.ms)) continue;
            best = (read_speed){.gb_s = (double)r->bytes / ms * 1e-6, .ms = ms};
            snprintf(best.way, sizeof best.way, "%s%s", r->ways[w].name, b ? ", huge pages" : "");
        }
    return best;
}
