/* EAGLE-3's own trees: the official head's logits go through our growth, ranking and selection, and
 * every token, parent, beam and selection must be the official one; scores within 2e-4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "env/accept.h"
#include "env/tree.h"
#include "env/tree_new.h"
#include "tests/support/golden.h"
#include "tests/support/vectors.h"

enum { MAX_K = 10, DEPTH = 5, MAX_VERIFY = 64 };
static const double tolerance = 2e-4;

static ltd_json_doc *open_json(const char *name)
{
    char path[512];
    ltd_file file;
    ltd_json_doc *doc = NULL;
    ltd_err err = LTD_ERR_INIT;
    if (!golden_path(path, sizeof path, name)) fail_msg("%s: not there", name);
    if (ltd_file_map(&file, path, &err) < 0 ||
        ltd_json_parse(&doc, name, file.data, file.size, &err) < 0)
        fail_msg("%s", err.msg);
    ltd_file_unmap(&file);
    return doc;
}

static int32_t int_at(ltd_json array, size_t i)
{
    int64_t v = 0;
    assert_int_equal(ltd_json_as_int(ltd_json_at(array, i), "entry", -1, 1 << 30, &v, NULL), 0);
    return (int32_t)v;
}

static ltd_json member(ltd_json object, const char *key)
{
    if (!ltd_json_has(object, key)) fail_msg("no key '%s'", key);
    return ltd_json_member(object, key);
}

/* The k best of one row of logits as target tokens and ln p, by (ln p descending, id ascending). */
static void top_k(const float *logits, int64_t n, const int64_t *d2t, int32_t k, int32_t *token,
                  float *logp)
{
    double top = -INFINITY, sum = 0;
    int64_t best[MAX_K];
    int32_t have = 0;
    for (int64_t i = 0; i < n; i++) top = fmax(top, logits[i]);
    for (int64_t i = 0; i < n; i++) sum += exp(logits[i] - top);
    for (int64_t i = 0; i < n; i++) {
        int32_t at = have < k ? have++ : k;
        for (; at > 0 && logits[best[at - 1]] < logits[i]; at--)
            if (at < k) best[at] = best[at - 1];
        if (at < k) best[at] = i;
    }
    for (int32_t j = 0; j < k; j++) {
        token[j] = (int32_t)(best[j] + (d2t ? d2t[best[j]] : 0));
        logp[j] = (float)(logits[best[j]] - top - log(sum));
    }
}

static void grow(ltd_tree *tree, const ltd_safetensors *want, const char *name, const int64_t *d2t,
                 int32_t rows)
{
    int64_t dims[8];
    const float *logits = vec_f32(want, name, dims);
    int32_t token[MAX_K * MAX_K], k = ltd_tree_top_k(tree);
    float logp[MAX_K * MAX_K];
    assert_true(dims[0] >= rows); /* of the resync only the last row counts */
    logits += (dims[0] - rows) * dims[1];
    for (int32_t r = 0; r < rows; r++)
        top_k(logits + r * dims[1], dims[1], d2t, k, token + r * k, logp + r * k);
    assert_int_equal(ltd_tree_grow(tree, token, logp), 0);
}

/* The beam that the official code chose after expansion e. */
static void check_chosen(const ltd_tree *tree, const int32_t *chosen, int32_t e)
{
    int32_t k = ltd_tree_top_k(tree), first = k + e * k * k;
    for (int32_t j = 0; j < k; j++) {
        assert_int_equal(ltd_tree_beam_source(tree)[j], chosen[j] / k);
        assert_int_equal(ltd_tree_beam_node(tree)[j], first + chosen[j]);
    }
}

