/* Articles taken apart: sentences, marks, headings, and texts that small models write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/wiki/write/article.h"

static ltd_err err;

static ltd_wiki_article *parsed(const char *text)
{
    ltd_wiki_article *a;
    if (ltd_wiki_article_parse(&a, &text, 1, &err) < 0) fail_msg("%s", err.msg);
    return a;
}

static void assert_sentence(const ltd_wiki_article *a, int32_t i, const char *text)
{
    assert_true(i < a->n_sentences);
    assert_string_equal(a->sentence[i].text, text);
}

/* `expected` has the sentences, one a line. */
static void assert_split(const char *text, const char *expected)
{
    ltd_wiki_article *a = parsed(text);
    ltd_str s = LTD_STR_INIT;
    for (int32_t i = 0; i < a->n_sentences; i++) ltd_str_printf(&s, "%s\n", a->sentence[i].text);
    assert_string_equal(ltd_str_text(&s), expected);
    ltd_str_fini(&s);
    ltd_wiki_article_free(a);
}

static void sentences_end_where_the_next_begins(void **state)
{
    (void)state;
    assert_split("One. Two! Three? Four", "One.\nTwo!\nThree?\nFour\n");
    assert_split("He said \"Go.\"[1] She left. \"So. (They say.) [2] End.",
                 "He said \"Go.\"\nShe left.\n\"So.\n(They say.)\nEnd.\n");
    assert_split("He said \"Go.\" She left.",
                 "He said \"Go.\" She left.\n"); /* as the golden data */
    assert_split("It is 1.5 km. 42 came", "It is 1.5 km.\n42 came\n");
    assert_split("see fig. below. not here", "see fig. below. not here\n");
    assert_split("Dr. Rell of St. Ives met J. Smith vs. Mr. Ode.", /* one sentence */
                 "Dr. Rell of St. Ives met J. Smith vs. Mr. Ode.\n");
    assert_split("No. 5 won in Oct. 2031. J. Ode left.", "No. 5 won in Oct. 2031.\nJ. Ode left.\n");
    assert_split("Caf\xc3\xa9. \xc3\x89lodie stayed", "Caf\xc3\xa9. \xc3\x89lodie stayed\n");
    assert_split("Wait... What?! Yes.\r\n\r\nThe end\n", "Wait...\nWhat?!\nYes.\nThe end\n");
}

static void marks_attach_to_the_sentence_before(void **state)
{
    (void)state;
    ltd_wiki_article *a =
        parsed("One.[1] Two. [2] [3][2]Three [4] goes [0] on.\n[7]\nFour [x] [] [5");
    assert_int_equal(a->n_sentences, 4);
    assert_sentence(a, 0, "One.");
    assert_sentence(a, 1, "Two.");
    assert_sentence(a, 2, "Three goes on.");
    assert_sentence(a, 3, "Four [x] [] [5");
    static const int32_t two[] = {2, 3}, three[] = {4, 0, 7};
    assert_int_equal(a->sentence[0].n_cites, 1);
    assert_int_equal(a->sentence[0].cites[0], 1);
    assert_int_equal(a->sentence[1].n_cites, 2);
    assert_memory_equal(a->sentence[1].cites, two, sizeof two);
    assert_int_equal(a->sentence[2].n_cites, 3);
    assert_memory_equal(a->sentence[2].cites, three, sizeof three);
    assert_int_equal(a->sentence[3].n_cites, 0);
    ltd_wiki_article_free(a);
    a = parsed("[3] Lead.[999999999999][2147483647]");
    assert_sentence(a, 0, "Lead.");
    assert_int_equal(a->sentence[0].n_cites, 2); /* both beyond any list: one number */
    assert_int_equal(a->sentence[0].cites[1], INT32_MAX);
    ltd_wiki_article_free(a);
}

static void assert_section(const ltd_wiki_article *a, int32_t i, const char *title,
                           bool well_formed, int32_t n)
{
    assert_true(i < a->n_sections);
    assert_string_equal(a->section[i].title, title);
    assert_int_equal(a->section[i].well_formed, well_formed);
    assert_int_equal(a->section[i].n, n);
    for (int32_t s = 0; s < n; s++)
        assert_int_equal(a->sentence[a->section[i].first + s].section, i);
}

