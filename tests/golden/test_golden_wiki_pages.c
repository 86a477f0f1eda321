/* Pages, chunks, ranking and extraction of the events in tests/golden/wikigen/golden.json, which an
 * independent program in Python made.  The three made-up events lie beside it; those of
 * WikiGenBench itself may not be copied and are read where ../shared has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/support/golden.h"
#include "tests/support/sample.h"
#include "trainer/wiki/pages/words.h"
#include "trainer/wiki/write/extract.h"

enum { TOP = 5 };

/* An event ready to be asked. */
typedef struct opened {
    ltd_wiki_event *event;
    ltd_wiki_chunks *chunks;
    ltd_wiki_ranker *ranker;
} opened;

static void ok(int rc, const ltd_err *err)
{
    if (rc < 0) fail_msg("%s", err->msg);
}

static int64_t number(ltd_json object, const char *key)
{
    int64_t n = -1;
    ltd_err err = LTD_ERR_INIT;
    ok(ltd_json_get_int(object, key, 0, INT32_MAX, &n, &err), &err);
    return n;
}

static opened open_event(const char *root, const char *id)
{
    opened o = {0};
    ltd_err err = LTD_ERR_INIT;
    ok(ltd_wiki_event_load(&o.event, root, atoll(id), &err), &err);
    ok(ltd_wiki_chunks_new(&o.chunks, o.event, &(ltd_wiki_chunking){.words = 256}, &err), &err);
    ok(ltd_wiki_ranker_new(&o.ranker, LTD_WIKI_BM25, o.chunks, &err), &err);
    return o;
}

static void close_event(opened *o)
{
    ltd_wiki_ranker_free(o->ranker);
    ltd_wiki_chunks_free(o->chunks);
    ltd_wiki_event_free(o->event);
}

static void counts_agree(const opened *o, ltd_json expected)
{
    ltd_words w = {0};
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(o->event->n_pages, number(expected, "pages"));
    assert_int_equal(o->chunks->usable, number(expected, "usable"));
    assert_int_equal(o->chunks->n, number(expected, "chunks"));
    ok(ltd_words_split(&w, LTD_WORDS_WS, o->event->text, o->event->text_len, &err), &err);
    assert_int_equal(w.n, number(expected, "ref_words"));
    ltd_words_fini(&w);
    ok(ltd_words_split(&w, LTD_WORDS_STD, o->event->text, o->event->text_len, &err), &err);
    assert_int_equal(w.n, number(expected, "ref_std_tokens"));
    ltd_words_fini(&w);
}

/* Scores are written with six decimals. */
static void hits_agree(const opened *o, const char *query, ltd_json expected)
{
    ltd_wiki_hit hits[TOP];
    int32_t n = 0;
    ltd_err err = LTD_ERR_INIT;
    ok(ltd_wiki_rank(o->ranker, query, TOP, hits, &n, &err), &err);
    assert_int_equal(n, ltd_json_count(expected));
    for (int32_t i = 0; i < n; i++) {
        int64_t chunk = -1;
        double score = -1;
        ltd_json hit = ltd_json_at(expected, (size_t)i);
        ok(ltd_json_as_int(ltd_json_at(hit, 0), "chunk", 0, INT32_MAX, &chunk, &err), &err);
        ok(ltd_json_as_f64(ltd_json_at(hit, 1), "score", &score, &err), &err);
        assert_int_equal(hits[i].chunk, chunk);
        if (!(fabs(hits[i].score - score) < 1e-6))
            fail_msg("'%s', hit %d: %.9f, expected %.6f", query, (int)i, hits[i].score, score);
    }
}

