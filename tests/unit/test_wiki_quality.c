/* All figures of an article at once: parts and their chunks, means, files and tables. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/wiki/score/quality.h"

static ltd_err err;

static ltd_wiki_chunk chunk[] = {{0, 0, "the grey heron won on 14 may 2031", 8},
                                 {1, 0, "port ellery has a harbour wall", 6}};
static const ltd_wiki_chunks chunks = {.chunk = chunk, .n = 2};
static const char *const outline[] = {"Race", "References"};
static const ltd_wiki_fact fact[] = {{"Winner", "Grey Heron"}};
static const char reference[] = "The Grey Heron won on 14 May 2031. It sailed round Port Ellery.";

static ltd_wiki_event event_of(const char *text)
{
    return (ltd_wiki_event){.key = "Race",
                            .text = text,
                            .text_len = strlen(text),
                            .outline = outline,
                            .n_outline = 2,
                            .facts = fact,
                            .n_facts = 1};
}

static ltd_wiki_quality score(const char *ref, const ltd_wiki_written *article)
{
    ltd_wiki_event event = event_of(ref);
    ltd_wiki_scorer *s;
    ltd_wiki_quality q;
    if (ltd_wiki_scorer_new(&s, &event, &chunks, &err) < 0) fail_msg("%s", err.msg);
    if (ltd_wiki_score(s, article, &q, &err) < 0) fail_msg("%s", err.msg);
    ltd_wiki_scorer_free(s);
    return q;
}

static const int32_t both[] = {0, 1}, second[] = {1};

static ltd_wiki_quality score_one(const char *ref, const char *text)
{
    return score(ref, &(ltd_wiki_written){&text, &(ltd_wiki_given){both, 2}, 1});
}

static void assert_near(double got, double expected)
{
    if (!(fabs(got - expected) < 1e-12)) fail_msg("%.15g, expected %.15g", got, expected);
}

static void parts_are_scored_as_one_article(void **state)
{
    (void)state;
    static const char *const text[] = {"==Race==\nThe Grey Heron won on 14 May 2031.[1]",
                                       "==Port==\nPort Ellery has a wall.[1] It sank.[2]"};
    static const ltd_wiki_given given[] = {{both, 2}, {second, 1}};
    ltd_wiki_quality q = score(reference, &(ltd_wiki_written){text, given, 2});
    assert_near(q.words, 17);
    assert_near(q.length_ratio, 17. / 13);
    assert_near(q.sentences, 3);
    assert_near(q.sections, 2);
    assert_near(q.well_formed_headings, 2);
    assert_near(q.words_per_section, 7.5);
    assert_near(q.outline_exact_recall, 1);
    assert_near(q.infobox_coverage, 1);
    assert_near(q.number_recall, 1);
    assert_near(q.name_recall, 1); /* Grey Heron, May, Port Ellery */
    assert_near(q.retrieval_coverage, 7. / 9);
    assert_near(q.cited_fraction, 1);
    assert_near(q.links, 3);
    assert_near(q.bad_links, 1);
    assert_near(q.source_use, 1);
    assert_near(q.lex_recall, 2. / 3);
    assert_near(q.strict_rate, 13. / 15);
    assert_near(q.rouge1_recall, 11. / 13);
}

static void an_article_that_is_its_reference_scores_full(void **state)
{
    (void)state;
    ltd_wiki_quality q = score_one(reference, reference);
    const double full[] = {q.rouge1,        q.rouge2,      q.rougeL,      q.rougeL_coco,
                           q.bleu1,         q.bleu4,       q.distinct4,   q.infobox_coverage,
                           q.number_recall, q.name_recall, q.length_ratio};
    for (size_t i = 0; i < sizeof full / sizeof *full; i++) assert_near(full[i], 1);
    assert_near(q.cited_fraction, 0);
    assert_near(q.lex_recall, 0);
    assert_true(isnan(q.marks_per_cited_sentence));
}

static void empty_articles_and_references_score(void **state)
{
    (void)state;
    static const char *const text[] = {"", "==A==\n==B==", "\n[1]", "Race"};
    size_t n;
    const ltd_wiki_figure *list = ltd_wiki_figure_list(&n);
    for (int i = 0; i < 4; i++)
        for (int ref = 0; ref < 2; ref++) {
            ltd_wiki_quality q = score_one(ref ? reference : "", text[i]);
            for (size_t k = 0; k < n; k++) assert_false(isinf(ltd_wiki_figure_get(&q, &list[k])));
            assert_near(q.rouge1, 0);
            assert_near(q.lex_recall, 0);
            assert_int_equal(isnan(q.length_ratio), !ref);
            assert_int_equal(isnan(q.number_recall), !ref);
        }
    ltd_wiki_quality q = score(reference, &(ltd_wiki_written){NULL, NULL, 0});
    assert_near(q.words, 0);
    assert_true(isnan(q.lex_rate)); /* no chunks given */
}

static void a_chunk_of_no_event_is_refused(void **state)
{
    (void)state;
    static const int32_t wrong[] = {2};
    const char *text = "One.[1]";
    ltd_wiki_event event = event_of(reference);
    ltd_wiki_scorer *s;
    ltd_wiki_quality q = {.words = 77};
    assert_int_equal(ltd_wiki_scorer_new(&s, &event, &chunks, &err), 0);
    assert_int_equal(
        ltd_wiki_score(s, &(ltd_wiki_written){&text, &(ltd_wiki_given){wrong, 1}, 1}, &q, &err),
        LTD_EINVAL);
    assert_near(q.words, 77);
    ltd_wiki_scorer_free(s);
}

