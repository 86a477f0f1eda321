/* Citations: which words of a sentence a chunk must have, marks that mean nothing, and the figures
 * of small articles worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/wiki/score/citations.h"

static ltd_err err;

enum { CHUNKS = 3 };
static ltd_wiki_chunk chunk[CHUNKS] = {
    {0, 0, "the grey heron won the semifinal on 14 may 2031 with 583 points", 13},
    {1, 0, "Crews from Port-Ellery rowed 1.5 km.", 6},
    {2, 1, "nothing of that stands here", 5},
};
static const int32_t all_of_them[] = {0, 1, 2};
static const ltd_wiki_given given_all = {all_of_them, CHUNKS};

static ltd_wiki_chunk_words *words(void)
{
    ltd_wiki_chunks chunks = {.chunk = chunk, .n = CHUNKS};
    ltd_wiki_chunk_words *w;
    if (ltd_wiki_chunk_words_new(&w, &chunks, &err) < 0) fail_msg("%s", err.msg);
    return w;
}

static ltd_wiki_citations score_parts(const char *const *text, const ltd_wiki_given *given,
                                      int32_t n)
{
    ltd_wiki_article *a;
    ltd_wiki_citations f;
    ltd_wiki_chunk_words *w = words();
    if (ltd_wiki_article_parse(&a, text, n, &err) < 0) fail_msg("%s", err.msg);
    if (ltd_wiki_citations_score(a, given, n, w, &f, &err) < 0) fail_msg("%s", err.msg);
    ltd_wiki_article_free(a);
    ltd_wiki_chunk_words_free(w);
    return f;
}

static ltd_wiki_citations score(const char *text)
{
    return score_parts(&text, &given_all, 1);
}

static void assert_near(double got, double expected)
{
    if (!(fabs(got - expected) < 1e-12)) fail_msg("%.15g, expected %.15g", got, expected);
}

static void assert_supported(const char *sentence, bool supported, bool strictly)
{
    ltd_wiki_citations f = score(sentence);
    if (f.lex[0].recall != supported || f.lex[1].recall != strictly)
        fail_msg("'%s': %g, at .7 %g", sentence, f.lex[0].recall, f.lex[1].recall);
}

static bool has(const ltd_wiki_chunk_words *w, int32_t c, const char *word)
{
    return ltd_wiki_chunk_has(w, c, ltd_wiki_chunk_word(w, word, (int32_t)strlen(word)));
}

static void chunks_are_sets_of_words(void **state)
{
    (void)state;
    ltd_wiki_chunk_words *w = words();
    assert_true(has(w, 1, "portellery"));
    assert_true(has(w, 1, "port"));
    assert_true(has(w, 1, "15"));
    assert_true(has(w, 1, "1"));
    assert_true(has(w, 1, "crews"));
    assert_true(has(w, 1, "crew"));
    assert_true(has(w, 0, "heron"));
    assert_false(has(w, 0, "herons"));
    assert_false(has(w, 0, "crew"));
    assert_false(has(w, 0, "elsewhere"));
    /* "the" is in one chunk only, unknown words count as if they were. */
    assert_near(ltd_wiki_chunk_idf(w, ltd_wiki_chunk_word(w, "the", 3)), log(4));
    assert_near(ltd_wiki_chunk_idf(w, -1), log(4));
    ltd_wiki_chunk_words_free(w);
}

static void a_chunk_must_have_half_the_words_and_all_numbers(void **state)
{
    (void)state;
    assert_supported("The Grey Heron won the semi-final.[1]", true, true);
    assert_supported("Grey Heron sank upriver.[1]", true, false); /* 2 of 4, all as rare */
    assert_supported("Grey Heron sank upriver again.[1]", false, false);
    assert_supported("Heron, heron sank.[1]", true, false); /* words count as often as they stand */
    assert_supported("The Heron won 58.3 points.[1]", true,
                     true); /* 583: pages lost their points */
    assert_supported("The Grey Heron won 12 points.[1]", false, false);
    assert_supported("It was of the.[1]", false, false); /* stop words alone */
    assert_supported("It was [1]", false, false);
    assert_supported("The crew rowed.[2]", true, true);
}

