/* ROUGE, BLEU and METEOR: figures worked out by hand, texts that have nothing, and the bit-parallel
 * subsequence against the table that defines it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/str.h"
#include "trainer/wiki/score/ngram.h"

static ltd_err err;

static ltd_wiki_ngram score(const char *ref, const char *text)
{
    ltd_wiki_wording *w;
    ltd_wiki_ngram f;
    if (ltd_wiki_wording_new(&w, ref, strlen(ref), &err) < 0) fail_msg("%s", err.msg);
    if (ltd_wiki_wording_score(w, text, strlen(text), &f, &err) < 0) fail_msg("%s", err.msg);
    ltd_wiki_wording_free(w);
    return f;
}

static void assert_near(double got, double expected)
{
    if (!(fabs(got - expected) < 1e-12)) fail_msg("%.15g, expected %.15g", got, expected);
}

static void grams_are_clipped(void **state)
{
    (void)state;
    ltd_wiki_ngram f = score("the cat the dog", "The the the; CAT");
    assert_near(f.rouge1.p, 3. / 4); /* "the" counts twice, "cat" once */
    assert_near(f.rouge1.r, 3. / 4);
    assert_near(f.rouge2.p, 1. / 3); /* "the cat" */
    assert_near(f.rougeL.r, 2. / 4);
    assert_int_equal(f.words, 4);
}

static void case_and_signs_count_between_white_space(void **state)
{
    (void)state;
    ltd_wiki_ngram f = score("One two, three.", "one two three");
    assert_near(f.rouge1.f, 1);
    assert_near(f.bleu1, 0);
    assert_near(f.rougeL_coco, 0);
    assert_near(f.meteor_exact, 1. / 3 * .5); /* "one": one match, one chunk */
}

static void brevity_costs(void **state)
{
    (void)state;
    ltd_wiki_ngram f = score("a b c d e f g h", "a b c d");
    assert_near(f.bleu1, exp(-1));
    assert_near(f.bleu4, exp(-1));
    assert_near(score("a b c d", "a b c d e f g h").bleu1, .5);
    assert_near(score("a b c d e", "a b c").bleu4, 0); /* no 4-gram */
}

static void meteor_aligns_from_the_end(void **state)
{
    (void)state;
    /* The last "a" of the text takes the last of the reference, the first the first: one chunk of
     * "a b" and one of "a". */
    ltd_wiki_ngram f = score("a x a b", "a a b");
    double p = 1, r = 3. / 4;
    assert_near(f.meteor_exact, p * r / (.9 * p + .1 * r) * (1 - .5 * 8. / 27));
}

static void nothing_scores_nothing(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""}, {"a b", ""}, {"", "a b"}, {"a", " \n..."}};
    for (int i = 0; i < 4; i++) {
        ltd_wiki_ngram f = score(pairs[i][0], pairs[i][1]);
        const double all[] = {f.rouge1.p, f.rouge1.r, f.rouge1.f,    f.rouge2.f,    f.rougeL.f,
                              f.bleu1,    f.bleu4,    f.rougeL_coco, f.meteor_exact};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) assert_near(all[k], 0);
    }
}

static void letters_beyond_ascii_separate_words(void **state)
{
    (void)state;
    ltd_wiki_ngram f = score("\xc3\x89lodie caf\xc3\xa9 \xe6\x9d\xb1", "\xc3\xa9lodie");
    assert_near(f.rouge1.p, 1); /* "lodie"; the reference has "lodie", "caf" */
    assert_near(f.rouge1.r, .5);
    assert_near(f.bleu1, 0);                   /* another case */
    assert_true(f.meteor_exact > 0);           /* lower case */
    assert_near(score("a\xff", "a").bleu1, 0); /* no UTF-8 */
}

enum { LONGEST = 200 };

static int32_t by_table(const int *a, int n, const int *b, int m)
{
    static int32_t row[LONGEST + 1][LONGEST + 1];
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++) {
            int32_t best = row[i - 1][j] > row[i][j - 1] ? row[i - 1][j] : row[i][j - 1];
            row[i][j] = a[i - 1] == b[j - 1] ? row[i - 1][j - 1] + 1 : best;
        }
    return row[n][m];
}

static void subsequences_are_the_longest(void **state)
{
    (void)state;
    ltd_rng rng;
    ltd_rng_seed(&rng, 7, 0);
    for (int round = 0; round < 300; round++) {
        int a[LONGEST], b[LONGEST], words = 1 + (int)ltd_rng_below(&rng, 30);
        int n = 1 + (int)ltd_rng_below(&rng, LONGEST), m = 1 + (int)ltd_rng_below(&rng, LONGEST);
        ltd_str text = LTD_STR_INIT, ref = LTD_STR_INIT;
        for (int i = 0; i < n; i++)
            ltd_str_printf(&text, "%d ", a[i] = (int)ltd_rng_below(&rng, (uint32_t)words));
        for (int i = 0; i < m; i++)
            ltd_str_printf(&ref, "%d ", b[i] = (int)ltd_rng_below(&rng, (uint32_t)words));
        ltd_wiki_ngram f = score(ltd_str_text(&ref), ltd_str_text(&text));
        assert_near(f.rougeL.p, (double)by_table(a, n, b, m) / n);
        ltd_str_fini(&text);
        ltd_str_fini(&ref);
    }
}

static void a_text_of_a_million_characters(void **state)
{
    (void)state;
    ltd_str ref = LTD_STR_INIT, text = LTD_STR_INIT;
    for (int i = 0; i < 2000; i++) ltd_str_printf(&ref, "w%d ", i % 700);
    while (text.len < 1000 * 1000) ltd_str_puts(&text, "w1 w2 ");
    ltd_wiki_ngram f = score(ltd_str_text(&ref), ltd_str_text(&text));
    assert_near(f.rouge1.r, 6. / 2000); /* three each */
    assert_near(f.rougeL.r, 6. / 2000);
    memset(text.data, 'x', text.len);
    f = score(ltd_str_text(&ref), ltd_str_text(&text));
    assert_int_equal(f.words, 1);
    assert_near(f.rouge1.f, 0);
    ltd_str_fini(&text);
    ltd_str_fini(&ref);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grams_are_clipped),
        cmocka_unit_test(case_and_signs_count_between_white_space),
        cmocka_unit_test(brevity_costs),
        cmocka_unit_test(meteor_aligns_from_the_end),
        cmocka_unit_test(nothing_scores_nothing),
        cmocka_unit_test(letters_beyond_ascii_separate_words),
        cmocka_unit_test(subsequences_are_the_longest),
        cmocka_unit_test(a_text_of_a_million_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
