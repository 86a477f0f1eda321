/* A draft's own rules: what can't be asked of it, and that what was refused changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "tests/support/engine.h"
#include "tests/support/golden.h"

enum { CONTEXT = 40, ROWS = 16, K = 4, EXPANSIONS = 3, FEATURE = 192 };

static ltd_llama *model;
static ltd_eagle3 *head;
static float features[CONTEXT * FEATURE];
static int32_t tokens[CONTEXT];
static ltd_err err;

static int setup(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 21, LTD_STREAM_TEST);
    for (int i = 0; i < CONTEXT * FEATURE; i++) features[i] = ltd_rng_normal(&rng);
    for (int i = 0; i < CONTEXT; i++) tokens[i] = (int32_t)ltd_rng_below(&rng, 320);
    model = engine_model("eagle3/target", LTD_LOAD_FILE, 16, NULL);
    head = engine_head("eagle3/session", model, LTD_LOAD_Q8);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ltd_eagle3_close(head);
    ltd_llama_close(model);
    return 0;
}

static ltd_draft *open_draft(void)
{
    ltd_draft *d;
    ltd_draft_options o = {CONTEXT, ROWS, K, EXPANSIONS, LTD_VOCABULARY_AUTO, false};
    if (ltd_draft_new(&d, head, &o, &err) < 0) fail_msg("%s", err.msg);
    return d;
}

static void extend(ltd_draft *d, int32_t n, bool top)
{
    int32_t at = ltd_draft_length(d);
    if (ltd_draft_extend(d, features + at * FEATURE, tokens + at, n, top, &err) < 0)
        fail_msg("%s", err.msg);
}

/* Expansion e with the beam (tokens, sources); columns of row 0. */
static int expand(ltd_draft *d, const int32_t *beam, const int32_t *sources, int32_t e)
{
    static const int32_t columns[EXPANSIONS + 1] = {0, K, 2 * K, 3 * K};
    const int32_t *ancestors[K] = {columns, columns, columns, columns};
    ltd_expansion rows = {beam, sources, ancestors, e};
    return ltd_draft_expand(d, &rows, &err);
}

static void same_output(const ltd_draft *a, const ltd_draft *b, size_t rows)
{
    assert_memory_equal(ltd_draft_tokens(a), ltd_draft_tokens(b), rows * K * sizeof(int32_t));
    engine_same_bits("ln p", ltd_draft_logp(a), ltd_draft_logp(b), rows * K);
}

static void pairs_at_once_equal_pairs_one_by_one(void **state)
{
    (void)state;
    ltd_draft *a = open_draft(), *b = open_draft();
    extend(a, 13, true);
    for (int i = 0; i < 13; i++) extend(b, 1, i == 12);
    same_output(a, b, 1);
    ltd_draft_free(a);
    ltd_draft_free(b);
}

static void expansions_vanish_at_the_next_extend(void **state)
{
    (void)state;
    static const int32_t sources[K] = {0, 0, 0, 0}, mixed[K] = {3, 1, 0, 2};
    ltd_draft *a = open_draft(), *b = open_draft();
    extend(a, 9, true);
    extend(b, 9, false);
    assert_int_equal(expand(a, tokens, sources, 0), 0);
    assert_int_equal(expand(a, tokens + 4, mixed, 1), 0);
    extend(a, 3, true);
    extend(b, 3, true);
    same_output(a, b, 1);
    assert_int_equal(ltd_draft_length(a), 12);
    assert_int_equal(expand(a, tokens, sources, 0), 0);
    assert_int_equal(expand(b, tokens, sources, 0), 0);
    same_output(a, b, K);
    assert_int_equal(ltd_draft_truncate(a, 5, &err), 0);
    assert_int_equal(ltd_draft_truncate(b, 5, &err), 0);
    extend(a, 6, true);
    extend(b, 6, true);
    same_output(a, b, 1);
    ltd_draft_free(a);
    ltd_draft_free(b);
}