static void headings_come_in_many_shapes(void **state)
{
    (void)state;
    ltd_wiki_article *a = parsed("Lead.\n==A [1] b==\nOne. Two.\n  === C ===  \n## D ##\nThree.\n"
                                 "==E\n==F== Four. Five.\n====\n#hashtag\n==G===\n=H=\n# \n");
    assert_int_equal(a->n_sections, 7);
    assert_section(a, 0, "", false, 1);
    assert_section(a, 1, "A b", true, 2);
    assert_section(a, 2, "C", true, 0);
    assert_section(a, 3, "D", false, 1);
    assert_section(a, 4, "E", false, 0);
    assert_section(a, 5, "F", false, 3);
    assert_section(a, 6, "G", false, 1);
    assert_sentence(a, 6, "#hashtag");
    assert_sentence(a, 7, "=H=");
    ltd_wiki_article_free(a);
}

static void parts_are_told_apart(void **state)
{
    (void)state;
    static const char *const texts[] = {"==A==\nOne.[1]", "[2] Two.[1]", "", "[9]\n==B==\nThree."};
    ltd_wiki_article *a;
    assert_int_equal(ltd_wiki_article_parse(&a, texts, 4, &err), 0);
    assert_int_equal(a->n_sentences, 3);
    assert_int_equal(a->sentence[0].n_cites, 1);
    assert_int_equal(a->sentence[1].part, 1);
    assert_int_equal(a->sentence[1].section, 0);
    assert_int_equal(a->sentence[1].n_cites, 2); /* not the [9] of another text */
    assert_int_equal(a->sentence[2].part, 3);
    assert_section(a, 1, "B", true, 1);
    ltd_wiki_article_free(a);
}

static void nothing_gives_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"", " \n\t\n", "[1]", "====\n##"};
    ltd_wiki_article *a;
    for (int i = 0; i < 4; i++) {
        a = parsed(texts[i]);
        assert_int_equal(a->n_sentences, 0);
        assert_int_equal(a->n_sections, 0);
        ltd_wiki_article_free(a);
    }
    assert_int_equal(ltd_wiki_article_parse(&a, NULL, 0, &err), 0);
    assert_int_equal(a->n_sentences, 0);
    ltd_wiki_article_free(a);
}

/* `unit` until there are a million bytes. */
static char *million(const char *unit)
{
    ltd_str s = LTD_STR_INIT;
    while (s.len < 1000 * 1000) ltd_str_puts(&s, unit);
    return ltd_str_take(&s);
}

/* Each must be done in a time that grows with the length, and end within its memory. */
static void a_line_of_a_million_characters(void **state)
{
    (void)state;
    static const char *const unit[] = {"a", " ",    "[1]",   "[1] ", ". ",  "A. ",
                                       "=", "==\n", "==a\n", "[",    "x\n", "a.[1]B"};
    static const int32_t sentences[] = {1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 500000, 166668};
    for (size_t i = 0; i < sizeof unit / sizeof *unit; i++) {
        char *text = million(unit[i]);
        ltd_wiki_article *a = parsed(text);
        if (a->n_sentences != sentences[i])
            fail_msg("'%s': %d sentences, expected %d", unit[i], a->n_sentences, sentences[i]);
        ltd_wiki_article_free(a);
        ltd_str out = LTD_STR_INIT;
        ltd_wiki_article_plain(text, &out);
        assert_true(out.len <= strlen(text) + 1);
        ltd_str_fini(&out);
        free(text);
    }
}

static void numbers_of_many_marks_stand_once_in_their_order(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT;
    ltd_str_puts(&s, "All.");
    for (int i = 0; i < 100000; i++) ltd_str_printf(&s, "[%d]", (i * 7) % 50000);
    ltd_wiki_article *a = parsed(ltd_str_text(&s));
    assert_int_equal(a->sentence[0].n_cites, 50000);
    for (int i = 0; i < 50000; i++) assert_int_equal(a->sentence[0].cites[i], (i * 7) % 50000);
    ltd_wiki_article_free(a);
    ltd_str_fini(&s);
}

static void assert_plain(const char *text, const char *expected)
{
    ltd_str out = LTD_STR_INIT;
    ltd_wiki_article_plain(text, &out);
    assert_string_equal(ltd_str_text(&out), expected);
    ltd_str_fini(&out);
}

static void plain_text_keeps_the_words(void **state)
{
    (void)state;
    assert_plain("", "");
    assert_plain("==A b==\nOne  [1] two.[2][3]\n## C\n[4] x[y]", "A b\nOne two.\nC\n x[y]\n");
    assert_plain("==F== Four.", "F\nFour.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_end_where_the_next_begins),
        cmocka_unit_test(marks_attach_to_the_sentence_before),
        cmocka_unit_test(headings_come_in_many_shapes),
        cmocka_unit_test(parts_are_told_apart),
        cmocka_unit_test(nothing_gives_nothing),
        cmocka_unit_test(a_line_of_a_million_characters),
        cmocka_unit_test(numbers_of_many_marks_stand_once_in_their_order),
        cmocka_unit_test(plain_text_keeps_the_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
