/* Which conversations are left out, and where a loop is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "trainer/distill/filter.h"

enum { ROOM = 512 };

static ltd_err err;
static ltd_rng rng;
static const ltd_filter_options usual = LTD_FILTER_DEFAULTS;

static void fill(int32_t *ids, int32_t n)
{
    for (int32_t i = 0; i < n; i++) ids[i] = (int32_t)ltd_rng_below(&rng, 50000);
}

/* `copies` of a piece of `n` tokens, then `rest` more of the next copy; returns their count. */
static int32_t repeat(int32_t *ids, int32_t n, int32_t copies, int32_t rest)
{
    fill(ids, n);
    for (int32_t i = n; i < n * copies + rest; i++) ids[i] = ids[i - n];
    return n * copies + rest;
}

static void loops_are_cut_after_their_second_copy(void **state)
{
    (void)state;
    int32_t ids[ROOM];
    for (int32_t piece = 1; piece <= 64; piece++) {
        int32_t copies = 4 + (piece < 8 ? 24 / piece : 0);
        fill(ids, 20);
        int32_t n = 20 + repeat(ids + 20, piece, copies, piece / 2);
        assert_int_equal(ltd_filter_loop(&usual, ids, n), 20 + 2 * piece);
        /* What follows the loop goes too. */
        fill(ids + n, 30);
        assert_int_equal(ltd_filter_loop(&usual, ids, n + 30), 20 + 2 * piece);
        /* A token less is no loop yet. */
        int32_t enough = 3 * piece > 24 ? 3 * piece : 24;
        assert_int_equal(ltd_filter_loop(&usual, ids, 20 + piece + enough), 20 + 2 * piece);
        assert_int_equal(ltd_filter_loop(&usual, ids, 20 + piece + enough - 1),
                         20 + piece + enough - 1);
    }
    fill(ids, ROOM);
    assert_int_equal(ltd_filter_loop(&usual, ids, ROOM), ROOM);
    assert_int_equal(ltd_filter_loop(&usual, ids, 0), 0);
}

static int judge(ltd_filter *f, const int32_t *ids, int32_t answer, int32_t n, int32_t *left)
{
    ltd_conversation c = {.token = ids, .answer = answer, .n = n, .ended = true};
    int verdict = ltd_filter_judge(f, &c, &err);
    if (left) *left = c.n;
    assert_int_equal(c.ended, c.n == n);
    return verdict;
}

static void what_was_said_before_is_left_out(void **state)
{
    (void)state;
    ltd_filter *f;
    int32_t a[200], b[200], left;
    assert_int_equal(ltd_filter_new(&f, &usual, &err), LTD_OK);
    fill(a, 200);
    assert_int_equal(judge(f, a, 50, 200, &left), LTD_VERDICT_KEPT);
    assert_int_equal(left, 200);
    assert_int_equal(judge(f, a, 50, 200, NULL), LTD_VERDICT_SEEN);
    /* Another message, the same answer. */
    fill(b, 50);
    memcpy(b + 50, a + 50, 150 * sizeof *b);
    assert_int_equal(judge(f, b, 50, 200, NULL), LTD_VERDICT_SEEN);
    /* The same message and a third of the answer. */
    fill(b, 200);
    memcpy(b, a, 100 * sizeof *b);
    assert_int_equal(judge(f, b, 50, 200, NULL), LTD_VERDICT_KEPT);
    /* Many more: the set grows, and forgets nothing. */
    for (int i = 0; i < 100; i++) {
        fill(b, 200);
        assert_int_equal(judge(f, b, 20, 200, NULL), LTD_VERDICT_KEPT);
        assert_int_equal(judge(f, b, 20, 200, NULL), LTD_VERDICT_SEEN);
    }
    assert_int_equal(judge(f, a, 50, 200, NULL), LTD_VERDICT_SEEN);
    ltd_filter_free(f);
}

static void short_answers_and_loops_are_short(void **state)
{
    (void)state;
    ltd_filter *f;
    int32_t a[200], left;
    assert_int_equal(ltd_filter_new(&f, &usual, &err), LTD_OK);
    fill(a, 60);
    assert_int_equal(judge(f, a, 50, 53, NULL), LTD_VERDICT_SHORT);
    assert_int_equal(judge(f, a, 50, 54, NULL), LTD_VERDICT_KEPT);
    repeat(a + 50, 1, 100, 0); /* of one token: two stay */
    assert_int_equal(judge(f, a, 50, 150, &left), LTD_VERDICT_SHORT);
    assert_int_equal(left, 52);
    repeat(a + 50, 12, 10, 0);
    assert_int_equal(judge(f, a, 50, 170, &left), LTD_VERDICT_KEPT);
    assert_int_equal(left, 74);
    ltd_filter_free(f);
}

static void evaluation_prompts_are_excluded_wherever_they_stand(void **state)
{
    (void)state;
    ltd_filter *f;
    int32_t prompt[40], a[200];
    assert_int_equal(ltd_filter_new(&f, &usual, &err), LTD_OK);
    fill(prompt, 40);
    assert_int_equal(ltd_filter_exclude(f, prompt, 40, &err), LTD_OK);
    assert_int_equal(ltd_filter_exclude(f, prompt, usual.gram - 1, &err), LTD_OK); /* no gram */
    for (int32_t at = 0; at < 180; at += 17) {
        fill(a, 200);
        memcpy(a + at, prompt + 5, (size_t)usual.gram * sizeof *a);
        assert_int_equal(judge(f, a, 100, 200, NULL), LTD_VERDICT_EXCLUDED);
        a[at + 3]++;
        assert_int_equal(judge(f, a, 100, 200, NULL), LTD_VERDICT_KEPT);
    }
    ltd_filter_free(f);
}

static void options_that_cant_be_are_refused(void **state)
{
    (void)state;
    ltd_filter *f;
    ltd_filter_options o = usual;
    o.repeats = 1;
    assert_int_equal(ltd_filter_new(&f, &o, &err), LTD_EINVAL);
    assert_non_null(strstr(err.msg, "loops of 1 copies"));
    o = usual;
    o.most_seen = 2;
    assert_int_equal(ltd_filter_new(&f, &o, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "filter: share of grams seen 2, expected 0 to 1");
    assert_null(f);
    assert_string_equal(ltd_verdict_name(LTD_VERDICT_SEEN), "seen");
    assert_string_equal(ltd_verdict_name(LTD_VERDICT_COUNT), "unknown");
}

int main(void)
{
    ltd_rng_seed(&rng, 9, LTD_STREAM_TEST);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loops_are_cut_after_their_second_copy),
        cmocka_unit_test(what_was_said_before_is_left_out),
        cmocka_unit_test(short_answers_and_loops_are_short),
        cmocka_unit_test(evaluation_prompts_are_excluded_wherever_they_stand),
        cmocka_unit_test(options_that_cant_be_are_refused),
    };
    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
