#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "base/rng.h"
#include "models/kernels/pool.h"

enum { MOST = 5000 };

typedef struct region {
    _Atomic int32_t times[MOST]; /* a task ran */
    _Atomic int32_t busy[LTD_POOL_MAX_THREADS];
    _Atomic int32_t clashes; /* a thread index in two places at once, or out of range */
    int32_t threads;
} region;

static region r;

static void count(void *ctx, int32_t task, int32_t thread)
{
    region *g = ctx;
    if (thread < 0 || thread >= g->threads || atomic_exchange(&g->busy[thread], 1))
        atomic_fetch_add(&g->clashes, 1);
    atomic_fetch_add(&g->times[task], 1);
    atomic_store(&g->busy[thread], 0);
}

static void nap(long ms)
{
    nanosleep(&(struct timespec){0, ms * 1000000L}, NULL);
}

static ltd_pool *open_pool(int32_t threads)
{
    ltd_pool *pool;
    ltd_err err;
    assert_int_equal(ltd_pool_new(&pool, threads, &err), LTD_OK);
    assert_int_equal(ltd_pool_threads(pool), threads);
    r.threads = threads;
    return pool;
}

static void run_once_each(ltd_pool *pool, int32_t n)
{
    for (int32_t i = 0; i < n; i++) atomic_store(&r.times[i], 0);
    ltd_pool_run(pool, count, &r, n);
    for (int32_t i = 0; i < n; i++) assert_int_equal(atomic_load(&r.times[i]), 1);
    assert_int_equal(atomic_load(&r.clashes), 0);
}

static void every_task_runs_once_in_thousands_of_tiny_regions(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 5, LTD_STREAM_TEST);
    for (int32_t threads = 1; threads <= 4; threads++) {
        ltd_pool *pool = open_pool(threads);
        for (int i = 0; i < 4000; i++) run_once_each(pool, (int32_t)ltd_rng_below(&rng, 24));
        for (int i = 0; i < 20; i++) run_once_each(pool, MOST - i);
        ltd_pool_free(pool);
    }
}

static void sleeping_workers_wake_for_the_next_region(void **state)
{
    (void)state;
    ltd_pool *pool = open_pool(3);
    for (int i = 0; i < 40; i++) {
        nap(i % 4 ? 1 : 12); /* past the time that they spin */
        run_once_each(pool, 7);
    }
    nap(20);
    ltd_pool_free(pool);
}

static void a_pool_may_end_before_its_workers_have_begun(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        ltd_pool *pool = open_pool(1 + i % 4);
        if (i % 3 == 0) run_once_each(pool, 5);
        ltd_pool_free(pool);
    }
    ltd_pool_free(NULL);
}

static void total(void *ctx, int32_t task, int32_t thread)
{
    (void)thread;
    atomic_fetch_add((_Atomic int64_t *)ctx, task);
}

static void the_largest_region_runs_whole(void **state)
{
    (void)state;
    ltd_pool *pool = open_pool(3);
    for (int i = 0; i < 3; i++) {
        _Atomic int64_t sum = 0;
        int64_t n = LTD_POOL_MAX_TASKS;
        ltd_pool_run(pool, total, &sum, LTD_POOL_MAX_TASKS);
        assert_int_equal(atomic_load(&sum), n * (n - 1) / 2);
    }
    ltd_pool_free(pool);
}

/* A worker that is kept for 5 ms, as one that was preempted. */
static void hold_workers(void *ctx, int32_t task, int32_t thread)
{
    (void)task;
    if (thread == 0) {
        nap(1); /* so that workers get tasks too */
    } else {
        atomic_fetch_add((_Atomic int32_t *)ctx, 1);
        nap(6);
    }
}

static void preempted_workers_rest_and_come_back(void **state)
{
    (void)state;
    ltd_pool *pool = open_pool(3);
    for (int again = 0; again < 3; again++) {
        _Atomic int32_t by_workers = 0;
        for (int i = 0; i < 4; i++) {
            ltd_pool_run(pool, hold_workers, &by_workers, 3);
            run_once_each(pool, 50);
        }
        /* Rests end: sooner or later a worker takes a task again. */
        atomic_store(&by_workers, 0);
        for (int i = 0; i < 400 && atomic_load(&by_workers) == 0; i++)
            ltd_pool_run(pool, hold_workers, &by_workers, 3);
        assert_true(atomic_load(&by_workers) > 0);
    }
    ltd_pool_free(pool);
}

static void two_pools_take_turns(void **state)
{
    (void)state;
    ltd_pool *a = open_pool(2), *b = open_pool(2);
    for (int i = 0; i < 500; i++) run_once_each(i % 2 ? a : b, 9);
    ltd_pool_free(a);
    ltd_pool_free(b);
}

static void bad_numbers_of_threads_give_an_error_and_no_pool(void **state)
{
    (void)state;
    ltd_err err;
    ltd_pool *pool = (ltd_pool *)(void *)&r; /* something that must go */
    assert_int_equal(ltd_pool_new(&pool, -1, &err), LTD_EINVAL);
    assert_null(pool);
    assert_int_equal(ltd_pool_new(&pool, LTD_POOL_MAX_THREADS + 1, &err), LTD_EINVAL);
    assert_null(pool);
    assert_int_equal(ltd_pool_new(&pool, 0, &err), LTD_OK);
    assert_true(ltd_pool_threads(pool) >= 1);
    ltd_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once_in_thousands_of_tiny_regions),
        cmocka_unit_test(sleeping_workers_wake_for_the_next_region),
        cmocka_unit_test(a_pool_may_end_before_its_workers_have_begun),
        cmocka_unit_test(the_largest_region_runs_whole),
        cmocka_unit_test(preempted_workers_rest_and_come_back),
        cmocka_unit_test(two_pools_take_turns),
        cmocka_unit_test(bad_numbers_of_threads_give_an_error_and_no_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
