/* Sections, headings and repetition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/wiki/score/structure.h"

static ltd_err err;

static ltd_wiki_structure score(const char *text)
{
    ltd_wiki_article *a;
    ltd_wiki_structure f;
    ltd_str plain = LTD_STR_INIT;
    if (ltd_wiki_article_parse(&a, &text, 1, &err) < 0) fail_msg("%s", err.msg);
    ltd_wiki_article_plain(text, &plain);
    if (ltd_wiki_structure_score(a, ltd_str_text(&plain), plain.len, &f, &err) < 0)
        fail_msg("%s", err.msg);
    ltd_str_fini(&plain);
    ltd_wiki_article_free(a);
    return f;
}

static void sections_are_counted(void **state)
{
    (void)state;
    ltd_wiki_structure f = score("A lead of five words.\n==One==\nThree more words.[1] And two.\n"
                                 "==  one ==\n## Two\nOne.\n== Three ==\n==\xc3\x89t\xc3\xa9==\n"
                                 "==\xc3\xa9T\xc3\x89==\n");
    assert_int_equal(f.sections, 6);
    assert_int_equal(f.well_formed, 5);
    assert_int_equal(f.duplicates, 2);
    assert_int_equal(f.empty, 4);
    assert_int_equal(f.sentences, 4);
    assert_true(fabs(f.words_per_section - 6. / 6) < 1e-12); /* the lead is in none */
}

static void nothing_is_counted_of_nothing(void **state)
{
    (void)state;
    ltd_wiki_structure f = score("");
    assert_int_equal(f.sections + f.sentences + f.repeated_run, 0);
    assert_true(isnan(f.words_per_section) && isnan(f.distinct4));
    f = score("==A==\n==B==\n");
    assert_int_equal(f.empty, 2);
    assert_true(f.words_per_section == 0 && isnan(f.distinct4));
}

static void repetition_is_measured_in_grams(void **state)
{
    (void)state;
    /* 10 words twice: 8-grams at 10, 11 and 12 stood at 0, 1 and 2. */
    ltd_wiki_structure f = score("a b c d e f g h i j. a b c d e f g h i j");
    assert_int_equal(f.repeated_run, 3);
    assert_true(fabs(f.distinct4 - 10. / 17) < 1e-12); /* 7 and 3 across the middle */
    f = score("a b c d e f g h x a b c d e f g y");
    assert_int_equal(f.repeated_run, 0); /* seven words are no 8-gram */
    f = score("one two three four");
    assert_true(f.distinct4 == 1);
    f = score("no no no no no no no no no no");
    assert_int_equal(f.repeated_run, 2);
    assert_true(fabs(f.distinct4 - 1. / 7) < 1e-12);
}

static void a_loop_of_a_million_characters(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    int words = 0;
    while (s.len < 1000 * 1000) {
        ltd_str_puts(&s, "loop of words. ");
        words += 3;
    }
    ltd_wiki_structure f = score(ltd_str_text(&s));
    assert_int_equal(f.repeated_run, words - 7 - 3);
    assert_true(fabs(f.distinct4 * (words - 3) - 3) < 1e-6);
    ltd_str_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_are_counted),
        cmocka_unit_test(nothing_is_counted_of_nothing),
        cmocka_unit_test(repetition_is_measured_in_grams),
        cmocka_unit_test(a_loop_of_a_million_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
