/* Events of WikiGenBench from strangers: any bytes give an event or an error that says what is
 * wrong; its pages are cut, ranked and extracted from.  The halves of an input have a form feed
 * between them, which no JSON holds. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "trainer/wiki/write/extract.h"

enum { TOP = 5 };

static void check_pages(const ltd_wiki_event *e)
{
    assert(e->key[0] && e->n_human <= e->n_pages && !e->text[e->text_len]);
    for (int32_t i = 0; i < e->n_pages; i++) {
        const ltd_wiki_page *p = &e->pages[i];
        assert(p->human == (i < e->n_human) && p->title && p->url && !p->text[p->len]);
    }
    for (int32_t i = 0; i < e->n_outline; i++) assert(!strchr(e->outline[i], '_'));
}

static void check_chunks(const ltd_wiki_chunks *c, const ltd_wiki_chunking *how)
{
    for (int32_t i = 0; i < c->n; i++) {
        const ltd_wiki_chunk *chunk = &c->chunk[i];
        size_t blanks = 0, len = strlen(chunk->text);
        for (const char *p = chunk->text; *p; p++) {
            blanks += *p == ' ';
            assert(!how->ascii || (*p >= ' ' && *p < 0x7f));
        }
        assert(chunk->id == i && chunk->doc >= 0 && chunk->doc < c->event->n_pages);
        assert(chunk->words == (int32_t)blanks + 1 && chunk->words <= how->words);
        assert(len && (!how->bytes || len <= (size_t)how->bytes));
    }
}

static void check_ranking(const ltd_wiki_ranker *r, const ltd_wiki_chunks *c, const char *query)
{
    ltd_wiki_hit hits[TOP];
    int32_t n = 0;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_wiki_rank(r, query, TOP, hits, &n, &err) < 0) __builtin_trap();
    assert(n == (c->n < TOP ? c->n : TOP));
    for (int32_t i = 0; i < n; i++) {
        assert(isfinite(hits[i].score) && hits[i].chunk >= 0 && hits[i].chunk < c->n);
        if (i) assert(hits[i].score <= hits[i - 1].score);
    }
}

static void check_extract(const ltd_wiki_ranker *r, const ltd_wiki_chunks *c)
{
    const char *plan[LTD_WIKI_PLAN];
    int32_t n = ltd_wiki_reference_plan(c->event, plan, LTD_WIKI_PLAN);
    ltd_wiki_extract e;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_wiki_extract_rr(&e, r, c, &err) < 0) __builtin_trap();
    assert(e.n_chunks == (c->n < TOP ? c->n : TOP));
    ltd_wiki_extract_fini(&e);
    if (ltd_wiki_extract_prr(&e, r, c, plan, n, &err) < 0) __builtin_trap();
    assert(!c->n == !e.n_chunks);
    ltd_wiki_extract_fini(&e);
}

/* Small chunks, so that a small page has several. */
static void use(const ltd_wiki_event *e, bool ascii)
{
    ltd_wiki_chunking how = {.words = ascii ? 256 : 20, .bytes = ascii ? 300 : 0, .ascii = ascii};
    ltd_wiki_chunks *c = NULL;
    ltd_wiki_ranker *r = NULL;
    ltd_err err = LTD_ERR_INIT;
    check_pages(e);
    if (ltd_wiki_chunks_new(&c, e, &how, &err) < 0) __builtin_trap();
    check_chunks(c, &how);
    for (int kind = LTD_WIKI_BM25; kind <= LTD_WIKI_TFIDF; kind++) {
        if (ltd_wiki_ranker_new(&r, (ltd_wiki_ranking)kind, c, &err) < 0) __builtin_trap();
        check_ranking(r, c, e->key);
        check_extract(r, c);
        ltd_wiki_ranker_free(r);
    }
    ltd_wiki_chunks_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *feed = size ? memchr(data, '\f', size) : NULL;
    size_t wiki = feed ? (size_t)(feed - data) : size;
    ltd_wiki_event *e = NULL;
    ltd_err err = LTD_ERR_INIT;
    int rc = ltd_wiki_event_parse(&e, "fuzz", data, wiki, feed ? feed + 1 : NULL,
                                  feed ? size - wiki - 1 : 0, &err);
    if (rc < 0) {
        assert(!e && err.code == rc && err.msg[0]);
        return 0;
    }
    use(e, false);
    use(e, true);
    ltd_wiki_event_free(e);
    return 0;
}