/* Chunks as they are cited, by the sum of what is known of texts that may not be here. */
static void article_agrees(const opened *o, const ltd_wiki_extract *got, ltd_json expected)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_json metrics = ltd_json_member(expected, "metrics"),
             cited = ltd_json_member(metrics, "chunks_cited");
    if (ltd_json_has(expected, "article"))
        assert_string_equal(got->text, ltd_json_text(ltd_json_member(expected, "article"), NULL));
    ltd_words w = {0};
    ok(ltd_words_split(&w, LTD_WORDS_WS, got->text, strlen(got->text), &err), &err);
    if (w.n != number(metrics, "words"))
        fail_msg("'%s': %d words, expected %d", o->event->key, (int)w.n,
                 (int)number(metrics, "words"));
    ltd_words_fini(&w);
    assert_int_equal(got->n_chunks, ltd_json_count(cited));
    for (int32_t i = 0; i < got->n_chunks; i++) {
        int64_t chunk = -1;
        ok(ltd_json_as_int(ltd_json_at(cited, (size_t)i), "chunk", 0, INT32_MAX, &chunk, &err),
           &err);
        assert_int_equal(got->chunk[i], chunk);
    }
}

static void event_agrees(const char *root, const char *id, ltd_json expected)
{
    opened o = open_event(root, id);
    ltd_err err = LTD_ERR_INIT;
    ltd_wiki_extract e;
    const char *plan[LTD_WIKI_PLAN];
    int32_t n = ltd_wiki_reference_plan(o.event, plan, LTD_WIKI_PLAN);
    assert_string_equal(o.event->key, ltd_json_text(ltd_json_member(expected, "key"), NULL));
    counts_agree(&o, expected);
    hits_agree(&o, o.event->key, ltd_json_member(expected, "rr_top5"));
    hits_agree(&o, ltd_json_text(ltd_json_member(expected, "prr_query"), NULL),
               ltd_json_member(expected, "prr_top5"));
    ok(ltd_wiki_extract_rr(&e, o.ranker, o.chunks, &err), &err);
    article_agrees(&o, &e, ltd_json_member(expected, "RR-extract"));
    ltd_wiki_extract_fini(&e);
    ok(ltd_wiki_extract_prr(&e, o.ranker, o.chunks, plan, n, &err), &err);
    article_agrees(&o, &e, ltd_json_member(expected, "PRR-extract"));
    ltd_wiki_extract_fini(&e);
    close_event(&o);
}

/* All events of golden.json that lie in `kind`; their number. */
static int events_agree(const char *kind, const char *root)
{
    char path[1024];
    ltd_err err = LTD_ERR_INIT;
    ltd_file file;
    ltd_json_doc *doc;
    int n = 0;
    if (!golden_path(path, sizeof path, "wikigen/golden.json")) return 0;
    ok(ltd_file_map(&file, path, &err), &err);
    ok(ltd_json_parse(&doc, path, file.data, file.size, &err), &err);
    ltd_json events = ltd_json_member(ltd_json_root(doc), "events");
    for (ltd_json_iter it = ltd_json_each(events); ltd_json_next(&it);) {
        if (strcmp(ltd_json_text(ltd_json_member(it.value, "root"), NULL), kind) != 0) continue;
        event_agrees(root, it.key, it.value);
        n++;
    }
    ltd_json_free(doc);
    ltd_file_unmap(&file);
    return n;
}

static void made_up_events_are_read_and_ranked_as_the_reference_s(void **state)
{
    (void)state;
    char root[1024];
    if (!golden_path(root, sizeof root, "wikigen")) skip();
    assert_int_equal(events_agree("synthetic", root), 3);
}

static void events_of_wikigenbench_are_read_and_ranked_as_the_reference_s(void **state)
{
    (void)state;
    char root[1024];
    assert_true(source_path(root, sizeof root, "../shared/wikigen/sample"));
    assert_int_equal(events_agree("sample", root), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_up_events_are_read_and_ranked_as_the_reference_s),
        cmocka_unit_test(events_of_wikigenbench_are_read_and_ranked_as_the_reference_s),
    };
    return run_with_sample(tests, NULL, NULL);
}
