/* Headings against those of the reference. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/wiki/score/outline.h"

static ltd_err err;

/* Lists end with NULL. */
static ltd_wiki_outline score(const char *const *ref, const char *const *text)
{
    int32_t n_ref = 0, n = 0;
    ltd_wiki_outline f;
    while (ref[n_ref]) n_ref++;
    while (text[n]) n++;
    if (ltd_wiki_outline_score(ref, n_ref, text, n, &f, &err) < 0) fail_msg("%s", err.msg);
    return f;
}
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_figures(ltd_wiki_outline f, double exact, double recall, double precision)
{
    if (!(fabs(f.exact_recall - exact) < 1e-12) || !(fabs(f.soft_recall - recall) < 1e-12) ||
        !(fabs(f.soft_precision - precision) < 1e-12))
        fail_msg("%.15g %.15g %.15g, expected %g %.15g %.15g", f.exact_recall, f.soft_recall,
                 f.soft_precision, exact, recall, precision);
}

static void equal_titles_are_equal_in_any_form(void **state)
{
    (void)state;
    assert_figures(score(LIST("Early life", "Semi-final"), LIST("SEMI FINAL!", "early   Life")), 1,
                   1, 1);
    assert_figures(score(LIST("ab"), LIST("xy")), 0, 0, 0);
}

/* "  ab " and "  ac " share one of three trigrams: similarity 1/3. */
static void similar_titles_count_by_their_trigrams(void **state)
{
    (void)state;
    double both = 2 / (1 + 1. / 3);
    assert_figures(score(LIST("ab"), LIST("ac")), 0, 2 - both, 2 - both);
    /* Said twice, it counts once. */
    assert_figures(score(LIST("ab"), LIST("ab", "ab", "ab")), 1, 1, 1);
}

static void lists_of_sources_do_not_count(void **state)
{
    (void)state;
    assert_figures(score(LIST("Plot", "References"), LIST("plot", "See also")), 1, 1, 1);
    ltd_wiki_outline f = score(LIST("References"), LIST("Plot"));
    assert_true(isnan(f.exact_recall) && isnan(f.soft_recall) && isnan(f.soft_precision));
}

static void texts_without_titles_have_none_of_them(void **state)
{
    (void)state;
    assert_figures(score(LIST("Plot"), LIST(NULL)), 0, 0, 0);
    assert_figures(score(LIST("Plot"), LIST("", "\xd0\xa1\xd1\x8e\xd0\xb6\xd0\xb5\xd1\x82")), 0, 0,
                   0);
    assert_true(isnan(score(LIST(NULL), LIST("Plot")).soft_recall));
}

static void a_loop_of_titles_ends(void **state)
{
    (void)state;
    enum { N = 100000 };
    const char **text = calloc(N, sizeof *text);
    char(*name)[16] = calloc(N, sizeof *name);
    ltd_wiki_outline f;
    for (int i = 0; i < N; i++) {
        snprintf(name[i], sizeof *name, "title %d", i);
        text[i] = name[i];
    }
    const char *ref[] = {"title 3", "Plot"};
    assert_int_equal(ltd_wiki_outline_score(ref, 2, text, N, &f, &err), 0);
    assert_true(f.exact_recall == .5 && f.soft_recall > .49 && f.soft_recall < .75);
    free(text);
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_titles_are_equal_in_any_form),
        cmocka_unit_test(similar_titles_count_by_their_trigrams),
        cmocka_unit_test(lists_of_sources_do_not_count),
        cmocka_unit_test(texts_without_titles_have_none_of_them),
        cmocka_unit_test(a_loop_of_titles_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