static void means_leave_out_what_is_not_there(void **state)
{
    (void)state;
    ltd_wiki_quality q[3], mean;
    size_t n;
    const ltd_wiki_figure *list = ltd_wiki_figure_list(&n);
    for (int i = 0; i < 3; i++) q[i] = score_one(reference, "Grey.[1]");
    q[0].rouge1 = 1, q[1].rouge1 = 2, q[2].rouge1 = 6;
    q[0].strict_rate = NAN, q[1].strict_rate = .5, q[2].strict_rate = 1;
    for (int i = 0; i < 3; i++) q[i].infobox_coverage = NAN;
    ltd_wiki_quality_mean(q, 3, &mean);
    assert_near(mean.rouge1, 3);
    assert_near(mean.strict_rate, .75);
    assert_true(isnan(mean.infobox_coverage));
    assert_near(mean.words, 1);
    ltd_wiki_quality_mean(q, 0, &mean);
    for (size_t k = 0; k < n; k++) assert_true(isnan(ltd_wiki_figure_get(&mean, &list[k])));
}

static char *json_of(const ltd_wiki_quality *q)
{
    ltd_str s = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&s, 2);
    ltd_json_begin_object(&w, NULL);
    for (int group = 0; group < LTD_WIKI_FIGURES_COUNT; group++)
        ltd_wiki_quality_put_json(q, (ltd_wiki_figures)group, &w);
    ltd_json_end_object(&w);
    return ltd_str_take(&s);
}

static void files_hold_every_figure_once(void **state)
{
    (void)state;
    ltd_wiki_quality q = score_one(reference, "==Race==\nGrey Heron won.[1] So.");
    q.infobox_coverage = NAN;
    char *text = json_of(&q);
    ltd_json_doc *doc;
    size_t n, figures = 0;
    const ltd_wiki_figure *list = ltd_wiki_figure_list(&n);
    assert_int_equal(ltd_json_parse(&doc, "q", text, strlen(text), &err), 0);
    for (int group = 0; group < LTD_WIKI_FIGURES_COUNT; group++) {
        ltd_json object =
            ltd_json_member(ltd_json_root(doc), ltd_wiki_figures_name((ltd_wiki_figures)group));
        figures += ltd_json_count(object) - (group != LTD_WIKI_QUALITY); /* tau */
        for (size_t k = 0; k < n; k++) {
            double got = NAN, want = ltd_wiki_figure_get(&q, &list[k]);
            if ((int)list[k].group != group) continue;
            if (!isnan(want))
                assert_int_equal(ltd_json_get_f64(object, list[k].name, &got, &err), 0);
            assert_true(isnan(want) ? !ltd_json_has(object, list[k].name) : got == want);
        }
    }
    assert_int_equal(figures, n);
    assert_non_null(strstr(text, "\"infobox_coverage\": null"));
    assert_non_null(strstr(text, "\"citation_lex\": {\n    \"tau\": 0.5,"));
    assert_non_null(strstr(text, "\"citation_lex_strict\": {\n    \"tau\": 0.7,"));
    ltd_json_free(doc);
    free(text);
}

static void equal_articles_give_equal_bytes(void **state)
{
    (void)state;
    static const char article[] =
        "==Race==\nGrey Heron won.[1] So it was.[2][1]\n==Race==\nIt sank.";
    ltd_wiki_quality a = score_one(reference, article), b = score_one(reference, article);
    char *x = json_of(&a), *y = json_of(&b);
    assert_string_equal(x, y);
    free(x);
    free(y);
}

static void tables_have_a_column_an_article(void **state)
{
    (void)state;
    static const char *const title[] = {"ar", "a very long name"};
    ltd_wiki_quality q[2] = {score_one(reference, "Grey"), score_one(reference, "Grey Heron.[1]")};
    ltd_str s = LTD_STR_INIT;
    size_t n, lines = 0;
    ltd_wiki_figure_list(&n);
    ltd_wiki_quality_put_table(q, title, 2, &s);
    for (const char *p = ltd_str_text(&s); *p; p++) lines += *p == '\n';
    assert_int_equal(lines, n + 1);
    assert_non_null(strstr(ltd_str_text(&s), "           ar a very long \n"));
    assert_non_null(
        strstr(ltd_str_text(&s), "  words                                     1.0          2.0\n"));
    assert_non_null(
        strstr(ltd_str_text(&s), "  citation_recall_lex, tau 0.7           0.0000       1.0000\n"));
    assert_non_null(
        strstr(ltd_str_text(&s), "  marks_per_cited_sentence                    -        1.000\n"));
    ltd_str_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_scored_as_one_article),
        cmocka_unit_test(an_article_that_is_its_reference_scores_full),
        cmocka_unit_test(empty_articles_and_references_score),
        cmocka_unit_test(a_chunk_of_no_event_is_refused),
        cmocka_unit_test(means_leave_out_what_is_not_there),
        cmocka_unit_test(files_hold_every_figure_once),
        cmocka_unit_test(equal_articles_give_equal_bytes),
        cmocka_unit_test(tables_have_a_column_an_article),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
