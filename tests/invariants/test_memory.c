/* Nothing is allocated after a cycle object is made, and ten thousand cycles leave the process as
 * large as before.  Every allocation of the program passes through the counters below (--wrap).
 *
 * LTD_TEST_CYCLES sets the number of cycles (10,000). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/cycle.h"
#include "tests/support/engine.h"
#include "tests/support/golden.h"

enum { CONTEXT = 256, MAX_FORWARDS = 7, MAX_SIZE = 40 };

static char model_path[1024], head_path[1024];
static _Atomic long allocated, live;
static _Atomic long until_failure = -1; /* allocations that still succeed; -1: all */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
void __wrap_free(void *p);

static int fails(void)
{
    return atomic_load(&until_failure) >= 0 && atomic_fetch_sub(&until_failure, 1) == 0;
}

static void *counted(void *p)
{
    atomic_fetch_add(&allocated, 1);
    if (p) atomic_fetch_add(&live, 1);
    return p;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : counted(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
    if (fails()) return NULL;
    atomic_fetch_add(&allocated, 1);
    if (!p) atomic_fetch_add(&live, 1);
    return __real_realloc(p, n);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    return fails() ? NULL : counted(__real_aligned_alloc(align, n));
}

void __wrap_free(void *p)
{
    if (p) atomic_fetch_sub(&live, 1);
    __real_free(p);
}

/* Resident kilobytes. */
static long resident(void)
{
    long pages = 0, rest = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &rest, &pages), 2);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

typedef struct engine {
    ltd_llama *model;
    ltd_eagle3 *head;
    ltd_cycle *cycle;
    ltd_rng rng;
} engine;

static void open_engine(engine *e, double temperature)
{
    ltd_err err;
    e->model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    e->head = engine_head("eagle3/session", e->model, LTD_LOAD_Q8);
    ltd_rng_seed(&e->rng, 17, LTD_STREAM_TEST);
    ltd_cycle_options o = {.model = e->model,
                           .head = e->head,
                           .clock = ltd_clock_monotonic(),
                           .context = CONTEXT,
                           .top_k = 6,
                           .max_forwards = MAX_FORWARDS,
                           .max_size = MAX_SIZE,
                           .lookup = true,
                           .lookup_min_match = 1,
                           .lookup_max_chain = 8,
                           .sampling = {temperature, 0, 0.95, false}};
    if (ltd_cycle_new(&e->cycle, &o, &err) < 0) fail_msg("%s", err.msg);
}

static void close_engine(engine *e)
{
    ltd_cycle_free(e->cycle);
    ltd_eagle3_close(e->head);
    ltd_llama_close(e->model);
}

/* Random cycles; a text that is full gives way to the next one. */
static void run_cycles(engine *e, int32_t n)
{
    ltd_err err;
    const ltd_cycle_result *r = NULL;
    for (int32_t i = 0; i < n; i++) {
        if (ltd_cycle_context(e->cycle) < 1 || ltd_cycle_room(e->cycle) < 1) {
            int32_t ids[90], n_ids = 1 + (int32_t)ltd_rng_below(&e->rng, 90);
            for (int32_t j = 0; j < n_ids; j++) ids[j] = (int32_t)ltd_rng_below(&e->rng, 320);
            assert_int_equal(ltd_cycle_prompt(e->cycle, ids, n_ids, &err), 0);
        }
        int32_t forwards = (int32_t)ltd_rng_below(&e->rng, MAX_FORWARDS + 1);
        assert_int_equal(ltd_cycle_begin(e->cycle, &err), 0);
        for (int32_t d = 0; d < forwards; d++) assert_int_equal(ltd_cycle_draft(e->cycle, &err), 0);
        int32_t size = (int32_t)ltd_rng_below(&e->rng, MAX_SIZE + 1);
        assert_int_equal(ltd_cycle_verify(e->cycle, size, &r, &err), 0);
        assert_true(r->accept_len >= 1 && r->accept_len <= r->size + 1);
    }
}

