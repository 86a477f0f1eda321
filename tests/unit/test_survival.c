#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "env/survival.h"
#include "env/survival_file.h"
#include "env/survival_fit.h"
#include "env/tree.h"
#include "env/tree_new.h"

static char dir[] = "/tmp/ltd_test_survival_XXXXXX";
static char path[64];
static ltd_survival_counts *counts;
static ltd_survival fitted;
static ltd_err err = LTD_ERR_INIT;

/* What a chain's token is with these odds of the head's. */
static double together(int32_t length, double odds)
{
    return 1 / (1 + exp(-(length < 4 ? 0.8 : 2) - 0.9 * odds));
}

/* A head that is too sure of itself: what it calls s is true with exp(1.5 s).  Chains whose tokens
 * are right with 1 - 1 / (1 + length), each on its own. */
static void count_texts(void)
{
    ltd_rng rng;
    ltd_rng_seed(&rng, 7, LTD_STREAM_TEST);
    memset(counts, 0, sizeof *counts);
    for (int i = 0; i < 600000; i++) {
        double s = -8.5 * ltd_rng_f64(&rng);
        ltd_survival_count_head(counts, (float)s, ltd_rng_f64(&rng) < exp(1.5 * s));
        int32_t length = 1 + (int32_t)ltd_rng_below(&rng, 70), n = 0;
        while (n < 20 && ltd_rng_f64(&rng) > 1.0 / (1 + length)) n++;
        ltd_survival_count_lookup(counts, length, n, 20);
        double odds = 8 * ltd_rng_f64(&rng) - 4;
        ltd_survival_count_both(counts, length, (float)-log1p(exp(-odds)),
                                ltd_rng_f64(&rng) < together(length, odds));
        ltd_survival_count_both(counts, length, -INFINITY, ltd_rng_f64(&rng) < 0.1);
    }
}

static int setup(void **state)
{
    (void)state;
    counts = calloc(1, sizeof *counts);
    if (!counts || !mkdtemp(dir)) return -1;
    snprintf(path, sizeof path, "%s/survival.json", dir);
    count_texts();
    ltd_survival_fit(counts, &fitted);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(counts);
    unlink(path);
    return rmdir(dir);
}

static void the_curve_is_what_came_true(void **state)
{
    (void)state;
    for (float s = -0.02f; s > -3; s -= 0.09f) {
        double want = exp(1.5 * (double)s), got = exp((double)ltd_survival_head(&fitted, s));
        if (fabs(got - want) > 0.02) fail_msg("survival of %g: %g, expected %g", s, got, want);
    }
    float chain[24];
    ltd_survival_lookup(&fitted, 3, chain, 24);
    for (int i = 0; i < 20; i++) {
        double want = pow(0.75, i + 1), got = exp((double)chain[i]);
        if (fabs(got - want) > 0.025) fail_msg("place %d: %g, expected %g", i, got, want);
    }
}

static void curves_never_rise(void **state)
{
    (void)state;
    float chain[80], before = 0;
    const ltd_survival *each[2] = {NULL, &fitted};
    for (int v = 0; v < 2; v++) {
        before = 0;
        for (float s = 0; s > -40; s -= 0.03f) {
            float x = ltd_survival_head(each[v], s);
            assert_true(x <= before + 1e-6f);
            before = x;
        }
        for (int32_t length = 0; length <= 70; length++) {
            ltd_survival_lookup(each[v], length, chain, 80);
            for (int i = 0; i < 80; i++) assert_true(chain[i] <= (i ? chain[i - 1] : 0));
        }
    }
    assert_true(ltd_survival_head(&fitted, -INFINITY) == -INFINITY);
    assert_true(ltd_survival_head(NULL, -3) == -3);
    assert_true(ltd_survival_head(&fitted, 1) == fitted.head[0]);
}

