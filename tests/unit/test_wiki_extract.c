#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "trainer/wiki/pages/sentence.h"
#include "trainer/wiki/write/extract.h"

/* Sentences of a text joined by '|'. */
static void sentences_are(const char *text, const char *expected)
{
    ltd_str s = LTD_STR_INIT;
    size_t len = strlen(text), end = 0;
    for (size_t i = 0, next; i < len; i = next) {
        next = ltd_wiki_sentence_next(text, i, len, &end);
        assert_true(next > i && end <= next);
        if (i) ltd_str_puts(&s, "|");
        ltd_str_push(&s, text + i, end - i);
    }
    assert_string_equal(ltd_str_text(&s), expected);
    ltd_str_fini(&s);
}

static void sentences_end_before_what_may_begin_one(void **state)
{
    (void)state;
    sentences_are("", "");
    sentences_are("One. Two! 3 four? \"Five\" (six. (Seven",
                  "One.|Two!|3 four?|\"Five\" (six.|(Seven");
    sentences_are("no end. but here", "no end. but here");
    sentences_are("It was 1.5 km.It is", "It was 1.5 km.It is");
    sentences_are("Ends here. ", "Ends here.");
    sentences_are("An island. \xc3\x89lodie came.", "An island. \xc3\x89lodie came.");
    sentences_are("Two...  Points.\nNext", "Two...|Points.|Next");
}

static void abbreviations_end_no_sentence(void **state)
{
    (void)state;
    sentences_are("Dr. Rell of St. Ives (Mr. X) met J. K. Doe.",
                  "Dr. Rell of St. Ives (Mr. X) met J. K. Doe.");
    sentences_are("In the U.S. He is", "In the U.S. He is");
    sentences_are("On Dec. 6 it was. On Sept. 6 too.", "On Dec. 6 it was.|On Sept.|6 too.");
    sentences_are("No! Dr? Yes", "No!|Dr?|Yes");
    assert_true(ltd_wiki_is_abbreviation("(\"Mrs", 5));
    assert_false(ltd_wiki_is_abbreviation("", 0));
    assert_false(ltd_wiki_is_abbreviation("\0", 1));
    assert_false(ltd_wiki_is_abbreviation("Mrsx", 4));
    assert_true(ltd_wiki_is_abbreviation("Mrsx", 3));
}

/* --- extraction --- */

enum { MOST = 8 };

typedef struct made {
    ltd_wiki_event event;
    ltd_wiki_chunk chunk[MOST];
    ltd_wiki_chunks chunks;
    ltd_wiki_ranker *ranker;
} made;

static void make(made *m, const char *key, const char *const *texts, int32_t n)
{
    ltd_err err = LTD_ERR_INIT;
    memset(m, 0, sizeof *m);
    m->event.key = key;
    for (int32_t i = 0; i < n; i++) {
        m->chunk[i] = (ltd_wiki_chunk){.id = i, .text = texts[i], .words = 1};
        for (const char *p = texts[i]; *p; p++) m->chunk[i].words += *p == ' ';
    }
    m->chunks = (ltd_wiki_chunks){.event = &m->event, .chunk = m->chunk, .n = n};
    assert_int_equal(ltd_wiki_ranker_new(&m->ranker, LTD_WIKI_BM25, &m->chunks, &err), 0);
}

static void the_best_four_of_a_chunk_are_its_line(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "None of it is in here. The race and nothing else came. Too short a race. "
        "The Ambel race was won by us! Once more the Ambel race was won. "
        "What has the word Ambel in it. And this one, too, had the race."};
    made m;
    ltd_wiki_extract e;
    ltd_err err = LTD_ERR_INIT;
    make(&m, "Ambel race", TEXTS, 1);
    assert_int_equal(ltd_wiki_extract_rr(&e, m.ranker, &m.chunks, &err), 0);
    assert_string_equal(e.text,
                        "==Introduction==\nThe Ambel race was won by us![1] Once more the "
                        "Ambel race was won.[1] The race and nothing else came.[1] What has "
                        "the word Ambel in it.[1]");
    assert_int_equal(e.n_chunks, 1);
    assert_int_equal(e.chunk[0], 0);
    ltd_wiki_extract_fini(&e);
    ltd_wiki_extract_fini(&e);
    ltd_wiki_ranker_free(m.ranker);
}

