/* Draft heads against the official EAGLE-3 code: the resync and every expansion of two consecutive
 * cycles, the trees that grow from them, and the target's verification of a tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "env/accept.h"
#include "env/tree.h"
#include "env/tree_new.h"
#include "tests/support/engine.h"
#include "tests/support/vectors.h"

enum { DEPTH = 5, ROOM = 128, CONTEXT = 128, TOTAL = 60 };
static const double TOLERANCE = 2e-4;

typedef struct head_case {
    ltd_llama *target;
    ltd_eagle3 *head;
    ltd_draft *draft, *single; /* whole resyncs, and pair by pair */
    ltd_tree *tree;
    ltd_safetensors *want;
    ltd_json_doc *doc;
    int32_t k, vocab;
    ltd_err err;
} head_case;

static void open_case(head_case *c, const char *head, const char *name)
{
    char path[128];
    *c = (head_case){.target = engine_eagle3_target()};
    snprintf(path, sizeof path, "eagle3/%s", head);
    c->head = engine_head(path, c->target, LTD_LOAD_F32);
    snprintf(path, sizeof path, "eagle3/%s/%s.safetensors", head, name);
    c->want = vec_open(path);
    snprintf(path, sizeof path, "eagle3/%s/%s.json", head, name);
    c->doc = engine_json(path);
    c->k = engine_int(ltd_json_root(c->doc), "top_k");
    c->vocab = ltd_eagle3_get_config(c->head)->draft_vocab;
    ltd_draft_options o = {CONTEXT, 64, c->k, DEPTH, LTD_VOCABULARY_AUTO, true};
    assert_int_equal(ltd_draft_new(&c->draft, c->head, &o, &c->err), 0);
    o.max_rows = 1;
    assert_int_equal(ltd_draft_new(&c->single, c->head, &o, &c->err), 0);
    assert_int_equal(ltd_tree_new(&c->tree, c->k, DEPTH + 1, 0, TOTAL, &c->err), 0);
}

static void close_case(head_case *c)
{
    ltd_tree_free(c->tree);
    ltd_draft_free(c->draft);
    ltd_draft_free(c->single);
    ltd_json_free(c->doc);
    ltd_safetensors_close(c->want);
    ltd_eagle3_close(c->head);
    ltd_llama_close(c->target);
}

/* "c1.exp3.hidden" */
static const char *named(int cycle, const char *what)
{
    static char name[64];
    snprintf(name, sizeof name, "c%d.%s", cycle, what);
    return name;
}

static const char *of_expansion(int cycle, int expansion, const char *what)
{
    static char name[64];
    snprintf(name, sizeof name, "c%d.exp%d.%s", cycle, expansion, what);
    return name;
}

static void check_rows(const head_case *c, const char *hidden, const char *logits,
                       const ltd_draft *d, int32_t row0, int32_t n)
{
    int64_t dims[8];
    char what[80];
    const float *h = vec_f32(c->want, hidden, dims);
    snprintf(what, sizeof what, "%s of %s, row %d", hidden, ltd_safetensors_path(c->want), row0);
    vec_assert_close(what, ltd_draft_hidden(d), h + (size_t)row0 * (size_t)dims[1],
                     (size_t)n * (size_t)dims[1], TOLERANCE);
    const float *l = vec_f32(c->want, logits, dims);
    assert_int_equal(dims[1], c->vocab);
    vec_assert_close(logits, ltd_draft_logits(d), l + (size_t)row0 * (size_t)dims[1],
                     (size_t)n * (size_t)dims[1], TOLERANCE);
}

/* The pairs of a resync at once and one by one: every row near the reference, and the last one of
 * both ways equal. */
static void check_resync(head_case *c, int cycle)
{
    int64_t dims[8];
    char hidden[64], logits[64];
    const float *features = vec_f32(c->want, named(cycle, "features"), dims);
    int32_t n = (int32_t)dims[0];
    size_t width = (size_t)dims[1];
    const int32_t *ids = vec_i32(c->want, named(cycle, "ids"), dims);
    const int32_t *tokens = ids + dims[0] - n;
    snprintf(hidden, sizeof hidden, "%s", named(cycle, "resync_hidden"));
    snprintf(logits, sizeof logits, "%s", named(cycle, "resync_logits"));
    for (int32_t i = 0; i < n; i++) {
        assert_int_equal(
            ltd_draft_extend(c->single, features + (size_t)i * width, tokens + i, 1, true, &c->err),
            0);
        check_rows(c, hidden, logits, c->single, i, 1);
    }
    assert_int_equal(ltd_draft_extend(c->draft, features, tokens, n, true, &c->err), 0);
    check_rows(c, hidden, logits, c->draft, n - 1, 1);
    engine_same_bits(logits, ltd_draft_logits(c->draft), ltd_draft_logits(c->single),
                     (size_t)c->vocab);
}

