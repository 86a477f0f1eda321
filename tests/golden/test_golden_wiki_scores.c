/* Figures of articles against tests/golden/wikigen/golden.json, which an independent program in
 * Python made: pairs of texts, an article taken apart, outlines, and extracted articles of nine
 * events from end to end.  Three events lie beside it; those of WikiGenBench itself are read where
 * ../shared has them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/support/golden.h"
#include "tests/support/sample.h"
#include "trainer/wiki/score/ngram.h"
#include "trainer/wiki/score/outline.h"
#include "trainer/wiki/score/quality.h"
#include "trainer/wiki/write/extract.h"

enum { MOST = 32 };

static ltd_err err;
static ltd_file file;
static ltd_json_doc *doc;

static void ok(int rc)
{
    if (rc < 0) fail_msg("%s", err.msg);
}

static int setup(void **state)
{
    char path[1024];
    (void)state;
    if (!golden_path(path, sizeof path, "wikigen/golden.json")) return 0;
    if (ltd_file_map(&file, path, &err) < 0) return -1;
    return ltd_json_parse(&doc, path, file.data, file.size, &err);
}

static int teardown(void **state)
{
    (void)state;
    ltd_json_free(doc);
    ltd_file_unmap(&file);
    return 0;
}

static ltd_json section(const char *name)
{
    if (!doc) skip();
    return ltd_json_member(ltd_json_root(doc), name);
}

static const char *text(ltd_json object, const char *key)
{
    const char *s = NULL;
    ok(ltd_json_get_string(object, key, &s, &err));
    return s;
}

/* null is NAN. */
static void assert_close(double got, ltd_json expected, const char *where, const char *key)
{
    double v = NAN;
    if (ltd_json_type_of(expected) != LTD_JSON_NULL) ok(ltd_json_as_f64(expected, key, &v, &err));
    if (isnan(v) && isnan(got)) return;
    if (!(fabs(got - v) <= 1e-9 * fmax(1, fabs(v))))
        fail_msg("%s, %s: %.17g, expected %.17g", where, key, got, v);
}

static void assert_figure(double got, ltd_json object, const char *where, const char *key)
{
    assert_close(got, ltd_json_member(object, key), where, key);
}

static void assert_prf(ltd_wiki_prf got, ltd_json object, const char *where, const char *key)
{
    ltd_json v = ltd_json_member(object, key);
    assert_int_equal(ltd_json_count(v), 3);
    assert_close(got.p, ltd_json_at(v, 0), where, key);
    assert_close(got.r, ltd_json_at(v, 1), where, key);
    assert_close(got.f, ltd_json_at(v, 2), where, key);
}

static void pairs_of_texts_score_as_the_reference_s(void **state)
{
    (void)state;
    ltd_json pairs = section("ngram");
    assert_true(ltd_json_count(pairs) > 0);
    for (size_t i = 0; i < ltd_json_count(pairs); i++) {
        ltd_json pair = ltd_json_at(pairs, i);
        const char *ref = text(pair, "ref"), *cand = text(pair, "cand");
        ltd_wiki_wording *w;
        ltd_wiki_ngram f;
        ok(ltd_wiki_wording_new(&w, ref, strlen(ref), &err));
        ok(ltd_wiki_wording_score(w, cand, strlen(cand), &f, &err));
        ltd_wiki_wording_free(w);
        assert_prf(f.rouge1, pair, cand, "rouge1");
        assert_prf(f.rouge2, pair, cand, "rouge2");
        assert_prf(f.rougeL, pair, cand, "rougeL");
        assert_figure(f.rougeL_coco, pair, cand, "rougeL_coco");
        assert_figure(f.bleu1, pair, cand, "bleu1");
        assert_figure(f.bleu4, pair, cand, "bleu4");
        assert_figure(f.meteor_exact, pair, cand, "meteor_exact");
    }
}

static void assert_same_sentences(const ltd_wiki_article *a, const ltd_wiki_section *s,
                                  ltd_json expected)
{
    assert_int_equal(s->n, ltd_json_count(expected));
    for (int32_t i = 0; i < s->n; i++) {
        const ltd_wiki_sentence *got = &a->sentence[s->first + i];
        ltd_json want = ltd_json_at(expected, (size_t)i), cites = ltd_json_member(want, "cites");
        assert_string_equal(got->text, text(want, "text"));
        assert_int_equal(got->n_cites, ltd_json_count(cites));
        for (int32_t k = 0; k < got->n_cites; k++)
            assert_close(got->cites[k], ltd_json_at(cites, (size_t)k), got->text, "cites");
    }
}

static void an_article_comes_apart_as_the_reference_s(void **state)
{
    (void)state;
    ltd_json parse = section("parse"), sections = ltd_json_member(parse, "sections");
    const char *written = text(parse, "text");
    ltd_wiki_article *a;
    ok(ltd_wiki_article_parse(&a, &written, 1, &err));
    assert_int_equal(a->n_sections, ltd_json_count(sections));
    for (int32_t i = 0; i < a->n_sections; i++) {
        ltd_json want = ltd_json_at(sections, (size_t)i);
        assert_string_equal(a->section[i].title, text(want, "title"));
        assert_same_sentences(a, &a->section[i], ltd_json_member(want, "sents"));
    }
    ltd_wiki_article_free(a);
}

static int32_t strings(ltd_json array, const char *ret[MOST])
{
    size_t n = ltd_json_count(array);
    assert_true(n <= MOST);
    for (size_t i = 0; i < n; i++)
        ok(ltd_json_as_string(ltd_json_at(array, i), "title", &ret[i], &err));
    return (int32_t)n;
}

