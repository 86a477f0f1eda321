#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"

static void pieces_are_aligned_zeroed_and_apart(void **state)
{
    (void)state;
    ltd_arena *a;
    ltd_err err;
    assert_int_equal(ltd_arena_new(&a, &err), LTD_OK);
    enum { N = 300 };
    uint8_t *p[N];
    size_t size[N];
    for (int i = 0; i < N; i++) { /* some larger than a piece of the arena, some odd, some empty */
        size[i] = i % 100 == 7 ? (size_t)40 << 20 : (size_t)(i * 7919 % 400000);
        p[i] = ltd_arena_alloc(a, size[i], 1);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 64, 0);
        for (size_t k = 0; k < size[i]; k += 997) assert_int_equal(p[i][k], 0);
        if (size[i]) memset(p[i], 1 + i % 255, size[i] < 4096 ? size[i] : 4096);
        if (size[i]) p[i][size[i] - 1] = (uint8_t)(1 + i % 255);
    }
    for (int i = 0; i < N; i++)
        if (size[i]) assert_true(p[i][0] == 1 + i % 255 && p[i][size[i] - 1] == 1 + i % 255);
    ltd_arena_free(a);
}

static void what_cannot_be_is_null(void **state)
{
    (void)state;
    ltd_arena *a;
    ltd_err err;
    assert_int_equal(ltd_arena_new(&a, &err), LTD_OK);
    assert_null(ltd_arena_alloc(a, SIZE_MAX / 2, 3));
    assert_null(ltd_arena_alloc(a, SIZE_MAX, 1));
    assert_null(ltd_arena_alloc(a, (size_t)1 << 62, 1));
    assert_non_null(ltd_arena_alloc(a, 10, 10));
    ltd_arena_free(a);
    ltd_arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_zeroed_and_apart),
        cmocka_unit_test(what_cannot_be_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
