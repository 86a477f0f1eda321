#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
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

static void the_wrong_rule_asks_nobody(void **state)
{
    (void)state;
    int32_t token[] = {10, 11, 12, 13, 14, 15}, parent[] = {-1, 0, 0, 1, 2, 4};
    int32_t depth[] = {0, 1, 1, 2, 2, 3}, node[] = {-1, 0, 1, 2, 3, 4}, path[6], next;
    ltd_selection sel = {6, token, parent, depth, node};
    int32_t argmax[] = {12, 0, 14, 77, 15, 99};
    assert_int_equal(ltd_accept_always(&sel, argmax, path, &next), 3);
    assert_int_equal(path[1], 1);
    assert_int_equal(path[2], 3);
    assert_int_equal(next, 77);
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

/* --- sampling --- */

/* root -> tokens 0 and 1, token 1 -> token 2.  Probabilities are 0.1, 0.2, 0.3, 0.4 everywhere. */
static int32_t tree_token[] = {9, 0, 1, 2}, tree_parent[] = {-1, 0, 0, 2},
               tree_depth[] = {0, 1, 1, 2}, tree_node[] = {-1, 0, 1, 2};
static const ltd_selection tree = {4, tree_token, tree_parent, tree_depth, tree_node};

typedef struct game {
    float logits[4][VOCAB];
    double number[8];
    int32_t used;
    ltd_sampler *sampler;
    ltd_chance chance;
    int32_t path[4], next;
} game;

static const float *game_logits(const void *rows, int32_t entry)
{
    return ((const game *)rows)->logits[entry];
}

static double game_number(void *numbers)
{
    game *g = numbers;
    return g->number[g->used++];
}

static void game_open(game *g, ltd_sampling rule)
{
    *g = (game){.used = 0};
    for (int i = 0; i < 4; i++)
        for (int t = 0; t < VOCAB; t++) g->logits[i][t] = logf(0.1f * (float)(t + 1));
    assert_int_equal(ltd_sampler_new(&g->sampler, VOCAB, &rule, NULL), 0);
    g->chance = (ltd_chance){g->sampler, game_logits, g, game_number, g};
}

typedef int32_t (*accept_rule)(const ltd_selection *, const ltd_chance *, int32_t *, int32_t *,
                               ltd_err *);

/* Plays the numbers (8 at most, ended by one below 0) and checks that all are used. */
static int32_t play(game *g, accept_rule rule, const double *numbers)
{
    int32_t n = 0;
    for (; numbers[n] >= 0; n++) g->number[n] = numbers[n];
    g->used = 0;
    int32_t got = rule(&tree, &g->chance, g->path, &g->next, NULL);
    assert_int_equal(g->used, n);
    return got;
}

static void draws_are_followed_through_the_tree(void **state)
{
    (void)state;
    game g;
    game_open(&g, (ltd_sampling){1, 0, 1, false});
    assert_int_equal(play(&g, ltd_accept_drawn, (const double[]){0.31, -1}), 1); /* token 2 */
    assert_int_equal(g.next, 2);
    assert_int_equal(play(&g, ltd_accept_drawn, (const double[]){0.05, 0.15, -1}), 2);
    assert_int_equal(g.path[1], 1);
    assert_int_equal(g.next, 1); /* a child of the root, not of this entry */
    assert_int_equal(play(&g, ltd_accept_drawn, (const double[]){0.29, 0.59, 0.99, -1}), 3);
    assert_int_equal(g.path[1], 2);
    assert_int_equal(g.path[2], 3);
    assert_int_equal(g.next, 3);
    ltd_sampler_free(g.sampler);
}

static void children_are_asked_in_tree_order_and_refused_ones_leave(void **state)
{
    (void)state;
    game g;
    game_open(&g, (ltd_sampling){1, 0, 1, false});
    assert_int_equal(play(&g, ltd_accept_sampled, (const double[]){0.09, 0.15, -1}), 2);
    assert_int_equal(g.next, 1);
    /* Without token 0, token 1 has 2/9; without both, token 2 has 3/7. */
    assert_int_equal(play(&g, ltd_accept_sampled, (const double[]){0.11, 0.22, 0.1, 0.0, -1}), 3);
    assert_int_equal(g.path[1], 2);
    assert_int_equal(g.next, 0);
    assert_int_equal(play(&g, ltd_accept_sampled, (const double[]){0.11, 0.23, 0.42, -1}), 1);
    assert_int_equal(g.next, 2);
    assert_int_equal(play(&g, ltd_accept_sampled, (const double[]){0.11, 0.23, 0.43, -1}), 1);
    assert_int_equal(g.next, 3);
    ltd_sampler_free(g.sampler);
}

static void a_child_that_cannot_come_is_never_taken(void **state)
{
    (void)state;
    game g;
    game_open(&g, (ltd_sampling){1, 2, 1, false}); /* tokens 2 and 3 */
    assert_int_equal(play(&g, ltd_accept_sampled, (const double[]){0, 0, 0, -1}), 1);
    assert_int_equal(g.next, 2);
    assert_int_equal(play(&g, ltd_accept_drawn, (const double[]){0, -1}), 1);
    assert_int_equal(g.next, 2);
    /* And one that is certain always, whatever the number. */
    for (int t = 0; t < VOCAB; t++) g.logits[0][t] = t == 1 ? 50.0f : -INFINITY;
    const double most = 1 - 0x1p-53;
    assert_int_equal(play(&g, ltd_accept_sampled, (const double[]){0.5, most, 0.9, 0, -1}), 2);
    assert_int_equal(play(&g, ltd_accept_drawn, (const double[]){most, 0.9, -1}), 2);
    ltd_sampler_free(g.sampler);
}

static void logits_that_are_no_numbers_are_an_error(void **state)
{
    (void)state;
    game g;
    game_open(&g, (ltd_sampling){1, 0, 1, false});
    const accept_rule rules[] = {ltd_accept_drawn, ltd_accept_sampled};
    for (int entry = 0; entry < 3; entry += 2)
        for (int r = 0; r < 2; r++) {
            ltd_err err = LTD_ERR_INIT;
            g.logits[entry][3] = NAN;
            g.used = 0;
            memcpy(g.number, (const double[]){0.25, 0.1, 0.1, 0.1}, 4 * sizeof g.number[0]);
            if (r) g.number[0] = 0.5;
            assert_int_equal(rules[r](&tree, &g.chance, g.path, &g.next, &err), LTD_EINVAL);
            assert_non_null(strstr(err.msg, "token 3"));
            g.logits[entry][3] = logf(0.4f);
        }
    ltd_sampler_free(g.sampler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_walk_follows_the_targets_tokens),
        cmocka_unit_test(the_wrong_rule_asks_nobody),
        cmocka_unit_test(the_root_alone_gives_one_token),
        cmocka_unit_test(random_trees_give_the_longest_accepted_path),
        cmocka_unit_test(draws_are_followed_through_the_tree),
        cmocka_unit_test(children_are_asked_in_tree_order_and_refused_ones_leave),
        cmocka_unit_test(a_child_that_cannot_come_is_never_taken),
        cmocka_unit_test(logits_that_are_no_numbers_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