static void figures_are_shares(void **state)
{
    (void)state;
    /* Supported by one of two; uncited; not supported; 3, 3 and 2 words. */
    ltd_wiki_citations f =
        score("==A==\nGrey heron won.[1][3] Nobody said so. Wrong one.[3][9][0]");
    assert_int_equal(f.sentences, 3);
    assert_int_equal(f.cited, 2);
    assert_int_equal(f.links, 5);
    assert_int_equal(f.invalid, 2);
    assert_int_equal(f.chunks_cited, 2);
    assert_int_equal(f.chunks_given, 3);
    assert_near(f.lex[0].recall, 1. / 3);
    assert_near(f.lex[0].precision, .5 / 3);
    assert_near(f.lex[0].rate, 3. / 8);
    assert_near(f.lex[0].tau, .5);
    assert_near(f.lex[1].tau, .7);
}

static void marks_mean_the_chunks_of_their_part(void **state)
{
    (void)state;
    static const int32_t first[] = {2}, second[] = {1, 0};
    static const char *const text[] = {"Grey heron won.[1]", "Grey heron won.[2]",
                                       "Grey heron won.[1]"};
    static const ltd_wiki_given given[] = {{first, 1}, {second, 2}, {NULL, 0}};
    ltd_wiki_citations f = score_parts(text, given, 3);
    assert_near(f.lex[0].recall, 1. / 3);
    assert_int_equal(f.invalid, 1);
    assert_int_equal(f.chunks_given, 3);
    assert_int_equal(f.chunks_cited, 2);
}

static void marks_out_of_range_mean_nothing(void **state)
{
    (void)state;
    ltd_wiki_citations f = score("Grey heron won.[0][4][999999999999]");
    assert_int_equal(f.links, 3);
    assert_int_equal(f.invalid, 3);
    assert_near(f.lex[0].recall, 0);
    assert_near(f.lex[0].precision, 0);
}

static void nothing_is_told_from_none(void **state)
{
    (void)state;
    ltd_wiki_citations f = score("");
    assert_near(f.lex[0].recall, 0); /* an empty article is a bad one */
    assert_near(f.lex[0].rate, 0);
    f = score("==Only==\n==Headings==\n");
    assert_near(f.lex[0].precision, 0);
    f = score("\xc2\xa0"); /* a sentence without words */
    assert_near(f.lex[0].rate, 0);
    const char *text = "Grey heron won.[1]";
    f = score_parts(&text, &(ltd_wiki_given){NULL, 0}, 1); /* written without chunks */
    assert_true(isnan(f.lex[0].recall) && isnan(f.lex[1].precision) && isnan(f.lex[0].rate));
    assert_int_equal(f.invalid, 1);
}

static void chunks_of_no_event_are_refused(void **state)
{
    (void)state;
    static const int32_t wrong[][1] = {{CHUNKS}, {-1}};
    const char *text = "One.";
    ltd_wiki_article *a;
    ltd_wiki_citations f = {.links = 77};
    ltd_wiki_chunk_words *w = words();
    assert_int_equal(ltd_wiki_article_parse(&a, &text, 1, &err), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            ltd_wiki_citations_score(a, &(ltd_wiki_given){wrong[i], 1}, 1, w, &f, &err),
            LTD_EINVAL);
    assert_non_null(strstr(err.msg, "chunk -1, expected 0 to 2"));
    assert_int_equal(f.links, 77);
    ltd_wiki_article_free(a);
    ltd_wiki_chunk_words_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_sets_of_words),
        cmocka_unit_test(a_chunk_must_have_half_the_words_and_all_numbers),
        cmocka_unit_test(figures_are_shares),
        cmocka_unit_test(marks_mean_the_chunks_of_their_part),
        cmocka_unit_test(marks_out_of_range_mean_nothing),
        cmocka_unit_test(nothing_is_told_from_none),
        cmocka_unit_test(chunks_of_no_event_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
