#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/rank.h"
#include "env/tree.h"
#include "env/tree_new.h"

enum { ROOM = 64 + 32 + 12 * 32 * 32, VOCAB = 40 };

/* A twin that is slow and plain: merges by searching the whole pool, ranks by sorting all of it. */
typedef struct twin {
    ltd_node nodes[ROOM];
    int32_t count, forwards, k;
    int32_t beam[32], source[32], last[32 * 32], n_last;
    float own[32 * 32], beam_own[32]; /* the head's scores */
    int32_t columns[32][64];
} twin;

static const ltd_node *compared;

static int by_rank(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    float sx = compared[x].score, sy = compared[y].score;
    if (sx != sy) return sx > sy ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int32_t twin_add(twin *t, int32_t token, int32_t parent, float score)
{
    for (int32_t i = 0; i < t->count; i++) {
        ltd_node *n = &t->nodes[i];
        if (n->parent != parent || n->token != token) continue;
        if (score > n->score) n->score = score;
        return i;
    }
    int32_t depth = parent < 0 ? 1 : t->nodes[parent].depth + 1;
    t->nodes[t->count] = (ltd_node){token, parent, depth, t->forwards, score};
    return t->count++;
}

static void twin_grow(twin *t, const int32_t *token, const float *logp)
{
    int32_t rows = t->forwards++ == 0 ? 1 : t->k;
    t->n_last = rows * t->k;
    for (int32_t i = 0; i < t->n_last; i++) {
        int32_t parent = t->forwards == 1 ? -1 : t->beam[i / t->k];
        float base = parent < 0 ? 0 : t->nodes[parent].score;
        t->last[i] = twin_add(t, token[i], parent, base + logp[i]);
        t->own[i] = (parent < 0 ? 0 : t->beam_own[i / t->k]) + logp[i];
    }
    int32_t old[32][64];
    bool taken[32 * 32] = {false};
    memcpy(old, t->columns, sizeof old);
    for (int32_t j = 0; j < t->k; j++) {
        int32_t at = -1;
        for (int32_t i = 0; i < t->n_last; i++)
            if (!taken[i] && (at < 0 || t->own[i] > t->own[at])) at = i;
        taken[at] = true;
        t->beam[j] = t->last[at];
        t->beam_own[j] = t->own[at];
        t->source[j] = t->forwards == 1 ? 0 : at / t->k;
        if (t->forwards < 2) continue;
        memcpy(t->columns[j], old[t->source[j]], sizeof old[0]);
        t->columns[j][t->forwards - 2] = (t->forwards - 2) * t->k + t->source[j];
    }
}

static void twin_ranked(const twin *t, int32_t *ret)
{
    for (int32_t i = 0; i < t->count; i++) ret[i] = i;
    compared = t->nodes;
    qsort(ret, (size_t)t->count, sizeof *ret, by_rank);
}

/* A row as a draft head gives it: distinct tokens, falling ln p, ties among them. */
static void random_row(ltd_rng *rng, int32_t k, bool ties, int32_t *token, float *logp)
{
    int32_t ids[VOCAB];
    for (int32_t i = 0; i < VOCAB; i++) ids[i] = i;
    ltd_rng_shuffle(rng, ids, VOCAB);
    float p = 0;
    for (int32_t i = 0; i < k; i++) {
        p -= ties ? (float)ltd_rng_below(rng, 2) * 0.5f : ltd_rng_f32(rng);
        token[i] = ids[i];
        logp[i] = p;
    }
}

static void random_chain(ltd_rng *rng, int32_t n, int32_t *token, float *score)
{
    float s = 0;
    for (int32_t i = 0; i < n; i++) {
        s -= (float)ltd_rng_below(rng, 4) * 0.25f;
        token[i] = (int32_t)ltd_rng_below(rng, 6);
        score[i] = s;
    }
}

static void check_pool(ltd_tree *tree, const twin *t)
{
    assert_int_equal(ltd_tree_count(tree), t->count);
    const ltd_node *nodes = ltd_tree_nodes(tree);
    for (int32_t i = 0; i < t->count; i++) {
        assert_int_equal(nodes[i].token, t->nodes[i].token);
        assert_int_equal(nodes[i].parent, t->nodes[i].parent);
        assert_int_equal(nodes[i].depth, t->nodes[i].depth);
        assert_true(nodes[i].score == t->nodes[i].score);
        assert_true(nodes[i].parent < i);
        float above = nodes[i].parent < 0 ? 0 : nodes[nodes[i].parent].score;
        assert_true(nodes[i].score <= above);
    }
}

static void check_beam(const ltd_tree *tree, const twin *t)
{
    int32_t n;
    const float *last = ltd_tree_last_scores(tree, &n);
    assert_int_equal(n, t->n_last);
    for (int32_t i = 0; i < n; i++) assert_true(last[i] == t->own[i]);
    for (int32_t j = 0; j < t->k; j++) {
        const int32_t *columns;
        assert_int_equal(ltd_tree_beam_node(tree)[j], t->beam[j]);
        assert_int_equal(ltd_tree_beam_token(tree)[j], t->nodes[t->beam[j]].token);
        assert_true(ltd_tree_beam_score(tree)[j] == t->beam_own[j]);
        assert_int_equal(ltd_tree_beam_source(tree)[j], t->source[j]);
        assert_int_equal(ltd_tree_beam_ancestors(tree, j, &columns), t->forwards - 1);
        for (int32_t i = 0; i < t->forwards - 1; i++)
            assert_int_equal(columns[i], t->columns[j][i]);
    }
}

/* The selection is the twin's best nodes, closed under parents, parents first. */
static void check_selection(ltd_tree *tree, const twin *t, int32_t size)
{
    int32_t ranked[ROOM];
    uint8_t in[ROOM] = {0};
    twin_ranked(t, ranked);
    int32_t n = size < t->count ? size : t->count;
    const int32_t *got = ltd_tree_ranked(tree, n);
    for (int32_t i = 0; i < n; i++) {
        assert_int_equal(got[i], ranked[i]);
        in[ranked[i]] = 1;
    }
    const ltd_selection *sel = ltd_tree_select(tree, 777, size);
    assert_int_equal(sel->n, n + 1);
    assert_int_equal(sel->token[0], 777);
    assert_int_equal(sel->parent[0], -1);
    assert_int_equal(sel->node[0], -1);
    assert_int_equal(sel->depth[0], 0);
    for (int32_t e = 1; e <= n; e++) {
        const ltd_node *node = &t->nodes[sel->node[e]];
        assert_true(in[sel->node[e]]);
        assert_true(sel->node[e] > sel->node[e - 1]);
        assert_int_equal(sel->token[e], node->token);
        assert_in_range(sel->parent[e], 0, e - 1);
        assert_int_equal(sel->node[sel->parent[e]], node->parent);
        assert_int_equal(sel->depth[e], sel->depth[sel->parent[e]] + 1);
    }
}

static void random_trees_equal_the_naive_twin(void **state)
{
    (void)state;
    static twin t;
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    for (int round = 0; round < 3000; round++) {
        int32_t k = 1 + (int32_t)ltd_rng_below(&rng, round % 50 == 0 ? 32 : 6);
        int32_t forwards = (int32_t)ltd_rng_below(&rng, 7), chain = (int32_t)ltd_rng_below(&rng, 9);
        bool ties = ltd_rng_below(&rng, 2), ask = ltd_rng_below(&rng, 2);
        ltd_tree *tree;
        assert_int_equal(ltd_tree_new(&tree, k, forwards, 8, 300, NULL), 0);
        for (int cycle = 0; cycle < 2; cycle++) {
            int32_t token[32 * 32];
            float logp[32 * 32];
            memset(&t, 0, sizeof t);
            t.k = k;
            ltd_tree_reset(tree);
            random_chain(&rng, chain, token, logp);
            ltd_tree_add_chain(tree, 4, token, logp, chain);
            for (int32_t i = 0; i < chain; i++) twin_add(&t, token[i], i - 1, logp[i]);
            for (int32_t f = 0; f < forwards; f++) {
                int32_t rows = f == 0 ? 1 : k;
                if (ask) check_selection(tree, &t, (int32_t)ltd_rng_below(&rng, 40));
                for (int32_t r = 0; r < rows; r++)
                    random_row(&rng, k, ties, token + r * k, logp + r * k);
                assert_int_equal(ltd_tree_grow(tree, token, logp), 0);
                twin_grow(&t, token, logp);
                check_beam(tree, &t);
            }
            assert_int_equal(ltd_tree_forwards(tree), forwards);
            check_pool(tree, &t);
            for (int i = 0; i < 3; i++)
                check_selection(tree, &t, (int32_t)ltd_rng_below(&rng, 300));
        }
        ltd_tree_free(tree);
    }
}

static void a_drafted_node_that_is_in_the_chain_is_merged(void **state)
{
    (void)state;
    ltd_tree *tree;
    assert_int_equal(ltd_tree_new(&tree, 2, 3, 4, 16, NULL), 0);
    ltd_tree_add_chain(tree, 4, (int32_t[]){5, 6, 7}, (float[]){-1, -1.5f, -3}, 3);
    assert_int_equal(ltd_tree_grow(tree, (int32_t[]){9, 5}, (float[]){-0.2f, -0.5f}), 0);
    const ltd_node *nodes = ltd_tree_nodes(tree);
    assert_int_equal(ltd_tree_count(tree), 4);
    assert_true(nodes[0].score == -0.5f);
    assert_int_equal(nodes[0].forward, 0);
    assert_int_equal(nodes[3].token, 9);
    assert_int_equal(nodes[3].forward, 1);
    /* Row 0 is token 9 (no chain below), row 1 is token 5: 6 below it is the chain's. */
    int32_t token[] = {6, 1, 6, 2};
    float logp[] = {-2, -3, -0.125f, -0.25f};
    assert_int_equal(ltd_tree_grow(tree, token, logp), 0);
    assert_int_equal(ltd_tree_count(tree), 7);
    assert_true(nodes[1].score == -0.625f);
    assert_int_equal(nodes[4].parent, 3);
    assert_int_equal(nodes[4].token, 6);
    assert_true(nodes[2].score == -3);
    assert_int_equal(ltd_tree_beam_node(tree)[0], 1);
    assert_int_equal(ltd_tree_beam_source(tree)[0], 1);
    /* A weaker draft leaves the chain's score. */
    assert_int_equal(ltd_tree_grow(tree, (int32_t[]){7, 8, 1, 2}, (float[]){-9, -9, -1, -1}), 0);
    assert_true(nodes[2].score == -3);
    assert_int_equal(ltd_tree_grow(tree, token, logp), LTD_TREE_FULL);
    ltd_tree_free(tree);
}

/* Rows as the head would give them: what follows from a token is the same wherever it stands. */
static void a_chain_changes_nothing_of_what_the_head_is_asked(void **state)
{
    (void)state;
    enum { K = 4, FORWARDS = 6 };
    ltd_rng rng;
    ltd_rng_seed(&rng, 6, LTD_STREAM_TEST);
    int merged = 0;
    for (int round = 0; round < 300; round++) {
        int32_t token[K * K], chain_token[8], row_token[6][K];
        float logp[K * K], chain_score[8], row_logp[6][K];
        ltd_tree *with, *without;
        assert_int_equal(ltd_tree_new(&with, K, FORWARDS, 8, 64, NULL), 0);
        assert_int_equal(ltd_tree_new(&without, K, FORWARDS, 0, 64, NULL), 0);
        for (int i = 0; i < 6; i++) {
            random_row(&rng, K, round % 2, row_token[i], row_logp[i]);
            for (int c = 0; c < K; c++)
                row_token[i][c] = (row_token[i][0] + c * (i % 2 ? 1 : 5)) % 6;
        }
        random_chain(&rng, 8, chain_token, chain_score);
        ltd_tree_add_chain(with, 4, chain_token, chain_score, 8);
        for (int f = 0; f < FORWARDS; f++) {
            for (int r = 0; r < (f ? K : 1); r++) {
                int from = f ? ltd_tree_beam_token(without)[r] : 0;
                memcpy(token + r * K, row_token[from], sizeof row_token[0]);
                memcpy(logp + r * K, row_logp[from], sizeof row_logp[0]);
            }
            assert_int_equal(ltd_tree_grow(with, token, logp), 0);
            assert_int_equal(ltd_tree_grow(without, token, logp), 0);
            size_t bytes = K * sizeof(int32_t);
            assert_memory_equal(ltd_tree_beam_token(with), ltd_tree_beam_token(without), bytes);
            assert_memory_equal(ltd_tree_beam_source(with), ltd_tree_beam_source(without), bytes);
            assert_memory_equal(ltd_tree_beam_score(with), ltd_tree_beam_score(without), bytes);
        }
        merged += ltd_tree_count(with) < ltd_tree_count(without) + 8;
        ltd_tree_free(with);
        ltd_tree_free(without);
    }
    assert_true(merged > 100);
}

static void numbers_that_are_none_neither_crash_nor_break_the_order(void **state)
{
    (void)state;
    const float odd[] = {NAN, -NAN, INFINITY, -INFINITY, 0, -0.0f, 1, -1e30f, -1e-40f, 3e38f};
    ltd_rng rng;
    ltd_rng_seed(&rng, 2, LTD_STREAM_TEST);
    ltd_tree *tree;
    assert_int_equal(ltd_tree_new(&tree, 5, 6, 6, 64, NULL), 0);
    for (int round = 0; round < 500; round++) {
        int32_t token[25];
        float logp[25];
        ltd_tree_reset(tree);
        for (int i = 0; i < 25; i++) logp[i] = odd[ltd_rng_below(&rng, 10)], token[i] = i % 3;
        ltd_tree_add_chain(tree, 4, token, logp, 6);
        for (int f = 0; f < 6; f++) {
            for (int i = 0; i < 25; i++) {
                logp[i] = odd[ltd_rng_below(&rng, 10)];
                token[i] = (int32_t)ltd_rng_below(&rng, 8);
            }
            assert_int_equal(ltd_tree_grow(tree, token, logp), 0);
            const ltd_selection *sel = ltd_tree_select(tree, 0, (int32_t)ltd_rng_below(&rng, 64));
            for (int32_t e = 1; e < sel->n; e++) {
                const ltd_node *nodes = ltd_tree_nodes(tree), *node = &nodes[sel->node[e]];
                assert_false(isnan(node->score));
                assert_true(node->score <= 0);
                assert_in_range(sel->parent[e], 0, e - 1);
                assert_int_equal(sel->node[sel->parent[e]], node->parent);
            }
        }
    }
    ltd_tree_free(tree);
}

static float entropy_of(float p, float q)
{
    return -p * logf(p) - q * logf(q) - (1 - p - q) * logf(1 - p - q);
}

static void every_row_has_its_entropy(void **state)
{
    (void)state;
    ltd_tree *tree;
    int32_t node, beam[2];
    float first[2] = {logf(0.5f), logf(0.2f)};
    float second[4] = {logf(0.8f), logf(0.1f), logf(0.4f), logf(0.3f)};
    assert_int_equal(ltd_tree_new(&tree, 2, 3, 0, 4, NULL), 0);
    assert_int_equal(ltd_tree_last_rows(tree), 0);
    assert_true(ltd_tree_top_entropy(tree) == 0);
    assert_int_equal(ltd_tree_grow(tree, (int32_t[]){1, 2}, first), 0);
    assert_int_equal(ltd_tree_last_rows(tree), 1);
    assert_true(fabsf(ltd_tree_row_entropy(tree, 0, &node) - entropy_of(0.5f, 0.2f)) < 1e-6f);
    assert_int_equal(node, -1);
    memcpy(beam, ltd_tree_beam_node(tree), sizeof beam);
    assert_int_equal(ltd_tree_grow(tree, (int32_t[]){1, 2, 1, 2}, second), 0);
    assert_int_equal(ltd_tree_last_rows(tree), 2);
    assert_true(fabsf(ltd_tree_row_entropy(tree, 0, &node) - entropy_of(0.8f, 0.1f)) < 1e-6f);
    assert_int_equal(node, beam[0]);
    assert_true(fabsf(ltd_tree_top_entropy(tree) - entropy_of(0.8f, 0.1f)) < 1e-6f);
    assert_true(fabsf(ltd_tree_row_entropy(tree, 1, &node) - entropy_of(0.4f, 0.3f)) < 1e-6f);
    assert_int_equal(node, beam[1]);
    ltd_tree_free(tree);
}

static void limits_are_checked_and_sizes_clipped(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_tree *tree = (ltd_tree *)&err;
    assert_int_equal(ltd_tree_new(&tree, 0, 1, 1, 1, &err), LTD_EINVAL);
    assert_null(tree);
    assert_int_equal(ltd_tree_new(&tree, 33, 1, 1, 1, &err), LTD_EINVAL);
    assert_int_equal(ltd_tree_new(&tree, 1, 65, 1, 1, &err), LTD_EINVAL);
    assert_int_equal(ltd_tree_new(&tree, 1, 1, 65, 1, &err), LTD_EINVAL);
    assert_int_equal(ltd_tree_new(&tree, 1, 1, 1, -1, &err), LTD_EINVAL);
    assert_int_equal(ltd_tree_new(&tree, 4, 0, 2, 3, &err), 0);
    int32_t n;
    assert_null(ltd_tree_last_scores(tree, &n));
    assert_int_equal(n, 0);
    assert_true(ltd_tree_row_mass(tree) == 1);
    assert_int_equal(ltd_tree_select(tree, 1, 3)->n, 1);
    ltd_tree_add_chain(tree, 4, (int32_t[]){1, 2, 3}, (float[]){-1, -0.5f, -2}, 3);
    assert_int_equal(ltd_tree_count(tree), 2);
    assert_true(ltd_tree_nodes(tree)[1].score == -1);
    ltd_tree_add_chain(tree, 4, (int32_t[]){4}, (float[]){-1}, 1);
    assert_int_equal(ltd_tree_count(tree), 2);
    assert_int_equal(ltd_tree_select(tree, 1, -5)->n, 1);
    assert_int_equal(ltd_tree_select(tree, 1, 1000)->n, 3);
    assert_int_equal(ltd_tree_grow(tree, NULL, NULL), LTD_TREE_FULL);
    ltd_tree_free(tree);
    ltd_tree_free(NULL);
}

static int by_key(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void ranking_survives_any_order_of_pushes_and_questions(void **state)
{
    (void)state;
    enum { N = 3000 };
    static uint64_t keys[N], spare[N], all[N];
    ltd_rank rank = {.keys = keys, .spare = spare, .room = N};
    ltd_rng rng;
    ltd_rng_seed(&rng, 3, LTD_STREAM_TEST);
    for (int round = 0; round < 300; round++) {
        int32_t n = 0, shape = (int32_t)ltd_rng_below(&rng, 4);
        ltd_rank_clear(&rank);
        while (n < N) {
            int32_t more = 1 + (int32_t)ltd_rng_below(&rng, 700);
            for (; more > 0 && n < N; more--, n++) {
                uint32_t high = shape == 0   ? (uint32_t)n
                                : shape == 1 ? (uint32_t)(N - n)
                                : shape == 2 ? (uint32_t)(n % 7)
                                             : (uint32_t)ltd_rng_u64(&rng);
                all[n] = ((uint64_t)high << 32 | (uint32_t)n) + (1u << 20);
                ltd_rank_push(&rank, all[n]);
            }
            static uint64_t sorted[N];
            memcpy(sorted, all, sizeof *all * (size_t)n);
            qsort(sorted, (size_t)n, sizeof *sorted, by_key);
            int32_t ask = (int32_t)ltd_rng_below(&rng, (uint64_t)n + 1);
            assert_memory_equal(ltd_rank_best(&rank, ask), sorted, sizeof *sorted * (size_t)ask);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_trees_equal_the_naive_twin),
        cmocka_unit_test(a_drafted_node_that_is_in_the_chain_is_merged),
        cmocka_unit_test(a_chain_changes_nothing_of_what_the_head_is_asked),
        cmocka_unit_test(numbers_that_are_none_neither_crash_nor_break_the_order),
        cmocka_unit_test(every_row_has_its_entropy),
        cmocka_unit_test(limits_are_checked_and_sizes_clipped),
        cmocka_unit_test(ranking_survives_any_order_of_pushes_and_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