/* By trying all partitions into runs: the isotonic fit of a few knots. */
static void rising_counts_are_pooled(void **state)
{
    (void)state;
    ltd_survival_counts *c = calloc(1, sizeof *c);
    ltd_survival s;
    for (int i = 0; i < 4000; i++) {
        ltd_survival_count_head(c, -0.125f, i % 2);     /* a half where 0.88 was said */
        ltd_survival_count_head(c, -0.25f, i % 4 != 0); /* three quarters where 0.78 was */
    }
    ltd_survival_fit(c, &s);
    assert_true(s.head[1] == s.head[2]);
    assert_true(fabs(exp((double)s.head[1]) - 0.625) < 0.002);
    assert_int_equal(s.nodes, 8000);
    free(c);
}

static void what_was_never_seen_stays_as_it_was(void **state)
{
    (void)state;
    ltd_survival_counts *c = calloc(1, sizeof *c);
    ltd_survival s;
    float with[30], without[30];
    ltd_survival_fit(c, &s);
    for (float x = 0; x > -9; x -= 0.1f) assert_true(fabsf(ltd_survival_head(&s, x) - x) < 1e-4f);
    for (int32_t length = 1; length < 60; length += 7) {
        ltd_survival_lookup(&s, length, with, 30);
        ltd_survival_lookup(NULL, length, without, 30);
        for (int i = 0; i < 30; i++) assert_true(fabsf(with[i] - without[i]) < 1e-3f);
    }
    free(c);
}

static void head_and_chain_are_weighed_together(void **state)
{
    (void)state;
    for (double odds = -4; odds <= 4; odds += 0.5)
        for (int32_t length = 3; length < 30; length += 17) {
            double want = together(length, odds);
            double got = exp((double)ltd_survival_both(&fitted, length, (float)-log1p(exp(-odds))));
            if (fabs(got - want) > 0.03)
                fail_msg("%d, odds %g: %g, expected %g", length, odds, got, want);
        }
    assert_true(fabs(exp((double)ltd_survival_both(&fitted, 3, -INFINITY)) - 0.1) < 0.02);
    assert_true(ltd_survival_both(&fitted, 60, 0) <= 0);
}

/* Own scores go through the curve, steps of it are added to where a node hangs; a chain's node, of
 * which the head has spoken, has what both say, and its siblings share the rest. */
static void a_tree_scores_by_the_curve(void **state)
{
    (void)state;
    ltd_tree *tree;
    const float chain[] = {-0.3f, -0.6f};
    assert_int_equal(ltd_tree_new(&tree, 2, 2, 2, 8, &err), 0);
    ltd_tree_set_survival(tree, &fitted);
    ltd_tree_reset(tree);
    ltd_tree_add_chain(tree, 4, (int32_t[]){7, 8}, chain, 2);
    assert_int_equal(ltd_tree_grow(tree, (int32_t[]){7, 1}, (float[]){-0.5f, -1.2f}), 0);
    const ltd_node *node = ltd_tree_nodes(tree);
    float both = ltd_survival_both(&fitted, 4, -0.5f);
    float others = logf((1 - expf(both)) / (1 - expf(-0.5f)));
    assert_true(fabsf(node[0].score - both) < 1e-6f);
    assert_true(fabsf(node[1].score - (both - 0.3f)) < 1e-6f);
    assert_true(fabsf(node[2].score - (ltd_survival_head(&fitted, -1.2f) + others)) < 1e-5f);
    /* The first row stands at the chain's first node, and doesn't propose its second. */
    assert_int_equal(ltd_tree_grow(tree, (int32_t[]){3, 4, 5, 6}, (float[]){-0.25f, -2, -0.5f, -1}),
                     0);
    float silent = ltd_survival_both(&fitted, 5, -INFINITY);
    assert_true(fabsf(node[1].score - (both + silent)) < 1e-6f);
    float step = ltd_survival_head(&fitted, -0.75f) - ltd_survival_head(&fitted, -0.5f);
    assert_int_equal(node[3].parent, 0);
    assert_true(fabsf(node[3].score - (both + step + logf(1 - expf(silent)))) < 1e-5f);
    assert_int_equal(node[5].parent, 2);
    step = ltd_survival_head(&fitted, -1.7f) - ltd_survival_head(&fitted, -1.2f);
    assert_true(fabsf(node[5].score - (node[2].score + step)) < 1e-5f);
    ltd_tree_free(tree);
}

