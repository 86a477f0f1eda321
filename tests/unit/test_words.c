#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "trainer/wiki/pages/words.h"

/* The words of a text joined by '|'. */
static void splits(ltd_words_kind kind, const char *text, size_t len, const char *expected)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_words w = {0};
    if (ltd_words_split(&w, kind, text, len, &err) < 0) fail_msg("%s", err.msg);
    char got[256] = "";
    size_t at = 0;
    for (int32_t i = 0; i < w.n; i++) {
        assert_int_equal(ltd_words_at(&w, i)[w.len[i]], 0);
        at +=
            (size_t)snprintf(got + at, sizeof got - at, "%s%s", i ? "|" : "", ltd_words_at(&w, i));
    }
    assert_string_equal(got, expected);
    ltd_words_fini(&w);
    ltd_words_fini(&w);
}

static void split(ltd_words_kind kind, const char *text, const char *expected)
{
    splits(kind, text, strlen(text), expected);
}

static void each_kind_has_its_words(void **state)
{
    (void)state;
    const char *text = "The semi-final, 58.3 \xc3\x89lan\t-- U.S.";
    split(LTD_WORDS_STD, text, "the|semi|final|58|3|lan|u|s");
    split(LTD_WORDS_WS, text, "The|semi-final,|58.3|\xc3\x89lan|--|U.S.");
    split(LTD_WORDS_LOWER, text, "the|semi-final,|58.3|\xc3\xa9lan|--|u.s.");
    split(LTD_WORDS_PLAIN, text, "the|semifinal|583|lan||us");
}

static void nothing_has_no_words(void **state)
{
    (void)state;
    for (int kind = LTD_WORDS_STD; kind <= LTD_WORDS_PLAIN; kind++) {
        splits((ltd_words_kind)kind, NULL, 0, "");
        split((ltd_words_kind)kind, " \n\t ", "");
    }
}

/* The expected values are Python's "...".split() and .lower(). */
static void white_space_and_case_are_unicodes(void **state)
{
    (void)state;
    /* NEL, no-break space, line separator, ideographic space; a zero width space is none. */
    split(LTD_WORDS_WS,
          "a\xc2\x85"
          "b\xc2\xa0"
          "c\xe2\x80\xa8"
          "d\xe3\x80\x80"
          "e\x1c"
          "f\xe2\x80\x8bg",
          "a|b|c|d|e|f\xe2\x80\x8bg");
    /* Dotted capital I is two characters; the Kelvin sign is a k; U+023A grows by a byte. */
    split(LTD_WORDS_LOWER, "\xc4\xb0X \xe2\x84\xaa \xc8\xba", "i\xcc\x87x|k|\xe2\xb1\xa5");
    split(LTD_WORDS_STD, "\xc4\xb0X \xe2\x84\xaa \xc8\xba", "i|x|k");
    split(LTD_WORDS_PLAIN, "\xc4\xb0X \xe2\x84\xaa", "ix|k");
}

static void bytes_that_are_no_text_are_letters(void **state)
{
    (void)state;
    split(LTD_WORDS_WS, "a\xff\xc3 b\xe2\x82", "a\xff\xc3|b\xe2\x82");
    split(LTD_WORDS_STD,
          "a\xff"
          "b",
          "a|b");
    split(LTD_WORDS_PLAIN,
          "a\xff"
          "b",
          "ab");
    ltd_err err = LTD_ERR_INIT;
    ltd_words w = {0};
    assert_int_equal(ltd_words_split(&w, LTD_WORDS_WS, "a\0b c", 5, &err), 0);
    assert_int_equal(w.n, 2);
    assert_int_equal(w.len[0], 3);
    assert_memory_equal(ltd_words_at(&w, 0), "a\0b", 4);
    ltd_words_fini(&w);
}

/* As many words as bytes allow, and the letter that grows most: the room must do. */
static void the_worst_text_fits(void **state)
{
    (void)state;
    enum { N = 5000 };
    char *text = malloc(3 * N);
    assert_non_null(text);
    ltd_err err = LTD_ERR_INIT;
    ltd_words w = {0};
    for (int i = 0; i < N; i++) memcpy(text + 3 * i, "\xc8\xba ", 3);
    assert_int_equal(ltd_words_split(&w, LTD_WORDS_LOWER, text, 3 * N, &err), 0);
    assert_int_equal(w.n, N);
    assert_string_equal(ltd_words_at(&w, N - 1), "\xe2\xb1\xa5");
    ltd_words_fini(&w);
    for (int i = 0; i < N; i++) memcpy(text + 2 * i, "x ", 2);
    assert_int_equal(ltd_words_split(&w, LTD_WORDS_STD, text, 2 * N - 1, &err), 0);
    assert_int_equal(w.n, N);
    ltd_words_fini(&w);
    free(text);
}

static void too_long_a_text_is_refused(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_words w = {0};
    assert_int_equal(ltd_words_split(&w, LTD_WORDS_WS, "", (size_t)1 << 31, &err), LTD_EFORMAT);
    assert_null(w.bytes);
}

static void equal_words_have_equal_numbers(void **state)
{
    (void)state;
    ltd_err err = LTD_ERR_INIT;
    ltd_word_ids *ids = NULL;
    assert_int_equal(ltd_word_ids_new(&ids, &err), 0);
    assert_int_equal(ltd_word_ids_find(ids, "a", 1), -1);
    assert_int_equal(ltd_word_ids_put(ids, "a", 1, &err), 0);
    assert_int_equal(ltd_word_ids_put(ids, "", 0, &err), 1);
    assert_int_equal(ltd_word_ids_put(ids, "ab", 1, &err), 0);
    char word[16];
    for (int i = 0; i < 3000; i++) {
        int n = snprintf(word, sizeof word, "w%d", i);
        assert_int_equal(ltd_word_ids_put(ids, word, n, &err), 2 + i);
    }
    for (int i = 0; i < 3000; i++) {
        int n = snprintf(word, sizeof word, "w%d", i);
        assert_int_equal(ltd_word_ids_find(ids, word, n), 2 + i);
    }
    assert_int_equal(ltd_word_ids_find(ids, "w3000", 5), -1);
    assert_int_equal(ltd_word_ids_count(ids), 3002);
    ltd_word_ids_free(ids);
    ltd_word_ids_free(NULL);
}

static void stop_words_are_whole_words(void **state)
{
    (void)state;
    for (const char *const *w = (const char *const[]){"a", "the", "of", "your", "i", 0}; *w; w++)
        assert_true(ltd_word_is_stop(*w, (int32_t)strlen(*w)));
    for (const char *const *w = (const char *const[]){"", "th", "thee", "The", "race", "zoo", 0};
         *w; w++)
        assert_false(ltd_word_is_stop(*w, (int32_t)strlen(*w)));
    assert_true(ltd_word_is_stop("there", 3));
    assert_false(ltd_word_is_stop("the\0of the", 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_words),
        cmocka_unit_test(nothing_has_no_words),
        cmocka_unit_test(white_space_and_case_are_unicodes),
        cmocka_unit_test(bytes_that_are_no_text_are_letters),
        cmocka_unit_test(the_worst_text_fits),
        cmocka_unit_test(too_long_a_text_is_refused),
        cmocka_unit_test(equal_words_have_equal_numbers),
        cmocka_unit_test(stop_words_are_whole_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
