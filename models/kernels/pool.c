/* One 64-bit word holds a region's generation, its number of tasks and the next task to take.  A
 * thread takes a task with one fetch_add, and the word it gets back says consistently which region
 * the task belongs to; a thread that comes late finds next >= tasks and leaves.  Nobody waits for a
 * sleeper: the caller waits only until every task has been finished. */
#define _GNU_SOURCE
#include "models/kernels/pool.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    NEXT_BITS = 21, /* room for overruns past the last task */
    TASK_BITS = 21,
    SPIN_IDLE = 20000, /* about 100 us before a worker sleeps */
    SPIN_WAIT = 4000,  /* the caller yields this often while it waits */
};
#define NEXT_MASK ((UINT64_C(1) << NEXT_BITS) - 1)
#define TASK_MASK ((UINT64_C(1) << TASK_BITS) - 1)

struct ltd_pool {
    _Alignas(64) _Atomic uint64_t region; /* generation | tasks | next */
    _Alignas(64) _Atomic int32_t finished;
    _Alignas(64) _Atomic uint32_t wake; /* futex word: counts regions */
    _Atomic int32_t sleepers;
    _Atomic bool quit;
    ltd_pool_fn *fn;
    void *ctx;
    int32_t threads;
    int32_t started;
    pthread_t thread[LTD_POOL_MAX_THREADS];
};

typedef struct worker_arg {
    ltd_pool *pool;
    int32_t index;
} worker_arg;

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Take and run tasks until none is left. */
static void work(ltd_pool *pool, int32_t thread)
{
    for (;;) {
        uint64_t r = atomic_load_explicit(&pool->region, memory_order_acquire);
        if ((r & NEXT_MASK) >= ((r >> NEXT_BITS) & TASK_MASK)) return;
        r = atomic_fetch_add_explicit(&pool->region, 1, memory_order_acq_rel);
        uint64_t next = r & NEXT_MASK;
        if (next >= ((r >> NEXT_BITS) & TASK_MASK)) return;
        pool->fn(pool->ctx, (int32_t)next, thread);
        atomic_fetch_add_explicit(&pool->finished, 1, memory_order_acq_rel);
    }
}

static void *worker(void *p)
{
    worker_arg arg = *(worker_arg *)p;
    free(p);
    ltd_pool *pool = arg.pool;
    uint32_t seen = 0;
    while (!atomic_load(&pool->quit)) {
        uint32_t now = atomic_load_explicit(&pool->wake, memory_order_acquire);
        for (int i = 0; now == seen && i < SPIN_IDLE; i++) {
            relax();
            now = atomic_load_explicit(&pool->wake, memory_order_acquire);
        }
        if (now == seen) {
            atomic_fetch_add(&pool->sleepers, 1);
            if (!atomic_load(&pool->quit))
                syscall(SYS_futex, &pool->wake, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
            atomic_fetch_sub(&pool->sleepers, 1);
            continue;
        }
        seen = now;
        work(pool, arg.index);
    }
    return NULL;
}

static int start(ltd_pool *pool, int32_t index, ltd_err *err)
{
    worker_arg *arg = malloc(sizeof *arg);
    if (!arg) return ltd_fail(err, LTD_ENOMEM, "thread pool: no memory");
    *arg = (worker_arg){pool, index};
    int rc = pthread_create(&pool->thread[pool->started], NULL, worker, arg);
    if (rc) {
        free(arg);
        return ltd_fail(err, LTD_EIO, "thread pool: cannot start thread %d: %s", index,
                        strerror(rc));
    }
    pool->started++;
    return LTD_OK;
}

int ltd_pool_new(ltd_pool **ret, int32_t threads, ltd_err *err)
{
    *ret = NULL;
    if (threads < 0 || threads > LTD_POOL_MAX_THREADS)
        return ltd_fail(err, LTD_EINVAL, "threads: %d, expected 0 to %d", threads,
                        LTD_POOL_MAX_THREADS);
    if (threads == 0) {
        cpu_set_t set;
        threads = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
        if (threads > LTD_POOL_MAX_THREADS) threads = LTD_POOL_MAX_THREADS;
    }
    ltd_pool *pool = ltd_mem_aligned(1, sizeof *pool);
    if (!pool) return ltd_fail(err, LTD_ENOMEM, "thread pool: no memory");
    pool->threads = threads;
    for (int32_t i = 1; i < threads; i++) {
        int rc = start(pool, i, err);
        if (rc < 0) {
            ltd_pool_free(pool);
            return rc;
        }
    }
    *ret = pool;
    return LTD_OK;
}

void ltd_pool_free(ltd_pool *pool)
{
    if (!pool) return;
    atomic_store(&pool->quit, true);
    atomic_fetch_add(&pool->wake, 1);
    syscall(SYS_futex, &pool->wake, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    for (int32_t i = 0; i < pool->started; i++) pthread_join(pool->thread[i], NULL);
    free(pool);
}

int32_t ltd_pool_threads(const ltd_pool *pool)
{
    return pool->threads;
}

void ltd_pool_run(ltd_pool *pool, ltd_pool_fn *fn, void *ctx, int32_t n_tasks)
{
    if (pool->threads == 1 || n_tasks <= 1) {
        for (int32_t i = 0; i < n_tasks; i++) fn(ctx, i, 0);
        return;
    }
    pool->fn = fn;
    pool->ctx = ctx;
    atomic_store_explicit(&pool->finished, 0, memory_order_relaxed);
    uint64_t generation =
        atomic_load_explicit(&pool->region, memory_order_relaxed) >> (NEXT_BITS + TASK_BITS);
    uint64_t r = ((generation + 1) << (NEXT_BITS + TASK_BITS)) | ((uint64_t)n_tasks << NEXT_BITS);
    atomic_store_explicit(&pool->region, r, memory_order_release);
    atomic_fetch_add(&pool->wake, 1);
    if (atomic_load(&pool->sleepers) > 0)
        syscall(SYS_futex, &pool->wake, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    work(pool, 0);
    for (int i = 1; atomic_load_explicit(&pool->finished, memory_order_acquire) < n_tasks; i++) {
        relax();
        if (i % SPIN_WAIT == 0) sched_yield();
    }
}
