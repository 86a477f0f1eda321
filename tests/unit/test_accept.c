#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/accept.h"

enum { MAX_NODES = 60, VOCAB = 4 };

static void the_walk_follows_the_targets_tokens(void **state)
{
    (void)state;
    /* root 10 -> 11 -> 13, root -> 12 -> 14 -> 15 */
    int32_t token[] = {10, 11, 12, 13, 14, 15}, parent[] = {-1, 0, 0, 1, 2, 4};
    int32_t depth[] = {0, 1, 1, 2, 2, 3}, node[] = {-1, 0, 1, 2, 3, 4}, path[6], next;
    ltd_selection sel = {6, token, parent, depth, node};
    int32_t argmax[] = {12, 0, 14, 0, 15, 99};
    assert_int_equal(ltd_accept_greedy(&sel, argmax, path, &next), 4);
    assert_int_equal(path[0], 0);
    assert_int_equal(path[1], 2);
    assert_int_equal(path[2], 4);
    assert_int_equal(path[3], 5);
    assert_int_equal(next, 99);
    argmax[0] = 11;
    argmax[1] = 14; /* a token of the other branch doesn't count */
    assert_int_equal(ltd_accept_greedy(&sel, argmax, path, &next), 2);
    assert_int_equal(next, 14);
}

static void the_root_alone_gives_one_token(void **state)
{
    (void)state;
    int32_t token = 7, parent = -1, depth = 0, node = -1, argmax = 42, path, next;
    ltd_selection sel = {1, &token, &parent, &depth, &node};
    assert_int_equal(ltd_accept_greedy(&sel, &argmax, &path, &next), 1);
    assert_int_equal(path, 0);
    assert_int_equal(next, 42);
}

/* Longest accepted root path, found by trying every node. */
static int32_t longest(const ltd_selection *sel, const int32_t *argmax, int32_t *last)
{
    int32_t best = 0;
    for (int32_t i = 0; i < sel->n; i++) {
        int32_t length = 1, at = i;
        for (; at > 0 && sel->token[at] == argmax[sel->parent[at]]; at = sel->parent[at]) length++;
        if (at == 0 && length > best) best = length, *last = i;
    }
    return best;
}

static void random_trees_give_the_longest_accepted_path(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    for (int round = 0; round < 5000; round++) {
        int32_t token[MAX_NODES], parent[MAX_NODES], depth[MAX_NODES], argmax[MAX_NODES];
        int32_t path[MAX_NODES], next, last = 0, n = 1;
        token[0] = 0, parent[0] = -1, depth[0] = 0;
        int32_t want = 1 + (int32_t)ltd_rng_below(&rng, MAX_NODES);
        for (int tries = 0; n < want && tries < 500; tries++) {
            int32_t p = (int32_t)ltd_rng_below(&rng, (uint64_t)n);
            int32_t t = (int32_t)ltd_rng_below(&rng, VOCAB), twin = 0;
            for (int32_t i = 1; i < n; i++) twin |= parent[i] == p && token[i] == t;
            if (twin) continue;
            token[n] = t, parent[n] = p, depth[n] = depth[p] + 1, n++;
        }
        for (int32_t i = 0; i < n; i++) argmax[i] = (int32_t)ltd_rng_below(&rng, VOCAB);
        ltd_selection sel = {n, token, parent, depth, parent};
        int32_t got = ltd_accept_greedy(&sel, argmax, path, &next);
        assert_int_equal(got, longest(&sel, argmax, &last));
        assert_int_equal(path[got - 1], last);
        assert_int_equal(next, argmax[last]);
        for (int32_t i = 1; i < got; i++) assert_int_equal(parent[path[i]], path[i - 1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_walk_follows_the_targets_tokens),
        cmocka_unit_test(the_root_alone_gives_one_token),
        cmocka_unit_test(random_trees_give_the_longest_accepted_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
