/* Replies of judges, and the figures that come of them: null where nobody answered, never 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/made_article.h"
#include "trainer/wiki/judge/judge_answers.h"
#include "trainer/wiki/judge/judge_reply.h"
#include "trainer/wiki/judge/judge_scores.h"

static ltd_err err;
static ltd_wiki_answers *answers;

static int begin(void **state)
{
    (void)state;
    return ltd_wiki_answers_new(&answers, &err);
}

static int end(void **state)
{
    (void)state;
    ltd_wiki_answers_free(answers);
    return 0;
}

static void read_lines(const char *text)
{
    if (ltd_wiki_answers_parse(answers, "s.jsonl", text, strlen(text), &err) < 0)
        fail_msg("%s", err.msg);
}

static ltd_wiki_judged fold(const ltd_wiki_judging *what)
{
    ltd_wiki_judged j;
    if (ltd_wiki_judge_fold(&j, what, answers, &err) < 0) fail_msg("%s", err.msg);
    return j;
}

static void near(double found, double expected)
{
    if (!(fabs(found - expected) < 1e-12)) fail_msg("%.17g, expected %.17g", found, expected);
}

static void counts(const ltd_wiki_judged *j, ltd_wiki_judge_kind kind, int64_t asked,
                   int64_t answered, int64_t invalid)
{
    assert_int_equal(j->count[kind].asked, asked);
    assert_int_equal(j->count[kind].answered, answered);
    assert_int_equal(j->count[kind].invalid, invalid);
}

/* --- replies --- */

