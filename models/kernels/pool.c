/* Every thread has a run of neighbouring tasks, from whose front it takes, and takes from the back
 * of others' when that is done: a thread finds what it used before in its own caches, and what it
 * fetched ahead is for itself.  One 64-bit word a thread holds the region's generation, and the
 * first and the end of the tasks that are left; it changes by compare-and-swap, so a task is taken
 * once, and a thread that comes late with a word of another region fails and looks again.  Nobody
 * waits for a sleeper: the caller waits only until every task has been finished. */
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
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    TASK_BITS = 20,
    LOOK = 32,            /* turns of a spin between looks at the clock */
    SPIN_IDLE = 150000,   /* [ns] before a worker without work sleeps */
    PATIENCE = 50000,     /* [ns] beyond the usual before the caller thinks a worker preempted */
    WINDOW = 10000000,    /* [ns] over which such waits are added up */
    REST_MIN = 40000000,  /* [ns] for which one worker less is used when they are too many, */
    REST_MAX = 640000000, /* doubled while that goes on */
};
#define TASK_MASK ((UINT64_C(1) << TASK_BITS) - 1)

typedef struct task_run {
    _Alignas(64) _Atomic uint64_t word; /* generation | end | first */
} task_run;

struct ltd_pool {
    task_run run[LTD_POOL_MAX_THREADS];
    _Alignas(64) _Atomic int32_t finished;
    _Alignas(64) _Atomic uint32_t wake; /* futex word: counts regions */
    _Atomic int32_t sleepers;
    _Atomic bool quit;
    _Alignas(64) _Atomic int32_t active; /* threads that take tasks; workers above it rest */
    _Atomic uint32_t roster;             /* futex word of those that rest */
    /* The caller's, [ns]: */
    uint64_t rest_until, rest;
    uint64_t window, late; /* its begin, and what was waited in it */
    uint64_t generation;
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

/* A task from the front of a run, or from its back; -1 when none is left there. */
static int32_t take(task_run *run, bool front)
{
    uint64_t w = atomic_load_explicit(&run->word, memory_order_acquire);
    for (;;) {
        uint64_t first = w & TASK_MASK, end = w >> TASK_BITS & TASK_MASK;
        if (first >= end) return -1;
        uint64_t less = front ? w + 1 : w - (UINT64_C(1) << TASK_BITS);
        if (atomic_compare_exchange_weak_explicit(&run->word, &w, less, memory_order_acq_rel,
                                                  memory_order_acquire))
            return (int32_t)(front ? first : end - 1);
    }
}

/* Take and run tasks until none is left; returns how many. */
static int32_t work(ltd_pool *pool, int32_t thread)
{
    int32_t done = 0, of = thread, passed = 0;
    while (passed < pool->threads) {
        int32_t task = take(&pool->run[of], of == thread);
        if (task < 0) {
            of = (of + 1) % pool->threads;
            passed++;
            continue;
        }
        passed = 0;
        pool->fn(pool->ctx, task, thread);
        atomic_fetch_add_explicit(&pool->finished, 1, memory_order_acq_rel);
        done++;
    }
    return done;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The next region's number, or `seen` again after SPIN_IDLE without one. */
static uint32_t spin(ltd_pool *pool, uint32_t seen)
{
    uint64_t begun = 0;
    for (int i = 1;; i++) {
        uint32_t now = atomic_load_explicit(&pool->wake, memory_order_acquire);
        if (now != seen) return now;
        relax();
        if (i % LOOK) continue;
        uint64_t t = now_ns();
        if (!begun) begun = t;
        if (t - begun > SPIN_IDLE) return seen;
    }
}

static void rest(ltd_pool *pool, int32_t index)
{
    uint32_t roster = atomic_load(&pool->roster);
    if (index >= atomic_load(&pool->active) && !atomic_load(&pool->quit))
        syscall(SYS_futex, &pool->roster, FUTEX_WAIT_PRIVATE, roster, NULL, NULL, 0);
}

static void *worker(void *p)
{
    worker_arg arg = *(worker_arg *)p;
    free(p);
    ltd_pool *pool = arg.pool;
    uint32_t seen = 0;
    while (!atomic_load(&pool->quit)) {
        if (arg.index >= atomic_load_explicit(&pool->active, memory_order_relaxed)) {
            rest(pool, arg.index);
            continue;
        }
        uint32_t now = spin(pool, seen);
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
    atomic_store(&pool->active, threads);
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
    atomic_fetch_add(&pool->roster, 1);
    syscall(SYS_futex, &pool->roster, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    for (int32_t i = 0; i < pool->started; i++) pthread_join(pool->thread[i], NULL);
    free(pool);
}

int32_t ltd_pool_threads(const ltd_pool *pool)
{
    return pool->threads;
}

/* --- company ---
 *
 * Another process that wants our processor preempts a worker for milliseconds, with a task in its
 * hands that the caller must wait for: with a region every few microseconds a step becomes ten
 * times slower.  So a caller that loses more time to such waits than one thread of n is worth uses
 * one worker less for a while, which leaves that processor to the other process, and then tries
 * again. */

static void set_active(ltd_pool *pool, int32_t n)
{
    atomic_store(&pool->active, n);
    atomic_fetch_add(&pool->roster, 1);
    syscall(SYS_futex, &pool->roster, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void let_rest(ltd_pool *pool, uint64_t now)
{
    pool->rest = pool->rest * 2 > REST_MAX ? REST_MAX : pool->rest ? pool->rest * 2 : REST_MIN;
    pool->rest_until = now + pool->rest;
    int32_t active = atomic_load(&pool->active);
    if (active > 1) set_active(pool, active - 1);
}

/* Rested long enough: one more.  After as long without another rest the next one is short again. */
static void end_rest(ltd_pool *pool, uint64_t now)
{
    if (!pool->rest || now < pool->rest_until) return;
    int32_t active = atomic_load(&pool->active);
    if (active < pool->threads) {
        set_active(pool, active + 1);
        pool->rest_until = now + pool->rest;
    } else {
        pool->rest = 0;
    }
}

/* At the begin of a region. */
static void keep_company(ltd_pool *pool, uint64_t now)
{
    end_rest(pool, now);
    uint64_t passed = now - pool->window;
    if (passed < WINDOW) return;
    /* A window with a pause in it says nothing. */
    if (passed < 4 * WINDOW &&
        pool->late * (uint64_t)atomic_load_explicit(&pool->active, memory_order_relaxed) > passed)
        let_rest(pool, now);
    pool->window = now;
    pool->late = 0;
}

/* Wait for tasks that workers hold. */
static void wait_for_workers(ltd_pool *pool, int32_t n_tasks, uint64_t begun, int32_t own)
{
    uint64_t limit = 0;
    uint64_t late = 0;
    for (int i = 1; atomic_load_explicit(&pool->finished, memory_order_acquire) < n_tasks; i++) {
        relax();
        if (i % LOOK) continue;
        uint64_t now = now_ns();
        /* A worker may just have begun a task when we ended our last. */
        if (!limit) limit = now + PATIENCE + 4 * (now - begun) / (uint64_t)(own + 1);
        if (now < limit) continue;
        late = now - limit;
        sched_yield();
    }
    pool->late += late;
}

/* Neighbouring tasks to each thread that works. */
static void share_out(ltd_pool *pool, int32_t n_tasks)
{
    uint64_t shares = (uint64_t)atomic_load_explicit(&pool->active, memory_order_relaxed);
    uint64_t n = (uint64_t)n_tasks, base = ++pool->generation << 2 * TASK_BITS;
    for (uint64_t i = 0; i < shares; i++) {
        uint64_t first = n * i / shares, end = n * (i + 1) / shares;
        atomic_store_explicit(&pool->run[i].word, base | end << TASK_BITS | first,
                              memory_order_release);
    }
}

void ltd_pool_run(ltd_pool *pool, ltd_pool_fn *fn, void *ctx, int32_t n_tasks)
{
    uint64_t begun = pool->threads > 1 ? now_ns() : 0;
    if (pool->threads > 1) keep_company(pool, begun);
    if (n_tasks <= 1 || atomic_load_explicit(&pool->active, memory_order_relaxed) == 1) {
        for (int32_t i = 0; i < n_tasks; i++) fn(ctx, i, 0);
        return;
    }
    pool->fn = fn;
    pool->ctx = ctx;
    atomic_store_explicit(&pool->finished, 0, memory_order_relaxed);
    share_out(pool, n_tasks);
    atomic_fetch_add(&pool->wake, 1);
    if (atomic_load(&pool->sleepers) > 0)
        syscall(SYS_futex, &pool->wake, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    int32_t own = work(pool, 0);
    wait_for_workers(pool, n_tasks, begun, own);
}