static void what_cant_be_asked_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const int32_t zeros[K] = {0}, one[K] = {0, 0, 1, 0}, minus[K] = {0, -1, 0, 0};
    static const int32_t wild[K] = {1, 320, 2, 3}, negative[K] = {1, 2, 3, -1};
    ltd_draft *d = open_draft(), *twin = open_draft();
    assert_int_equal(expand(d, tokens, zeros, 0), LTD_EINVAL); /* before an extend */
    extend(d, 10, false);
    assert_int_equal(expand(d, tokens, zeros, 0), LTD_EINVAL); /* no best tokens were asked for */
    extend(d, 2, true);
    extend(twin, 12, true);
    assert_int_equal(ltd_draft_extend(d, features, tokens, 0, true, &err), LTD_EINVAL);
    assert_int_equal(ltd_draft_extend(d, features, tokens, ROWS + 1, true, &err), LTD_EINVAL);
    assert_int_equal(ltd_draft_extend(d, features, wild, 2, true, &err), LTD_EINVAL);
    assert_int_equal(ltd_draft_truncate(d, 13, &err), LTD_EINVAL);
    assert_int_equal(ltd_draft_truncate(d, -1, &err), LTD_EINVAL);
    assert_int_equal(expand(d, tokens, zeros, 1), LTD_EINVAL);
    assert_int_equal(expand(d, tokens, one, 0), LTD_EINVAL); /* an extend leaves one row */
    assert_int_equal(expand(d, tokens, minus, 0), LTD_EINVAL);
    assert_int_equal(expand(d, wild, zeros, 0), LTD_EINVAL);
    assert_int_equal(expand(d, negative, zeros, 0), LTD_EINVAL);
    for (int e = 0; e < EXPANSIONS; e++) {
        assert_int_equal(expand(d, tokens + e, zeros, e), 0);
        assert_int_equal(expand(twin, tokens + e, zeros, e), 0);
        same_output(d, twin, K);
    }
    assert_int_equal(expand(d, tokens, zeros, EXPANSIONS), LTD_EINVAL);
    ltd_draft_free(d);
    ltd_draft_free(twin);
    ltd_draft_free(NULL);
}

static void the_context_may_be_filled_and_not_exceeded(void **state)
{
    (void)state;
    static const int32_t zeros[K] = {0};
    ltd_draft *d = open_draft();
    for (int i = 0; i < CONTEXT; i += 8) extend(d, 8, true);
    for (int e = 0; e < EXPANSIONS; e++) assert_int_equal(expand(d, tokens, zeros, e), 0);
    assert_int_equal(ltd_draft_extend(d, features, tokens, 1, true, &err), LTD_EINVAL);
    ltd_draft_free(d);
}

static void drafts_that_cant_be_are_refused(void **state)
{
    (void)state;
    static const int32_t bad[][4] = {{0, 8, 4, 3},  {64, 0, 4, 3},  {64, 1025, 4, 3},
                                     {64, 8, 0, 3}, {64, 8, 33, 3}, {64, 8, 4, -1},
                                     {64, 8, 4, 65}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ltd_draft *d = (ltd_draft *)(void *)features; /* something that must go */
        ltd_draft_options o = {bad[i][0], bad[i][1], bad[i][2], bad[i][3], 0, false};
        assert_int_equal(ltd_draft_new(&d, head, &o, &err), LTD_EINVAL);
        assert_null(d);
    }
}

static void a_head_of_another_target_is_refused_with_both_sizes(void **state)
{
    (void)state;
    char path[1024];
    ltd_eagle3 *other = (ltd_eagle3 *)(void *)features;
    assert_true(source_path(path, sizeof path, "heads/smollm2-135m-eagle3"));
    assert_int_equal(ltd_eagle3_open(&other, path, model, LTD_LOAD_Q8, &err), LTD_EUNSUPPORTED);
    assert_null(other);
    assert_non_null(strstr(err.msg, "576"));
    assert_non_null(strstr(err.msg, "64"));
    assert_int_equal(ltd_eagle3_open(&other, "no/such/folder", model, LTD_LOAD_Q8, &err), LTD_EIO);
    assert_null(other);
    ltd_llama *shallow = engine_model("models/llama_gqa_tied", LTD_LOAD_FILE, 16, NULL);
    assert_true(golden_path(path, sizeof path, "eagle3/head_a"));
    assert_int_equal(ltd_eagle3_open(&other, path, shallow, LTD_LOAD_F32, &err), LTD_EUNSUPPORTED);
    assert_null(other);
    ltd_llama_close(shallow);
    ltd_eagle3_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_at_once_equal_pairs_one_by_one),
        cmocka_unit_test(expansions_vanish_at_the_next_extend),
        cmocka_unit_test(what_cant_be_asked_is_refused_and_changes_nothing),
        cmocka_unit_test(the_context_may_be_filled_and_not_exceeded),
        cmocka_unit_test(drafts_that_cant_be_are_refused),
        cmocka_unit_test(a_head_of_another_target_is_refused_with_both_sizes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