/* Whatever the head says of a chain, the best nodes are in order and hold their parents. */
static void selections_stay_closed_when_a_chain_falls(void **state)
{
    (void)state;
    enum { K = 3, CHAIN = 6 };
    ltd_rng rng;
    ltd_rng_seed(&rng, 11, LTD_STREAM_TEST);
    ltd_tree *tree;
    assert_int_equal(ltd_tree_new(&tree, K, 4, CHAIN, 40, &err), 0);
    ltd_tree_set_survival(tree, &fitted);
    for (int round = 0; round < 2000; round++) {
        int32_t token[K * K], chain[CHAIN];
        float logp[K * K], score[CHAIN], sum = 0;
        for (int i = 0; i < CHAIN; i++) {
            chain[i] = (int32_t)ltd_rng_below(&rng, 4);
            score[i] = sum -= ltd_rng_f32(&rng) * 0.3f;
        }
        ltd_tree_reset(tree);
        ltd_tree_add_chain(tree, 1 + (int32_t)ltd_rng_below(&rng, 60), chain, score, CHAIN);
        for (int f = 0; f < 4; f++) {
            for (int r = 0; r < K; r++) {
                float p = 0;
                int32_t first = (int32_t)ltd_rng_below(&rng, 4);
                for (int c = 0; c < K; c++) {
                    token[r * K + c] = (first + c) % 4;
                    logp[r * K + c] = p -= 0.05f + ltd_rng_f32(&rng) * 2;
                }
            }
            assert_int_equal(ltd_tree_grow(tree, token, logp), 0);
            int32_t n = ltd_tree_count(tree) < 40 ? ltd_tree_count(tree) : 40;
            const int32_t *best = ltd_tree_ranked(tree, n);
            const ltd_node *node = ltd_tree_nodes(tree);
            bool seen[64] = {false};
            for (int32_t i = 0; i < n; i++) {
                const ltd_node *x = &node[best[i]];
                assert_true(x->parent < 0 || seen[x->parent]);
                assert_true(i == 0 || x->score <= node[best[i - 1]].score);
                seen[best[i]] = true;
            }
        }
    }
    ltd_tree_free(tree);
}

static void files_read_back_and_bad_ones_are_named(void **state)
{
    (void)state;
    ltd_survival *got;
    strcpy(fitted.model_hash, "model");
    assert_int_equal(ltd_survival_save(&fitted, path, &err), 0);
    assert_int_equal(ltd_survival_load(&got, path, &err), 0);
    assert_string_equal(got->model_hash, "model");
    assert_int_equal(got->nodes, fitted.nodes);
    for (int i = 0; i < LTD_SURVIVAL_KNOTS; i++)
        assert_true(fabsf(got->head[i] - fitted.head[i]) <= 1e-4f * fabsf(fitted.head[i]));
    assert_memory_not_equal(got->lookup, (char[sizeof got->lookup]){0}, sizeof got->lookup);
    free(got);
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"{}", "version"},
        {"{\"version\": 2}", "version"},
        {"{\"version\": 1, \"model\": \"m\", \"head_sha256\": \"\", \"nodes\": 1, \"matches\": 1, "
         "\"head\": [0, 1]}",
         "array of 65 numbers"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ltd_file_write(path, bad[i].text, strlen(bad[i].text), &err), 0);
        assert_int_equal(ltd_survival_load(&got, path, &err), LTD_EFORMAT);
        assert_non_null(strstr(err.msg, bad[i].says));
        assert_null(got);
    }
    assert_int_equal(ltd_survival_load(&got, "/nowhere/x.json", &err), LTD_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_curve_is_what_came_true),
        cmocka_unit_test(curves_never_rise),
        cmocka_unit_test(rising_counts_are_pooled),
        cmocka_unit_test(what_was_never_seen_stays_as_it_was),
        cmocka_unit_test(head_and_chain_are_weighed_together),
        cmocka_unit_test(a_tree_scores_by_the_curve),
        cmocka_unit_test(selections_stay_closed_when_a_chain_falls),
        cmocka_unit_test(files_read_back_and_bad_ones_are_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
