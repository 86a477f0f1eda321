/* Facts of an event that an article has: infobox, numbers, names, and what chunks could tell. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "trainer/wiki/score/coverage.h"

static ltd_err err;

static ltd_wiki_facts *facts_of(const ltd_wiki_fact *fact, int32_t n, const char *reference)
{
    ltd_wiki_event event = {
        .key = "x", .text = reference, .text_len = strlen(reference), .facts = fact, .n_facts = n};
    ltd_wiki_facts *f;
    if (ltd_wiki_facts_new(&f, &event, &err) < 0) fail_msg("%s", err.msg);
    return f;
}

static ltd_wiki_coverage score(const ltd_wiki_fact *fact, int32_t n, const char *reference,
                               const char *text)
{
    ltd_wiki_facts *f = facts_of(fact, n, reference);
    ltd_wiki_coverage c;
    if (ltd_wiki_facts_score(f, text, strlen(text), text, strlen(text), &c, &err) < 0)
        fail_msg("%s", err.msg);
    ltd_wiki_facts_free(f);
    return c;
}

static void assert_near(double got, double expected)
{
    if (!(fabs(got - expected) < 1e-12)) fail_msg("%.15g, expected %.15g", got, expected);
}

static void values_need_most_of_their_words(void **state)
{
    (void)state;
    static const ltd_wiki_fact fact[] = {{"Date", "14 May 2031"},
                                         {"Five", "One two three four five"},
                                         {"Stop", "The of"},
                                         {"Winner", "The Grey-Heron"}};
    /* 4 of 5 are enough; "May" is a stop word; the third doesn't count. */
    assert_near(score(fact, 4, "", "14 in 2031, one TWO three four").infobox, 2. / 3);
    assert_near(score(fact, 4, "", "heron... grey").infobox, 1. / 3);
    assert_near(score(fact, 4, "", "").infobox, 0);
    assert_true(isnan(score(fact + 2, 1, "", "the").infobox));
    assert_true(isnan(score(NULL, 0, "", "the").infobox));
}

static double numbers(const char *reference, const char *text)
{
    return score(NULL, 0, reference, text).numbers;
}

static void numbers_lose_their_points(void **state)
{
    (void)state;
    assert_near(numbers("In 2031, 1,200 ($58.3) came; 1,200!", "1200 and 583"), 2. / 3);
    assert_near(numbers("In 2031.", "(2031)"), 1);
    assert_near(numbers("In 2031.", "20311"), 0);
    assert_near(numbers("42 came", "a 42-kilometre course"), 1);
    assert_true(isnan(numbers("2\xe2\x80\x93"
                              "3 April, 4th, B52, 3km",
                              ""))); /* none of them */
}

static double names(const char *reference, const char *text)
{
    return score(NULL, 0, reference, text).names;
}

static void names_stand_in_one_piece(void **state)
{
    (void)state;
    static const char reference[] = "The Grey Heron won. It beat Salt Wife, Tomas Rell's crew.";
    assert_near(names(reference, "grey heron, salt, wife and tomas rell"), 1);
    assert_near(names(reference, "heron grey; saltwife"), 0);
    assert_near(names(reference, "the grey heron"), 1. / 3);
    assert_near(names("He saw \xe2\x80\x9cGrey\xe2\x80\x9d and \xc3\x89lodie B.", "grey"), .5);
    assert_true(isnan(names("Nobody came. \"Never.\" 42 were lost.", "nobody")));
    assert_true(isnan(names("", "")));
}

static void one_name_may_begin_another(void **state)
{
    (void)state;
    static const char reference[] = "We saw Port Ellery, Port Ellery Bay, Port Ellery.";
    assert_near(names(reference, "port ellery"), .5);
    assert_near(names(reference, "port port ellery bay"), 1);
}

static void chunks_hold_a_share_of_the_reference(void **state)
{
    (void)state;
    ltd_wiki_chunk chunk[] = {{0, 0, "grey herons", 2}, {1, 0, "semifinal won", 2}};
    ltd_wiki_chunks chunks = {.chunk = chunk, .n = 2};
    ltd_wiki_chunk_words *w;
    if (ltd_wiki_chunk_words_new(&w, &chunks, &err) < 0) fail_msg("%s", err.msg);
    ltd_wiki_facts *f = facts_of(NULL, 0, "The heron won the semi-final; the Heron sank.");
    assert_near(ltd_wiki_facts_in_chunks(f, w, (const bool[]){true, true}), 3. / 4);
    assert_near(ltd_wiki_facts_in_chunks(f, w, (const bool[]){true, false}), 1. / 4);
    assert_near(ltd_wiki_facts_in_chunks(f, w, (const bool[]){false, false}), 0);
    ltd_wiki_facts_free(f);
    f = facts_of(NULL, 0, "");
    assert_true(isnan(ltd_wiki_facts_in_chunks(f, w, (const bool[]){true, true})));
    ltd_wiki_facts_free(f);
    ltd_wiki_chunk_words_free(w);
}

static void a_text_of_a_million_characters(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    while (s.len < 1000 * 1000) ltd_str_puts(&s, "grey ");
    ltd_str_puts(&s, "heron");
    assert_near(names("It beat Grey Heron.", ltd_str_text(&s)), 1);
    ltd_str_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_need_most_of_their_words),
        cmocka_unit_test(numbers_lose_their_points),
        cmocka_unit_test(names_stand_in_one_piece),
        cmocka_unit_test(one_name_may_begin_another),
        cmocka_unit_test(chunks_hold_a_share_of_the_reference),
        cmocka_unit_test(a_text_of_a_million_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