static void check_pool(const ltd_tree *tree, const ltd_safetensors *want, int cycle)
{
    char name[48];
    int32_t n = ltd_tree_count(tree);
    const ltd_node *nodes = ltd_tree_nodes(tree);
    snprintf(name, sizeof name, "c%d.pool_tokens", cycle);
    const int32_t *token = vec_i32(want, name, NULL);
    assert_int_equal(vec_count(want, name), n);
    snprintf(name, sizeof name, "c%d.pool_parent", cycle);
    const int32_t *parent = vec_i32(want, name, NULL);
    snprintf(name, sizeof name, "c%d.pool_scores", cycle);
    const float *score = vec_f32(want, name, NULL);
    for (int32_t i = 0; i < n; i++) {
        assert_int_equal(nodes[i].token, token[i]);
        assert_int_equal(nodes[i].parent, parent[i]);
        if (!(fabs(nodes[i].score - score[i]) <= tolerance))
            fail_msg("%s[%d]: %g, expected %g", name, i, (double)nodes[i].score, (double)score[i]);
    }
}

/* Ancestors among the selection, as the rows of the official mask. */
static void check_mask(const ltd_selection *sel, ltd_json rows)
{
    for (int32_t e = 0; e < sel->n; e++) {
        char row[MAX_VERIFY + 1];
        const char *official = NULL;
        memset(row, '0', sizeof row);
        row[sel->n] = 0;
        for (int32_t at = e; at >= 0; at = sel->parent[at]) row[at] = '1';
        assert_int_equal(ltd_json_as_string(ltd_json_at(rows, (size_t)e), "mask", &official, NULL),
                         0);
        assert_string_equal(row, official);
    }
}

static void check_selection(ltd_tree *tree, ltd_json official, int32_t root)
{
    int64_t size = 0;
    assert_int_equal(ltd_json_get_int(official, "draft_nodes", 0, MAX_VERIFY, &size, NULL), 0);
    const ltd_selection *sel = ltd_tree_select(tree, root, (int32_t)size);
    ltd_json token = member(official, "tokens"), parent = member(official, "parent");
    ltd_json pool = member(official, "pool_index"), depth = member(official, "position_offsets");
    assert_int_equal(sel->n, ltd_json_count(token));
    for (int32_t e = 0; e < sel->n; e++) {
        assert_int_equal(sel->token[e], int_at(token, (size_t)e));
        assert_int_equal(sel->parent[e], int_at(parent, (size_t)e));
        assert_int_equal(sel->depth[e], int_at(depth, (size_t)e));
        if (e > 0) assert_int_equal(sel->node[e], int_at(pool, (size_t)e - 1));
    }
    check_mask(sel, member(official, "mask_rows"));
}

static void replay_cycle(ltd_tree *tree, const ltd_safetensors *want, const int64_t *d2t,
                         ltd_json official, int cycle)
{
    char name[48];
    int64_t root = 0;
    int32_t k = ltd_tree_top_k(tree);
    ltd_tree_reset(tree);
    snprintf(name, sizeof name, "c%d.resync_logits", cycle);
    grow(tree, want, name, d2t, 1);
    for (int32_t e = 0; e < DEPTH; e++) {
        snprintf(name, sizeof name, "c%d.exp%d.tokens", cycle, e);
        assert_memory_equal(ltd_tree_beam_token(tree), vec_i32(want, name, NULL),
                            (size_t)k * sizeof(int32_t));
        snprintf(name, sizeof name, "c%d.exp%d.logits", cycle, e);
        grow(tree, want, name, d2t, k);
        snprintf(name, sizeof name, "c%d.exp%d.chosen", cycle, e);
        check_chosen(tree, vec_i32(want, name, NULL), e);
    }
    check_pool(tree, want, cycle);
    assert_int_equal(ltd_json_get_int(official, "root", 0, 1 << 30, &root, NULL), 0);
    ltd_json trees = member(official, "trees");
    assert_true(ltd_json_count(trees) > 0);
    for (size_t i = 0; i < ltd_json_count(trees); i++)
        check_selection(tree, ltd_json_at(trees, i), (int32_t)root);
}