static void grades_are_found_in_what_models_say(void **state)
{
    (void)state;
    static const struct {
        ltd_wiki_judge_kind kind;
        const char *reply;
        double grade[3]; /* the first -1: invalid */
    } cases[] = {
        {LTD_WIKI_FOCUS, "4", {4}},
        {LTD_WIKI_FOCUS, "  **4**\n", {4}},
        {LTD_WIKI_FOCUS, "Score: 4/5, since 2 facts ...", {4}},
        {LTD_WIKI_FOCUS, "4.", {4}},
        {LTD_WIKI_FOCUS, "4.0", {4}},
        {LTD_WIKI_FOCUS, "I am gpt-4 and t5, my 1st grade: 3", {3}},
        {LTD_WIKI_FOCUS,
         "grade \xe2\x80\x94"
         "5",
         {5}},
        {LTD_WIKI_FOCUS, "<think>1 or 2?</think>5", {5}},
        {LTD_WIKI_FOCUS, "<think>1 or 2?", {-1}},
        {LTD_WIKI_FOCUS, "4.5", {-1}},
        {LTD_WIKI_FOCUS, "0", {-1}},
        {LTD_WIKI_FOCUS, "6", {-1}},
        {LTD_WIKI_FOCUS, "-3", {-1}},
        {LTD_WIKI_FOCUS, "10", {-1}},
        {LTD_WIKI_FOCUS, "99999999999999999999999999", {-1}},
        {LTD_WIKI_FOCUS, "excellent", {-1}},
        {LTD_WIKI_FOCUS, "", {-1}},
        {LTD_WIKI_OUTLINE, "0", {0}},
        {LTD_WIKI_FLUENCY_INFO, "4 3 5", {4, 3, 5}},
        {LTD_WIKI_FLUENCY_INFO, "[4,0,5]", {4, 0, 5}},
        {LTD_WIKI_FLUENCY_INFO, "4/5, 3 / 5, 2 out of 5", {4, 3, 2}},
        {LTD_WIKI_FLUENCY_INFO, "1. Fluency: 4\n2) **Information**: 3\n3. faithful: 5", {4, 3, 5}},
        {LTD_WIKI_FLUENCY_INFO, "4 3", {-1}},
        {LTD_WIKI_FLUENCY_INFO, "4 3 6", {-1}},
        {LTD_WIKI_NLI, "Yes.", {1}},
        {LTD_WIKI_NLI, "1", {1}},
        {LTD_WIKI_NLI, "The answer is: no", {0}},
        {LTD_WIKI_NLI, "entailment", {1}},
        {LTD_WIKI_NLI, "not entailment", {0}},
        {LTD_WIKI_NLI, "not_entailment", {0}},
        {LTD_WIKI_NLI, "It doesn't; the year 1999 is wrong", {0}},
        {LTD_WIKI_NLI, "Label 0", {0}},
        {LTD_WIKI_NLI, "2", {-1}},
        {LTD_WIKI_NLI, "0.93", {-1}},
        {LTD_WIKI_NLI, "Yesterday", {-1}},
        {LTD_WIKI_NLI, "", {-1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double grade[3] = {-7, -7, -7};
        bool valid = ltd_wiki_reply_grades(cases[i].kind, cases[i].reply, grade);
        bool expected = cases[i].grade[0] >= 0;
        if (valid != expected) fail_msg("'%s': valid %d", cases[i].reply, valid);
        int n = ltd_wiki_judge_scale_of(cases[i].kind)->n;
        for (int k = 0; k < n; k++)
            if (grade[k] != (expected ? cases[i].grade[k] : -7))
                fail_msg("'%s': grade %d is %g", cases[i].reply, k, grade[k]);
    }
}

/* --- files --- */

static void scores_may_be_numbers_lists_and_words(void **state)
{
    (void)state;
    double g[3];
    read_lines("{\"id\":\"a\",\"score\":4}\n\n"
               "{\"id\":\"b\",\"score\":[4,3.5,5],\"model\":\"x\"}\r\n"
               "{\"id\":\"c\",\"score\":\"4, 3, 5\"}\n{\"id\":\"d\",\"score\":null}\n"
               "{\"id\":\"e\",\"score\":true}\n{\"id\":\"f\",\"score\":7}\n"
               "{\"id\":\"g\",\"score\":\"yes\"}\n{\"id\":\"h\",\"score\":0.5}");
    assert_int_equal(ltd_wiki_answers_count(answers), 7);
    assert_int_equal(ltd_wiki_answers_get(answers, LTD_WIKI_FOCUS, "a", g), LTD_WIKI_ANSWERED);
    assert_true(g[0] == 4);
    assert_int_equal(ltd_wiki_answers_get(answers, LTD_WIKI_FLUENCY_INFO, "a", g),
                     LTD_WIKI_INVALID);
    assert_int_equal(ltd_wiki_answers_get(answers, LTD_WIKI_FLUENCY_INFO, "b", g),
                     LTD_WIKI_ANSWERED);
    assert_true(g[0] == 4 && g[1] == 3.5 && g[2] == 5);
    assert_int_equal(ltd_wiki_answers_get(answers, LTD_WIKI_FLUENCY_INFO, "c", g),
                     LTD_WIKI_ANSWERED);
    assert_true(g[1] == 3);
    assert_int_equal(ltd_wiki_answers_get(answers, LTD_WIKI_FOCUS, "d", g), LTD_WIKI_SILENT);
    assert_int_equal(ltd_wiki_answers_get(answers, LTD_WIKI_NLI, "e", g), LTD_WIKI_ANSWERED);
    assert_true(g[0] == 1);
    assert_int_equal(ltd_wiki_answers_get(answers, LTD_WIKI_FOCUS, "f", g), LTD_WIKI_INVALID);
    assert_int_equal(ltd_wiki_answers_get(answers, LTD_WIKI_NLI, "g", g), LTD_WIKI_ANSWERED);
    assert_int_equal(ltd_wiki_answers_get(answers, LTD_WIKI_NLI, "h", g), LTD_WIKI_INVALID);
    assert_int_equal(ltd_wiki_answers_get(answers, LTD_WIKI_NLI, "none", g), LTD_WIKI_SILENT);
    /* The later of two counts, and may take back. */
    read_lines("{\"id\":\"a\",\"score\":2}\n{\"id\":\"c\",\"score\":null}\n");
    assert_int_equal(ltd_wiki_answers_get(answers, LTD_WIKI_FOCUS, "a", g), LTD_WIKI_ANSWERED);
    assert_true(g[0] == 2);
    assert_int_equal(ltd_wiki_answers_get(answers, LTD_WIKI_FOCUS, "c", g), LTD_WIKI_SILENT);
    assert_int_equal(ltd_wiki_answers_count(answers), 6);
}

static void damaged_scores_are_told(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"id\":\"a\",\"score\":4}\n{\"id\":\"b\"}", "s.jsonl:2: key 'score': missing"},
        {"{\"score\":4}", "s.jsonl:1: key 'id': missing"},
        {"{\"id\":\"a\",\"score\":{}}", "found object, expected number, list, string or null"},
        {"{\"id\":\"a\",\"score\":[]}", "a list of 0, expected 1 to 3"},
        {"{\"id\":\"a\",\"score\":[1,2,3,4]}", "a list of 4, expected 1 to 3"},
        {"{\"id\":\"a\",\"score\":[\"1\"]}", "found string, expected number"},
        {"{\"id\":\"a\",\"score\":NaN}", "expected a finite number"},
        {"{\"id\":\"a\",\"score\":4", "s.jsonl:1:1: the text ends too early"},
        {"4", "s.jsonl:1: found no object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i][0];
        int rc = ltd_wiki_answers_parse(answers, "s.jsonl", text, strlen(text), &err);
        assert_int_equal(rc, LTD_EFORMAT);
        if (!strstr(err.msg, cases[i][1])) fail_msg("case %zu: %s", i, err.msg);
    }
    assert_int_equal(ltd_wiki_answers_read(answers, "/nowhere/s.jsonl", &err), LTD_EIO);
}

/* --- figures --- */

#define NLI_WHOLE                                                                                  \
    "{\"id\":\"7/rr/nli/2/1\",\"score\":1}\n{\"id\":\"7/rr/nli/2/2\",\"score\":0}\n"               \
    "{\"id\":\"7/rr/nli/3/1\",\"score\":1}\n{\"id\":\"7/rr/nli/4/1\",\"score\":0}\n"

/* By hand: sentences of 2, 5, 2, 5 and 3 words; marks 0, 2, 4 (two of no chunk), 1 and 1 (of
 * none). */
static void citations_follow_the_formulas(void **state)
{
    (void)state;
    read_lines(NLI_WHOLE);
    ltd_wiki_judged j = fold(&made_judging);
    near(j.recall, 2.0 / 5);
    near(j.precision, (1.0 / 2 + 2.0 / 4) / 5);
    near(j.rate, (5.0 + 2) / 17);
    counts(&j, LTD_WIKI_NLI, MADE_NLI, MADE_NLI, 0);
    assert_true(isnan(j.fluency) && isnan(j.info) && isnan(j.outline) && isnan(j.focus));
    counts(&j, LTD_WIKI_FOCUS, 1, 0, 0);
}

static void nothing_answered_is_no_zero(void **state)
{
    (void)state;
    ltd_wiki_judged j = fold(&made_judging);
    const double figures[] = {j.fluency,  j.info,   j.outline,   j.organization, j.focus,
                              j.coverage, j.recall, j.precision, j.rate};
    for (int i = 0; i < 9; i++) assert_true(isnan(figures[i]));
    counts(&j, LTD_WIKI_NLI, MADE_NLI, 0, 0);
    ltd_str out = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&out, 0);
    ltd_json_begin_object(&w, NULL);
    ltd_wiki_judged_put(&w, "judge", &j, "x");
    ltd_wiki_judged_put(&w, "none", NULL, "x");
    ltd_json_end_object(&w);
    assert_string_equal(ltd_str_text(&out), "{\"judge\":null,\"none\":null}");
    ltd_str_fini(&out);
}