static void grow(head_case *c)
{
    assert_int_equal(ltd_tree_grow(c->tree, ltd_draft_tokens(c->draft), ltd_draft_logp(c->draft)),
                     0);
}

static void check_expansion(head_case *c, int cycle, int e)
{
    const int32_t *ancestors[LTD_TREE_MAX_TOP_K];
    char hidden[64];
    int32_t n = 0;
    engine_same_ids("beam", ltd_tree_beam_token(c->tree),
                    vec_i32(c->want, of_expansion(cycle, e, "tokens"), NULL), c->k);
    for (int32_t j = 0; j < c->k; j++) n = ltd_tree_beam_ancestors(c->tree, j, &ancestors[j]);
    ltd_expansion rows = {ltd_tree_beam_token(c->tree), ltd_tree_beam_source(c->tree), ancestors,
                          n};
    assert_int_equal(ltd_draft_expand(c->draft, &rows, &c->err), 0);
    snprintf(hidden, sizeof hidden, "%s", of_expansion(cycle, e, "hidden"));
    check_rows(c, hidden, of_expansion(cycle, e, "logits"), c->draft, 0, c->k);
    grow(c);
    const int32_t *chosen = vec_i32(c->want, of_expansion(cycle, e, "chosen"), NULL);
    for (int32_t j = 0; j < c->k; j++)
        assert_int_equal(ltd_tree_beam_source(c->tree)[j], chosen[j] / c->k);
}

static void check_pool(const head_case *c, int cycle)
{
    int32_t n = ltd_tree_count(c->tree);
    assert_int_equal(n, vec_count(c->want, named(cycle, "pool_scores")));
    const float *scores = vec_f32(c->want, named(cycle, "pool_scores"), NULL);
    const int32_t *tokens = vec_i32(c->want, named(cycle, "pool_tokens"), NULL);
    const int32_t *parents = vec_i32(c->want, named(cycle, "pool_parent"), NULL);
    const ltd_node *nodes = ltd_tree_nodes(c->tree);
    for (int32_t i = 0; i < n; i++) {
        assert_int_equal(nodes[i].token, tokens[i]);
        assert_int_equal(nodes[i].parent, parents[i]);
        vec_assert_close("pool score", &nodes[i].score, &scores[i], 1, TOLERANCE);
    }
}

static void check_trees(const head_case *c, ltd_json cycle)
{
    int32_t want[ROOM];
    ltd_json trees = engine_get(cycle, "trees");
    assert_int_equal(ltd_json_count(trees), 3);
    for (size_t i = 0; i < 3; i++) {
        ltd_json t = ltd_json_at(trees, i);
        const ltd_selection *s =
            ltd_tree_select(c->tree, engine_int(cycle, "root"), engine_int(t, "draft_nodes"));
        assert_int_equal(s->n, engine_ids(t, "tokens", want, ROOM));
        engine_same_ids("tokens", s->token, want, s->n);
        engine_ids(t, "parent", want, ROOM);
        engine_same_ids("parents", s->parent, want, s->n);
        engine_ids(t, "position_offsets", want, ROOM);
        engine_same_ids("depths", s->depth, want, s->n);
        engine_ids(t, "pool_index", want, ROOM);
        engine_same_ids("pool indices", s->node + 1, want, s->n - 1);
    }
}

static void check_head(const char *head, const char *name)
{
    head_case c;
    open_case(&c, head, name);
    ltd_json cycles = engine_get(ltd_json_root(c.doc), "cycles");
    for (int cycle = 0; cycle < 2; cycle++) {
        check_resync(&c, cycle);
        ltd_tree_reset(c.tree);
        grow(&c);
        for (int e = 0; e < DEPTH; e++) check_expansion(&c, cycle, e);
        check_pool(&c, cycle);
        check_trees(&c, ltd_json_at(cycles, (size_t)cycle));
        assert_int_equal(ltd_draft_length(c.draft),
                         engine_int(ltd_json_at(cycles, (size_t)cycle), "n_pairs"));
    }
    close_case(&c);
}

static void a_head_with_its_own_vocabulary_drafts_as_the_official_code(void **state)
{
    (void)state;
    static const char *const names[] = {"p0_k4", "p0_k10", "p1_k4", "p1_k10"};
    for (int i = 0; i < 4; i++) check_head("head_a", names[i]);
}

