#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "trainer/wiki/pages/rank.h"

enum { MOST = 8 };

/* Rank chunks of these texts; the number of hits. */
static int32_t rank(ltd_wiki_ranking kind, const char *const *texts, int32_t n, const char *query,
                    int32_t most, ltd_wiki_hit *hits)
{
    ltd_wiki_chunk chunk[MOST];
    for (int32_t i = 0; i < n; i++) chunk[i] = (ltd_wiki_chunk){.id = i, .text = texts[i]};
    ltd_wiki_chunks chunks = {.chunk = chunk, .n = n};
    ltd_wiki_ranker *r = NULL;
    ltd_err err = LTD_ERR_INIT;
    int32_t got = -1;
    assert_int_equal(ltd_wiki_ranker_new(&r, kind, &chunks, &err), 0);
    assert_int_equal(ltd_wiki_rank(r, query, most, hits, &got, &err), 0);
    ltd_wiki_ranker_free(r);
    return got;
}

static void score_is(const ltd_wiki_hit *hit, int32_t chunk, double score)
{
    assert_int_equal(hit->chunk, chunk);
    if (!(fabs(hit->score - score) < 1e-12)) fail_msg("%.15g, expected %.15g", hit->score, score);
}

static const char *const TEXTS[] = {"The cat sat.", "A dog, a dog and a cat!", "Fish swim in water",
                                    "nothing here at all"};

static void bm25_is_okapis(void **state)
{
    (void)state;
    ltd_wiki_hit hits[MOST];
    /* Lengths 3, 7, 4, 4: mean 4.5.  "dog" is in 1 of 4 chunks, twice: idf ln(3.5/1.5). */
    assert_int_equal(rank(LTD_WIKI_BM25, TEXTS, 4, "DOG", 4, hits), 4);
    double idf = log(3.5 / 1.5), f = 2 * 2.5 / (2 + 1.5 * (0.25 + 0.75 * 7 / 4.5));
    score_is(&hits[0], 1, idf * f);
    for (int i = 1; i < 4; i++) score_is(&hits[i], (int[]){0, 0, 2, 3}[i], 0);
    /* Said twice, it counts twice. */
    rank(LTD_WIKI_BM25, TEXTS, 4, "dog? dog", 4, hits);
    score_is(&hits[0], 1, 2 * idf * f);
}

static void bm25_words_of_most_chunks_are_worth_a_quarter_of_the_mean(void **state)
{
    (void)state;
    static const char *const MOSTLY[] = {"x a", "x b", "x c", "d"};
    ltd_wiki_hit hits[MOST];
    rank(LTD_WIKI_BM25, MOSTLY, 4, "x", 1, hits);
    double negative = log(1.5 / 3.5), rare = log(3.5 / 1.5), mean = (negative + 4 * rare) / 5;
    score_is(&hits[0], 0, 0.25 * mean * 2.5 / (1 + 1.5 * (0.25 + 0.75 * 2 / 1.75)));
}

static void tfidf_is_a_cosine(void **state)
{
    (void)state;
    ltd_wiki_hit hits[MOST];
    /* A chunk against itself, and against one without a word of it. */
    assert_int_equal(rank(LTD_WIKI_TFIDF, TEXTS, 4, "A dog, a dog and a cat!", 4, hits), 4);
    score_is(&hits[0], 1, 1);
    double cat = log(5.0 / 3) + 1, rare = log(5.0 / 2) + 1;
    double own = sqrt(13 * rare * rare + rare * rare + cat * cat);
    score_is(&hits[1], 0, cat * cat / (own * sqrt(2 * rare * rare + cat * cat)));
    score_is(&hits[2], 2, 0);
    /* Words that no chunk has don't count. */
    rank(LTD_WIKI_TFIDF, TEXTS, 4, "Fish swim in water, unheard of", 1, hits);
    score_is(&hits[0], 2, 1);
}

static void equal_scores_keep_the_order_of_chunks(void **state)
{
    (void)state;
    static const char *const SAME[] = {"b", "a a", "b", "a a", "b"};
    ltd_wiki_hit hits[MOST];
    for (int kind = LTD_WIKI_BM25; kind <= LTD_WIKI_TFIDF; kind++) {
        assert_int_equal(rank((ltd_wiki_ranking)kind, SAME, 5, "a", 3, hits), 3);
        assert_int_equal(hits[0].chunk, 1);
        assert_int_equal(hits[1].chunk, 3);
        assert_int_equal(hits[2].chunk, 0);
    }
}

static void there_may_be_nothing_to_rank(void **state)
{
    (void)state;
    static const char *const EMPTY[] = {"", "--"};
    ltd_wiki_hit hits[MOST];
    for (int kind = LTD_WIKI_BM25; kind <= LTD_WIKI_TFIDF; kind++) {
        assert_int_equal(rank((ltd_wiki_ranking)kind, EMPTY, 0, "a", 5, hits), 0);
        assert_int_equal(rank((ltd_wiki_ranking)kind, EMPTY, 2, "a", 5, hits), 2);
        score_is(&hits[1], 1, 0);
        assert_int_equal(rank((ltd_wiki_ranking)kind, TEXTS, 4, "", 5, hits), 4);
        score_is(&hits[0], 0, 0);
        assert_int_equal(rank((ltd_wiki_ranking)kind, TEXTS, 4, "unheard", 0, hits), 0);
    }
    ltd_wiki_ranker_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bm25_is_okapis),
        cmocka_unit_test(bm25_words_of_most_chunks_are_worth_a_quarter_of_the_mean),
        cmocka_unit_test(tfidf_is_a_cosine),
        cmocka_unit_test(equal_scores_keep_the_order_of_chunks),
        cmocka_unit_test(there_may_be_nothing_to_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