static void check_growth(double temperature)
{
    const char *set = getenv("LTD_TEST_CYCLES");
    int32_t cycles = set && atoi(set) > 0 ? atoi(set) : 10000;
    engine e;
    open_engine(&e, temperature);
    long before = atomic_load(&allocated);
    run_cycles(&e, cycles / 10); /* touches every page */
    long kb = resident(), own = atomic_load(&allocated) - before;
    before = atomic_load(&allocated);
    run_cycles(&e, cycles);
    long more = atomic_load(&allocated) - before;
    long grown = resident() - kb;
    print_message("# %d cycles, temperature %g: %ld allocations, resident memory grew by %ld kB\n",
                  cycles, temperature, more, grown);
    assert_true(own <= 2); /* resident() opens a file */
    assert_int_equal(more, 0);
    assert_true(grown <= 512); /* the kernel counts pages in batches */
    close_engine(&e);
}

static void cycles_allocate_nothing_and_the_process_does_not_grow(void **state)
{
    (void)state;
    check_growth(0);
    check_growth(0.8);
}

static void everything_is_given_back(void **state)
{
    (void)state;
    long before = atomic_load(&live);
    for (int i = 0; i < 3; i++) {
        engine e;
        open_engine(&e, i);
        run_cycles(&e, 20);
        close_engine(&e);
    }
    assert_int_equal(atomic_load(&live), before);
}

/* Model, head and cycle, until one fails; what was made is freed. */
static int try_engine(ltd_err *err)
{
    ltd_llama *model = NULL;
    ltd_eagle3 *head = NULL;
    ltd_cycle *cycle = NULL;
    ltd_llama_options mo = {LTD_LOAD_FILE, 16, 2, NULL};
    int rc = ltd_llama_open(&model, model_path, &mo, err);
    if (rc == LTD_OK) rc = ltd_eagle3_open(&head, head_path, model, LTD_LOAD_Q8, err);
    ltd_cycle_options co = {.model = model,
                            .head = head,
                            .clock = ltd_clock_monotonic(),
                            .context = CONTEXT,
                            .top_k = 4,
                            .max_forwards = 3,
                            .max_size = 8,
                            .lookup = true,
                            .lookup_min_match = 1,
                            .lookup_max_chain = 8,
                            .sampling = {1, 0, 1, false}};
    if (rc == LTD_OK) rc = ltd_cycle_new(&cycle, &co, err);
    ltd_cycle_free(cycle);
    ltd_eagle3_close(head);
    ltd_llama_close(model);
    return rc;
}

static void the_failure_of_any_allocation_is_an_error_without_a_leak(void **state)
{
    (void)state;
    assert_true(golden_path(model_path, sizeof model_path, "eagle3/target"));
    assert_true(golden_path(head_path, sizeof head_path, "eagle3/session"));
    long before = atomic_load(&live), n = 0;
    int rc = LTD_ENOMEM;
    for (; rc < 0; n++) {
        ltd_err err = LTD_ERR_INIT;
        atomic_store(&until_failure, n);
        rc = try_engine(&err);
        long left = atomic_exchange(&until_failure, -1);
        if (rc == LTD_OK && left < 0) fail_msg("failure of allocation %ld went unseen", n);
        if (rc != LTD_OK && (rc != err.code || !err.msg[0]))
            fail_msg("failure of allocation %ld: %s, '%s'", n, ltd_status_name(rc), err.msg);
        if (atomic_load(&live) != before)
            fail_msg("failure of allocation %ld leaks %ld", n, atomic_load(&live) - before);
    }
    print_message("# %ld allocations failed one by one\n", n - 1);
    assert_true(n > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cycles_allocate_nothing_and_the_process_does_not_grow),
        cmocka_unit_test(everything_is_given_back),
        cmocka_unit_test(the_failure_of_any_allocation_is_an_error_without_a_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