static void answered_ones_stand_for_the_rest(void **state)
{
    (void)state;
    /* Sentence 2 lacks an answer, 4 has an invalid one: 3 alone speaks for the three that cite. */
    read_lines("{\"id\":\"7/rr/nli/2/1\",\"score\":0}\n{\"id\":\"7/rr/nli/3/1\",\"score\":1}\n"
               "{\"id\":\"7/rr/nli/4/1\",\"score\":\"maybe\"}\n");
    ltd_wiki_judged j = fold(&made_judging);
    near(j.recall, 3.0 / 5);
    near(j.precision, 3 * 0.5 / 5);
    near(j.rate, 12.0 / 17);
    counts(&j, LTD_WIKI_NLI, MADE_NLI, 2, 1);
}

static void grades_go_to_their_figures(void **state)
{
    (void)state;
    read_lines(
        "{\"id\":\"7/rr/fluency_info/1\",\"score\":\"4 3 5\"}\n"
        "{\"id\":\"7/rr/outline/1\",\"score\":0}\n{\"id\":\"7/rr/organization/1\",\"score\":3}\n"
        "{\"id\":\"7/rr/focus/1\",\"score\":0}\n{\"id\":\"7/rr/coverage/1\",\"score\":1}\n"
        "{\"id\":\"7/prr/focus/1\",\"score\":5}\n");
    ltd_wiki_judged j = fold(&made_judging);
    assert_true(j.fluency == 4 && j.info == 3 && j.outline == 0 && j.organization == 3);
    assert_true(isnan(j.focus) && j.coverage == 1);
    counts(&j, LTD_WIKI_FOCUS, 1, 0, 1);
    counts(&j, LTD_WIKI_COVERAGE, 1, 1, 0);
    assert_true(isnan(j.recall) && isnan(j.precision) && isnan(j.rate));
}