static void a_head_over_the_whole_vocabulary_drafts_as_the_official_code(void **state)
{
    (void)state;
    check_head("head_b", "p0_k10");
    check_head("head_b", "p1_k4");
}

static void check_accepted(ltd_json c, const ltd_selection *s, const int32_t *argmax, int32_t *path,
                           int32_t *n_path)
{
    int32_t want[ROOM], next = -1;
    ltd_json greedy = engine_get(c, "greedy");
    *n_path = ltd_accept_greedy(s, argmax, path, &next);
    assert_int_equal(*n_path, engine_int(greedy, "accept_length") + 1);
    assert_int_equal(*n_path, engine_ids(greedy, "accepted_nodes", want, ROOM));
    engine_same_ids("accepted nodes", path, want, *n_path);
    assert_int_equal(next, engine_int(greedy, "new_root"));
}

static void check_verification(const ltd_llama *target, const ltd_safetensors *want, ltd_json c,
                               size_t index)
{
    int32_t prompt[ROOM], token[ROOM], parent[ROOM], depth[ROOM], path[ROOM], n_path;
    char name[64];
    int64_t dims[8];
    ltd_err err;
    ltd_session *s =
        engine_feature_session(target, &(ltd_session_options){CONTEXT, ROOM - 1, false, true, 1});
    int32_t root = engine_feed(s, prompt, engine_ids(c, "prompt_ids", prompt, ROOM));
    int32_t n = engine_ids(c, "tokens", token, ROOM);
    engine_ids(c, "parent", parent, ROOM);
    engine_ids(c, "position_offsets", depth, ROOM);
    assert_int_equal(root, token[0]);
    ltd_rows rows = {n, token, parent, n};
    assert_int_equal(ltd_session_forward(s, &rows, &err), 0);
    snprintf(name, sizeof name, "v%zu.node_logits", index);
    const float *logits = vec_f32(want, name, dims);
    assert_int_equal(dims[0], n);
    for (int32_t i = 0; i < n; i++)
        vec_assert_close(name, ltd_session_logits(s, i), logits + i * dims[1], (size_t)dims[1],
                         TOLERANCE);
    snprintf(name, sizeof name, "v%zu.node_features", index);
    if (vec_has(want, name))
        vec_assert_close(name, ltd_session_features(s, 0), vec_f32(want, name, NULL),
                         vec_count(want, name), TOLERANCE);
    ltd_selection sel = {n, token, parent, depth, depth};
    check_accepted(c, &sel, ltd_session_argmaxes(s), path, &n_path);
    assert_int_equal(ltd_session_commit(s, path, n_path, &err), 0);
    ltd_session_free(s);
}

static void check_prompt_features(const char *name)
{
    int32_t prompt[ROOM];
    ltd_err err;
    head_case c;
    open_case(&c, "head_a", name);
    ltd_session *s = engine_feature_session(
        c.target, &(ltd_session_options){CONTEXT, ROOM - 1, false, false, 1});
    int32_t n = engine_ids(ltd_json_root(c.doc), "prompt_ids", prompt, ROOM);
    ltd_rows rows = {n, prompt, NULL, 1};
    assert_int_equal(ltd_session_forward(s, &rows, &err), 0);
    vec_assert_close("features", ltd_session_features(s, 0), vec_f32(c.want, "c0.features", NULL),
                     vec_count(c.want, "c0.features"), TOLERANCE);
    ltd_session_free(s);
    close_case(&c);
}

static void the_targets_features_are_those_that_the_heads_were_given(void **state)
{
    (void)state;
    check_prompt_features("p0_k4");
    check_prompt_features("p1_k4");
}

static void a_tree_is_verified_as_the_official_code_does(void **state)
{
    (void)state;
    ltd_llama *target = engine_eagle3_target();
    ltd_safetensors *want = vec_open("eagle3/verify/verify.safetensors");
    ltd_json_doc *doc = engine_json("eagle3/verify/verify.json");
    ltd_json cases = engine_get(ltd_json_root(doc), "cases");
    assert_int_equal(ltd_json_count(cases), 6);
    for (size_t i = 0; i < 6; i++) check_verification(target, want, ltd_json_at(cases, i), i);
    ltd_json_free(doc);
    ltd_safetensors_close(want);
    ltd_llama_close(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_with_its_own_vocabulary_drafts_as_the_official_code),
        cmocka_unit_test(a_head_over_the_whole_vocabulary_drafts_as_the_official_code),
        cmocka_unit_test(the_targets_features_are_those_that_the_heads_were_given),
        cmocka_unit_test(a_tree_is_verified_as_the_official_code_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