static void outlines_score_as_the_reference_s(void **state)
{
    (void)state;
    ltd_json cases = section("outline");
    assert_true(ltd_json_count(cases) > 0);
    for (size_t i = 0; i < ltd_json_count(cases); i++) {
        ltd_json c = ltd_json_at(cases, i);
        const char *ref[MOST], *gen[MOST];
        int32_t n_ref = strings(ltd_json_member(c, "ref"), ref);
        int32_t n_gen = strings(ltd_json_member(c, "gen"), gen);
        ltd_wiki_outline f;
        ok(ltd_wiki_outline_score(ref, n_ref, gen, n_gen, &f, &err));
        assert_figure(f.soft_recall, c, gen[0], "outline_soft_recall");
        assert_figure(f.soft_precision, c, gen[0], "outline_soft_precision");
        assert_figure(f.exact_recall, c, gen[0], "outline_exact_recall");
    }
}

/* --- events, from their files to their figures --- */

static void assert_metrics(const ltd_wiki_quality *q, ltd_json m, const char *where)
{
    assert_figure(q->words, m, where, "words");
    assert_figure(q->sentences, m, where, "sentences");
    assert_figure(q->links, m, where, "links");
    assert_figure(q->bad_links, m, where, "bad_links");
    assert_figure(q->rouge1, m, where, "rouge1");
    assert_figure(q->rouge2, m, where, "rouge2");
    assert_figure(q->rougeL, m, where, "rougeL");
    assert_figure(q->rouge1_recall, m, where, "rouge1_recall");
    assert_figure(q->rouge2_recall, m, where, "rouge2_recall");
    assert_figure(q->rougeL_coco, m, where, "rougeL_coco");
    assert_figure(q->bleu1, m, where, "bleu1");
    assert_figure(q->bleu4, m, where, "bleu4");
    assert_figure(q->meteor_exact, m, where, "meteor_exact");
    assert_figure(q->outline_soft_recall, m, where, "outline_soft_recall");
    assert_figure(q->outline_soft_precision, m, where, "outline_soft_precision");
    assert_figure(q->outline_exact_recall, m, where, "outline_exact_recall");
    assert_figure(q->infobox_coverage, m, where, "infobox_coverage");
    assert_figure(q->cited_fraction, m, where, "cited_fraction");
    assert_figure(q->lex_recall, m, where, "citation_recall");
    assert_figure(q->lex_precision, m, where, "citation_precision");
    assert_figure(q->lex_rate, m, where, "citation_rate");
    assert_int_equal(q->chunks_cited, ltd_json_count(ltd_json_member(m, "chunks_cited")));
}

static void assert_article(const ltd_wiki_scorer *s, const ltd_wiki_extract *e, ltd_json event,
                           const char *method)
{
    char where[256];
    const char *const written[] = {e->text};
    const ltd_wiki_given given[] = {{e->chunk, e->n_chunks}};
    ltd_wiki_quality q;
    snprintf(where, sizeof where, "%s, %s", text(event, "key"), method);
    ok(ltd_wiki_score(s, &(ltd_wiki_written){written, given, 1}, &q, &err));
    assert_metrics(&q, ltd_json_member(ltd_json_member(event, method), "metrics"), where);
}

static void assert_event(const char *root, const char *id, ltd_json expected)
{
    ltd_wiki_event *event;
    ltd_wiki_chunks *chunks;
    ltd_wiki_ranker *ranker;
    ltd_wiki_scorer *scorer;
    ltd_wiki_extract e;
    const char *plan[LTD_WIKI_PLAN];
    ok(ltd_wiki_event_load(&event, root, atoll(id), &err));
    ok(ltd_wiki_chunks_new(&chunks, event, &(ltd_wiki_chunking){.words = 256}, &err));
    ok(ltd_wiki_ranker_new(&ranker, LTD_WIKI_BM25, chunks, &err));
    ok(ltd_wiki_scorer_new(&scorer, event, chunks, &err));
    ok(ltd_wiki_extract_rr(&e, ranker, chunks, &err));
    assert_article(scorer, &e, expected, "RR-extract");
    ltd_wiki_extract_fini(&e);
    int32_t n = ltd_wiki_reference_plan(event, plan, LTD_WIKI_PLAN);
    ok(ltd_wiki_extract_prr(&e, ranker, chunks, plan, n, &err));
    assert_article(scorer, &e, expected, "PRR-extract");
    ltd_wiki_extract_fini(&e);
    ltd_wiki_scorer_free(scorer);
    ltd_wiki_ranker_free(ranker);
    ltd_wiki_chunks_free(chunks);
    ltd_wiki_event_free(event);
}

/* Those of one kind; how many. */
static int assert_events(const char *root, const char *kind)
{
    int n = 0;
    for (ltd_json_iter it = ltd_json_each(section("events")); ltd_json_next(&it);) {
        if (strcmp(text(it.value, "root"), kind) != 0) continue;
        assert_event(root, it.key, it.value);
        n++;
    }
    return n;
}

static void made_up_events_score_as_the_reference_s(void **state)
{
    char root[1024];
    (void)state;
    if (!golden_path(root, sizeof root, "wikigen")) skip();
    assert_int_equal(assert_events(root, "synthetic"), 3);
}

static void events_of_wikigenbench_score_as_the_reference_s(void **state)
{
    char root[1024];
    (void)state;
    assert_true(source_path(root, sizeof root, "../shared/wikigen/sample"));
    assert_int_equal(assert_events(root, "sample"), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_of_texts_score_as_the_reference_s),
        cmocka_unit_test(an_article_comes_apart_as_the_reference_s),
        cmocka_unit_test(outlines_score_as_the_reference_s),
        cmocka_unit_test(made_up_events_score_as_the_reference_s),
        cmocka_unit_test(events_of_wikigenbench_score_as_the_reference_s),
    };
    return run_with_sample(tests, setup, teardown);
}