static void an_article_without_citations_supports_nothing(void **state)
{
    (void)state;
    const ltd_wiki_article empty = {0};
    ltd_wiki_article silent = made_article;
    silent.n_sentences = 1; /* which has no mark */
    ltd_wiki_judging what = made_judging;
    what.article = &silent;
    ltd_wiki_judged none = fold(&what);
    assert_true(none.recall == 0 && none.precision == 0 && none.rate == 0);
    counts(&none, LTD_WIKI_NLI, 0, 0, 0);
    what.article = &empty;
    assert_true(fold(&what).recall == 0);
    /* Without chunks there is nothing to cite. */
    const ltd_wiki_part bare[] = {{NULL, 0}, {NULL, 0}};
    what = made_judging;
    what.part = bare;
    assert_true(isnan(fold(&what).recall));
    what.n_parts = 0; /* marks of parts that aren't there */
    assert_true(isnan(fold(&what).precision));
    assert_true(ltd_wiki_judged_mean(&none, 1).recall == 0);
    /* ... but that is no figure of a set that no judge looked at. */
    ltd_wiki_judged pair[] = {none, fold(&made_judging)};
    assert_true(isnan(ltd_wiki_judged_mean(pair, 2).recall));
    read_lines(NLI_WHOLE);
    pair[1] = fold(&made_judging);
    near(ltd_wiki_judged_mean(pair, 2).recall, 1.0 / 5);
}

static void means_are_over_those_who_have_a_figure(void **state)
{
    (void)state;
    ltd_wiki_judged list[3];
    ltd_wiki_event other = made_event;
    ltd_wiki_judging what = made_judging;
    other.id = 8;
    what.event = &other;
    list[0] = fold(&what);
    read_lines(NLI_WHOLE
               "{\"id\":\"7/rr/focus/1\",\"score\":2}\n{\"id\":\"8/rr/focus/1\",\"score\":5}\n"
               "{\"id\":\"8/rr/coverage/1\",\"score\":9}\n");
    list[1] = fold(&made_judging);
    list[2] = fold(&what);
    ltd_wiki_judged all = ltd_wiki_judged_mean(list, 3);
    near(all.focus, 3.5);
    near(all.recall, 0.4);
    assert_true(isnan(all.coverage));
    counts(&all, LTD_WIKI_FOCUS, 3, 2, 0);
    counts(&all, LTD_WIKI_COVERAGE, 3, 0, 1);
    counts(&all, LTD_WIKI_NLI, 3 * MADE_NLI, MADE_NLI, 0);
    assert_true(isnan(ltd_wiki_judged_mean(NULL, 0).focus));
}

static void json_tells_figures_and_counts(void **state)
{
    (void)state;
    read_lines(NLI_WHOLE
               "{\"id\":\"7/rr/focus/1\",\"score\":2}\n{\"id\":\"7/rr/outline/1\",\"score\":8}\n");
    ltd_wiki_judged j = fold(&made_judging);
    ltd_str out = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&out, 0);
    ltd_wiki_judged_put(&w, NULL, &j, "self");
    assert_string_equal(
        ltd_str_text(&out),
        "{\"by\":\"self\",\"fluency\":null,\"info\":null,\"outline\":null,\"organization\":null,"
        "\"focus\":2,\"coverage\":null,\"citation_nli\":{\"recall\":0.4,\"precision\":0.2,"
        "\"rate\":0.4117647058823529},\"replies\":{"
        "\"nli\":{\"asked\":4,\"answered\":4,\"invalid\":0},"
        "\"fluency_info\":{\"asked\":1,\"answered\":0,\"invalid\":0},"
        "\"outline\":{\"asked\":1,\"answered\":0,\"invalid\":1},"
        "\"organization\":{\"asked\":1,\"answered\":0,\"invalid\":0},"
        "\"focus\":{\"asked\":1,\"answered\":1,\"invalid\":0},"
        "\"coverage\":{\"asked\":1,\"answered\":0,\"invalid\":0}}}");
    ltd_str_fini(&out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(grades_are_found_in_what_models_say),
        TEST(scores_may_be_numbers_lists_and_words),
        TEST(damaged_scores_are_told),
        TEST(citations_follow_the_formulas),
        TEST(nothing_answered_is_no_zero),
        TEST(answered_ones_stand_for_the_rest),
        TEST(grades_go_to_their_figures),
        TEST(an_article_without_citations_supports_nothing),
        TEST(means_are_over_those_who_have_a_figure),
        TEST(json_tells_figures_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