static void replay_case(const char *head, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "eagle3/%s/model.safetensors", head);
    ltd_safetensors *model = vec_open(path);
    const int64_t *d2t = vec_has(model, "d2t") ? vec_i64(model, "d2t", NULL) : NULL;
    snprintf(path, sizeof path, "eagle3/%s/%s.safetensors", head, name);
    ltd_safetensors *want = vec_open(path);
    snprintf(path, sizeof path, "eagle3/%s/%s.json", head, name);
    ltd_json_doc *doc = open_json(path);
    int64_t k = 0;
    assert_int_equal(ltd_json_get_int(ltd_json_root(doc), "top_k", 1, MAX_K, &k, NULL), 0);
    ltd_tree *tree;
    assert_int_equal(ltd_tree_new(&tree, (int32_t)k, DEPTH + 1, 8, MAX_VERIFY, NULL), 0);
    ltd_json cycles = member(ltd_json_root(doc), "cycles");
    assert_int_equal(ltd_json_count(cycles), 2);
    for (int c = 0; c < 2; c++) replay_cycle(tree, want, d2t, ltd_json_at(cycles, (size_t)c), c);
    ltd_tree_free(tree);
    ltd_json_free(doc);
    ltd_safetensors_close(want);
    ltd_safetensors_close(model);
}

static void a_head_with_its_own_vocabulary_grows_the_official_trees(void **state)
{
    (void)state;
    replay_case("head_a", "p0_k4");
    replay_case("head_a", "p0_k10");
    replay_case("head_a", "p1_k4");
    replay_case("head_a", "p1_k10");
}

static void a_head_with_the_targets_vocabulary_grows_the_official_trees(void **state)
{
    (void)state;
    replay_case("head_b", "p0_k10");
    replay_case("head_b", "p1_k4");
}

static int32_t argmax(const float *v, int64_t n)
{
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++)
        if (v[i] > v[best]) best = i;
    return best;
}

static void greedy_acceptance_is_the_official_one(void **state)
{
    (void)state;
    ltd_safetensors *want = vec_open("eagle3/verify/verify.safetensors");
    ltd_json_doc *doc = open_json("eagle3/verify/verify.json");
    ltd_json cases = member(ltd_json_root(doc), "cases");
    assert_int_equal(ltd_json_count(cases), 6);
    for (size_t c = 0; c < ltd_json_count(cases); c++) {
        int32_t token[MAX_VERIFY], parent[MAX_VERIFY], depth[MAX_VERIFY], node[MAX_VERIFY];
        int32_t best[MAX_VERIFY], path[MAX_VERIFY], next;
        char name[48];
        int64_t dims[8], root = 0, length = 0;
        ltd_json one = ltd_json_at(cases, c), greedy = member(one, "greedy");
        snprintf(name, sizeof name, "v%zu.node_logits", c);
        const float *logits = vec_f32(want, name, dims);
        int32_t n = (int32_t)dims[0];
        assert_int_equal(ltd_json_count(member(one, "tokens")), n);
        for (int32_t i = 0; i < n; i++) {
            token[i] = int_at(member(one, "tokens"), (size_t)i);
            parent[i] = int_at(member(one, "parent"), (size_t)i);
            depth[i] = int_at(member(one, "position_offsets"), (size_t)i);
            node[i] = i - 1;
            best[i] = argmax(logits + i * dims[1], dims[1]);
        }
        ltd_selection sel = {n, token, parent, depth, node};
        int32_t got = ltd_accept_greedy(&sel, best, path, &next);
        ltd_json accepted = member(greedy, "accepted_nodes");
        assert_int_equal(ltd_json_get_int(greedy, "accept_length", 0, n, &length, NULL), 0);
        assert_int_equal(ltd_json_get_int(greedy, "new_root", 0, 1 << 30, &root, NULL), 0);
        assert_int_equal(got, length + 1);
        assert_int_equal(got, ltd_json_count(accepted));
        for (int32_t i = 0; i < got; i++) assert_int_equal(path[i], int_at(accepted, (size_t)i));
        assert_int_equal(next, root);
    }
    ltd_json_free(doc);
    ltd_safetensors_close(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_with_its_own_vocabulary_grows_the_official_trees),
        cmocka_unit_test(a_head_with_the_targets_vocabulary_grows_the_official_trees),
        cmocka_unit_test(greedy_acceptance_is_the_official_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