/* 70 words without a point: the last four don't count. */
static void text_without_sentences_comes_in_pieces(void **state)
{
    (void)state;
    ltd_str s = LTD_STR_INIT, expected = LTD_STR_INIT;
    for (int i = 0; i < 70; i++) ltd_str_printf(&s, "%sw%d", i ? " " : "", i);
    made m;
    ltd_wiki_extract e;
    ltd_err err = LTD_ERR_INIT;
    make(&m, "w23 w44 w45 w69", (const char *const[]){ltd_str_text(&s)}, 1);
    assert_int_equal(ltd_wiki_extract_rr(&e, m.ranker, &m.chunks, &err), 0);
    ltd_str_puts(&expected, "==Introduction==\n");
    static const int FIRST[] = {44, 22, 0};
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 22; i++)
            ltd_str_printf(&expected, "%sw%d%s", k + i ? " " : "", FIRST[k] + i,
                           i == 21 ? ".[1]" : "");
    assert_string_equal(e.text, ltd_str_text(&expected));
    ltd_wiki_extract_fini(&e);
    ltd_wiki_ranker_free(m.ranker);
    ltd_str_fini(&s);
    ltd_str_fini(&expected);
}

static void sections_take_the_best_of_all_chunks(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "The plot is told in one word here. Nothing that was asked stands in here.",
        "In the cast of Mill were many. This sentence has Mill and is rather long for what it "
        "says.",
        "A plot of Mill, said at last",
        "one",
        "two",
        "three words only"};
    static const char *const PLAN[] = {"Plot", "Cast"};
    made m;
    ltd_wiki_extract e;
    ltd_err err = LTD_ERR_INIT;
    make(&m, "Mill", TEXTS, 6);
    assert_int_equal(ltd_wiki_extract_prr(&e, m.ranker, &m.chunks, PLAN, 2, &err), 0);
    assert_string_equal(
        e.text, "==Plot==\nA plot of Mill, said at last[1] In the cast of Mill were many.[2] "
                "The plot is told in one word here.[3] This sentence has Mill and is rather long "
                "for what it says.[2] Nothing that was asked stands in here.[3]\n"
                "==Cast==\nIn the cast of Mill were many.[2] A plot of Mill, said at last[1] "
                "This sentence has Mill and is rather long for what it says.[2] "
                "The plot is told in one word here.[3] Nothing that was asked stands in here.[3]");
    assert_int_equal(e.n_chunks, 3);
    for (int i = 0; i < 3; i++) assert_int_equal(e.chunk[i], 2 - i);
    ltd_wiki_extract_fini(&e);
    ltd_wiki_ranker_free(m.ranker);
}

static void without_chunks_only_headings_are_left(void **state)
{
    (void)state;
    made m;
    ltd_wiki_extract e;
    ltd_err err = LTD_ERR_INIT;
    make(&m, "Mill", NULL, 0);
    assert_int_equal(ltd_wiki_extract_rr(&e, m.ranker, &m.chunks, &err), 0);
    assert_string_equal(e.text, "==Introduction==\n");
    ltd_wiki_extract_fini(&e);
    assert_int_equal(
        ltd_wiki_extract_prr(&e, m.ranker, &m.chunks, (const char *const[]){"A", "B"}, 2, &err), 0);
    assert_string_equal(e.text, "==A==\n\n==B==\n");
    ltd_wiki_extract_fini(&e);
    assert_int_equal(ltd_wiki_extract_prr(&e, m.ranker, &m.chunks, NULL, 0, &err), 0);
    assert_string_equal(e.text, "");
    ltd_wiki_extract_fini(&e);
    ltd_wiki_ranker_free(m.ranker);
}

static void the_reference_gives_a_plan(void **state)
{
    (void)state;
    static const char *const OUTLINE[] = {"Plot", "Introduction", "",      "See also",
                                          "Cast", "Plot",         "Music", "References"};
    ltd_wiki_event event = {.outline = OUTLINE, .n_outline = 8};
    const char *plan[LTD_WIKI_PLAN];
    assert_int_equal(ltd_wiki_reference_plan(&event, plan, LTD_WIKI_PLAN), 4);
    assert_string_equal(plan[0], "Introduction");
    assert_string_equal(plan[1], "Plot");
    assert_string_equal(plan[2], "Cast");
    assert_string_equal(plan[3], "Music");
    assert_int_equal(ltd_wiki_reference_plan(&event, plan, 2), 2);
    assert_int_equal(ltd_wiki_reference_plan(&event, plan, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_end_before_what_may_begin_one),
        cmocka_unit_test(abbreviations_end_no_sentence),
        cmocka_unit_test(the_best_four_of_a_chunk_are_its_line),
        cmocka_unit_test(text_without_sentences_comes_in_pieces),
        cmocka_unit_test(sections_take_the_best_of_all_chunks),
        cmocka_unit_test(without_chunks_only_headings_are_left),
        cmocka_unit_test(the_reference_gives_a_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
