#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "env/lookup.h"

enum { MAX_TEXT = 400, MAX_CHAIN = 12 };

/* The definition, by trying every place: text[0 .. n] holds the text and, at n, the root. */
static int32_t naive(const int32_t *text, int32_t n, int32_t min_match, int32_t *place)
{
    int32_t best = 0;
    for (int32_t end = 0; end < n; end++) {
        int32_t m = 0;
        while (m < LTD_LOOKUP_GRAM && m <= end && text[end - m] == text[n - m]) m++;
        if (m >= min_match && m >= best) best = m, *place = end;
    }
    if (best == LTD_LOOKUP_GRAM)
        while (best < LTD_LOOKUP_LONGEST && best <= *place && text[*place - best] == text[n - best])
            best++;
    return best;
}

static void check_find(const ltd_lookup *lookup, int32_t *text, int32_t n, int32_t root,
                       int32_t min_match)
{
    int32_t tokens[MAX_CHAIN], place = 0;
    text[n] = root;
    int32_t match = naive(text, n, min_match, &place);
    ltd_match got = ltd_lookup_find(lookup, root, tokens, MAX_CHAIN);
    assert_int_equal(got.length, match);
    assert_int_equal(got.distance, match > 0 ? n - place : 0);
    assert_int_equal(got.n, match > 0 ? MAX_CHAIN : 0);
    for (int32_t i = 0; i < got.n; i++) {
        int32_t from = place + 1 + i;
        assert_int_equal(tokens[i], from <= n ? text[from] : tokens[from - n - 1]);
    }
}

static void random_texts_equal_the_exhaustive_search(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 1, LTD_STREAM_TEST);
    for (int round = 0; round < 120; round++) {
        int32_t text[MAX_TEXT + 1], n = 0, min_match = 1 + (int32_t)ltd_rng_below(&rng, 4);
        uint64_t vocab = 1 + ltd_rng_below(&rng, round % 2 ? 5 : 60);
        ltd_lookup *lookup;
        assert_int_equal(ltd_lookup_new(&lookup, MAX_TEXT, min_match, NULL), 0);
        while (n < MAX_TEXT) {
            int32_t more = 1 + (int32_t)ltd_rng_below(&rng, 5), from = n;
            for (; more > 0 && n < MAX_TEXT; more--, n++)
                text[n] = (int32_t)ltd_rng_below(&rng, vocab) - 2;
            assert_int_equal(ltd_lookup_append(lookup, text + from, n - from, NULL), 0);
            for (int i = 0; i < 3; i++)
                check_find(lookup, text, n, (int32_t)ltd_rng_below(&rng, vocab) - 2, min_match);
        }
        ltd_lookup_free(lookup);
    }
}

static void a_loop_repeats_itself(void **state)
{
    (void)state;
    ltd_lookup *lookup;
    assert_int_equal(ltd_lookup_new(&lookup, 16, 2, NULL), 0);
    assert_int_equal(ltd_lookup_append(lookup, (int32_t[]){9, 1, 2, 3, 1, 2}, 6, NULL), 0);
    int32_t tokens[7];
    ltd_match m = ltd_lookup_find(lookup, 3, tokens, 7);
    const int32_t expected[] = {1, 2, 3, 1, 2, 3, 1};
    assert_int_equal(m.length, 3);
    assert_int_equal(m.distance, 3);
    assert_int_equal(m.n, 7);
    assert_memory_equal(tokens, expected, sizeof expected);
    m = ltd_lookup_find(lookup, 3, tokens, 0);
    assert_int_equal(m.length, 3);
    assert_int_equal(m.n, 0);
    ltd_lookup_free(lookup);
}

static void a_reset_forgets_everything(void **state)
{
    (void)state;
    ltd_lookup *lookup;
    assert_int_equal(ltd_lookup_new(&lookup, 8, 1, NULL), 0);
    int32_t tokens[4];
    assert_int_equal(ltd_lookup_find(lookup, 1, tokens, 4).length, 0);
    assert_int_equal(ltd_lookup_append(lookup, (int32_t[]){1, 2, 3}, 3, NULL), 0);
    assert_int_equal(ltd_lookup_find(lookup, 1, tokens, 4).length, 1);
    ltd_lookup_reset(lookup);
    ltd_match none = ltd_lookup_find(lookup, 1, tokens, 4);
    assert_true(none.length == 0 && none.n == 0 && none.distance == 0);
    assert_int_equal(ltd_lookup_append(lookup, (int32_t[]){4, 4}, 2, NULL), 0);
    assert_int_equal(ltd_lookup_find(lookup, 4, tokens, 4).length, 2);
    ltd_lookup_free(lookup);
    ltd_lookup_free(NULL);
}

static void limits_are_checked(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_lookup *lookup;
    assert_int_equal(ltd_lookup_new(&lookup, 0, 1, &err), LTD_EINVAL);
    assert_null(lookup);
    assert_int_equal(ltd_lookup_new(&lookup, 4, 0, &err), LTD_EINVAL);
    assert_int_equal(ltd_lookup_new(&lookup, 4, 9, &err), LTD_EINVAL);
    assert_int_equal(ltd_lookup_new(&lookup, 4, 8, &err), 0);
    const int32_t ids[5] = {0};
    assert_int_equal(ltd_lookup_append(lookup, ids, 4, &err), 0);
    assert_int_equal(ltd_lookup_append(lookup, ids, 1, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "lookup: 1 tokens after 4, room for 4");
    ltd_lookup_free(lookup);
}

static void long_matches_are_followed_to_their_beginning(void **state)
{
    (void)state;
    enum { PERIOD = 20, N = 200 };
    ltd_lookup *lookup;
    int32_t text[N], tokens[2];
    for (int i = 0; i < N; i++) text[i] = i % PERIOD;
    assert_int_equal(ltd_lookup_new(&lookup, N, 2, NULL), 0);
    for (int32_t n = PERIOD + 1; n < N; n++) {
        ltd_lookup_reset(lookup);
        assert_int_equal(ltd_lookup_append(lookup, text, n, NULL), 0);
        ltd_match m = ltd_lookup_find(lookup, text[n], tokens, 2);
        int32_t same = n + 1 - PERIOD; /* all that there is a period before */
        assert_int_equal(m.length, same < LTD_LOOKUP_LONGEST ? same : LTD_LOOKUP_LONGEST);
        assert_int_equal(m.distance, PERIOD);
        assert_int_equal(tokens[0], (n + 1) % PERIOD);
    }
    ltd_lookup_free(lookup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_texts_equal_the_exhaustive_search),
        cmocka_unit_test(a_loop_repeats_itself),
        cmocka_unit_test(a_reset_forgets_everything),
        cmocka_unit_test(limits_are_checked),
        cmocka_unit_test(long_matches_are_followed_to_their_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
