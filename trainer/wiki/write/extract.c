#include "trainer/wiki/write/extract.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "trainer/wiki/pages/sentence.h"
#include "trainer/wiki/pages/words.h"

enum {
    CHUNKS = 5,        /* a query */
    OF_A_CHUNK = 4,    /* sentences, extract-RR */
    OF_A_SECTION = 5,  /* sentences, extract-PRR */
    FEWEST = 6,        /* words a sentence */
    MOST = 45,         /* words a sentence */
    PIECE = 22,        /* words of a text without sentences */
    PIECES = 3 * PIECE /* words of such a text that count */
};

typedef struct sentence {
    const char *text; /* of the chunk */
    size_t len;
    int32_t words, chunk;
    bool piece;     /* of a text without sentences */
    int32_t shared; /* words of the query, each once */
    double worth;
    int32_t order;
} sentence;

/* Sentences to choose from, and the words of the query. */
typedef struct pool {
    sentence *s; /* [n] */
    size_t n, room;
    ltd_word_ids *query;
    uint32_t *seen; /* [words of the query] number of the sentence that had it last */
    uint32_t stamp;
} pool;

static void pool_fini(pool *p)
{
    free(p->s);
    free(p->seen);
    ltd_word_ids_free(p->query);
    *p = (pool){0};
}

static int pool_init(pool *p, const char *query, ltd_err *err)
{
    *p = (pool){0};
    ltd_words w = {0};
    int rc = ltd_words_split(&w, LTD_WORDS_STD, query, strlen(query), err);
    if (rc == LTD_OK) rc = ltd_word_ids_new(&p->query, err);
    for (int32_t i = 0; i < w.n && rc >= 0; i++)
        rc = ltd_word_ids_put(p->query, ltd_words_at(&w, i), w.len[i], err);
    if (rc >= 0 && !(p->seen = ltd_mem_zeros((size_t)w.n, sizeof *p->seen)))
        rc = ltd_fail(err, LTD_ENOMEM, "extract: no memory");
    ltd_words_fini(&w);
    if (rc < 0) pool_fini(p);
    return rc < 0 ? rc : LTD_OK;
}

static int put(pool *p, sentence s, ltd_err *err)
{
    ltd_words w = {0};
    int rc = ltd_words_split(&w, LTD_WORDS_STD, s.text, s.len, err);
    if (rc < 0) return rc;
    p->stamp++;
    for (int32_t i = 0; i < w.n; i++) {
        int32_t id = ltd_word_ids_find(p->query, ltd_words_at(&w, i), w.len[i]);
        if (id < 0 || p->seen[id] == p->stamp) continue;
        p->seen[id] = p->stamp;
        s.shared++;
    }
    ltd_words_fini(&w);
    if (!ltd_mem_reserve((void **)&p->s, &p->room, p->n + 1, sizeof *p->s))
        return ltd_fail(err, LTD_ENOMEM, "extract: no memory for %zu sentences", p->n + 1);
    s.worth = s.shared / (1 + log1p(s.words));
    s.order = (int32_t)p->n;
    p->s[p->n++] = s;
    return LTD_OK;
}

static int32_t count_words(const char *text, size_t len)
{
    int32_t n = len > 0;
    for (size_t i = 0; i < len; i++) n += text[i] == ' ';
    return n;
}

/* The first words of a chunk, in pieces. */
static int put_pieces(pool *p, const ltd_wiki_chunk *chunk, ltd_err *err)
{
    const char *at = chunk->text;
    int32_t left = chunk->words < PIECES ? chunk->words : PIECES;
    int rc = LTD_OK;
    while (left > 0 && rc == LTD_OK) {
        int32_t n = 0, most = left < PIECE ? left : PIECE;
        const char *end = at;
        for (; n < most; n++) {
            end += *end == ' ';
            end += strcspn(end, " ");
        }
        rc = put(p,
                 (sentence){.text = at,
                            .len = (size_t)(end - at),
                            .words = n,
                            .chunk = chunk->id,
                            .piece = true},
                 err);
        left -= n;
        at = end + (*end == ' ');
    }
    return rc;
}

static int put_chunk(pool *p, const ltd_wiki_chunk *chunk, ltd_err *err)
{
    size_t before = p->n, len = strlen(chunk->text), end;
    for (size_t at = 0, next; at < len; at = next) {
        next = ltd_wiki_sentence_next(chunk->text, at, len, &end);
        int32_t words = count_words(chunk->text + at, end - at);
        if (words < FEWEST || words > MOST) continue;
        int rc =
            put(p,
                (sentence){
                    .text = chunk->text + at, .len = end - at, .words = words, .chunk = chunk->id},
                err);
        if (rc < 0) return rc;
    }
    return p->n > before ? LTD_OK : put_pieces(p, chunk, err);
}

static int by_shared(const void *x, const void *y)
{
    const sentence *a = x, *b = y;
    if (a->shared != b->shared) return a->shared > b->shared ? -1 : 1;
    return a->order - b->order;
}

static int by_worth(const void *x, const void *y)
{
    const sentence *a = x, *b = y;
    if (a->worth != b->worth) return a->worth > b->worth ? -1 : 1;
    return a->order - b->order;
}

/* A piece gets the point that it lacks; a sentence that lacks one was cut off by its chunk. */
static void write_sentence(ltd_str *out, const sentence *s, int32_t mark)
{
    ltd_str_push(out, s->text, s->len);
    if (s->piece && !memchr(".!?", s->text[s->len - 1], 3)) ltd_str_push(out, ".", 1);
    ltd_str_printf(out, "[%d]", (int)mark);
}

int32_t ltd_wiki_reference_plan(const ltd_wiki_event *event, const char **sections, int32_t most)
{
    int32_t n = 0;
    sections[n++] = "Introduction";
    for (int32_t i = 0; i < event->n_outline && n < most; i++) {
        const char *heading = event->outline[i];
        bool skip = !*heading || ltd_wiki_is_back_matter(heading);
        for (int32_t k = 0; k < n && !skip; k++) skip = !strcmp(sections[k], heading);
        if (!skip) sections[n++] = heading;
    }
    return n;
}

/* The line of a chunk. */
static int write_chunk(ltd_str *out, const ltd_wiki_chunk *chunk, const char *query, int32_t mark,
                       ltd_err *err)
{
    pool p;
    int rc = pool_init(&p, query, err);
    if (rc < 0) return rc;
    rc = put_chunk(&p, chunk, err);
    if (rc == LTD_OK && p.n) {
        qsort(p.s, p.n, sizeof *p.s, by_shared);
        for (size_t i = 0; i < p.n && i < OF_A_CHUNK; i++) {
            if (i) ltd_str_push(out, " ", 1);
            write_sentence(out, &p.s[i], mark);
        }
    }
    pool_fini(&p);
    return rc;
}

/* The number of a chunk's mark, new when it has none. */
static int32_t mark_of(ltd_wiki_extract *e, int32_t chunk)
{
    int32_t k = 0;
    while (k < e->n_chunks && e->chunk[k] != chunk) k++;
    if (k == e->n_chunks) e->chunk[e->n_chunks++] = chunk;
    return k + 1;
}

/* ret->chunk has room for CHUNKS more. */
static int write_section(ltd_wiki_extract *ret, ltd_str *out, const ltd_wiki_ranker *ranker,
                         const ltd_wiki_chunks *chunks, const char *query, ltd_err *err)
{
    ltd_wiki_hit hits[CHUNKS];
    int32_t n = 0;
    pool p;
    int rc = pool_init(&p, query, err);
    if (rc < 0) return rc;
    rc = ltd_wiki_rank(ranker, query, CHUNKS, hits, &n, err);
    for (int32_t i = 0; i < n && rc == LTD_OK; i++)
        rc = put_chunk(&p, &chunks->chunk[hits[i].chunk], err);
    if (rc == LTD_OK && p.n) {
        qsort(p.s, p.n, sizeof *p.s, by_worth);
        for (size_t i = 0; i < p.n && i < OF_A_SECTION; i++) {
            if (i) ltd_str_push(out, " ", 1);
            write_sentence(out, &p.s[i], mark_of(ret, p.s[i].chunk));
        }
    }
    pool_fini(&p);
    return rc;
}

/* Take the text over when all went well. */
static int finish(ltd_wiki_extract *ret, ltd_wiki_extract *e, ltd_str *out, int rc, ltd_err *err)
{
    e->text = ltd_str_take(out);
    if (rc == LTD_OK && !e->text) rc = ltd_fail(err, LTD_ENOMEM, "extract: no memory");
    if (rc < 0)
        ltd_wiki_extract_fini(e);
    else
        *ret = *e;
    return rc;
}

int ltd_wiki_extract_rr(ltd_wiki_extract *ret, const ltd_wiki_ranker *ranker,
                        const ltd_wiki_chunks *chunks, ltd_err *err)
{
    const char *key = chunks->event->key;
    ltd_wiki_extract e = {NULL, ltd_mem_zeros(CHUNKS, sizeof *e.chunk), 0};
    ltd_wiki_hit hits[CHUNKS];
    int32_t n = 0;
    ltd_str out = LTD_STR_INIT;
    int rc = e.chunk ? ltd_wiki_rank(ranker, key, CHUNKS, hits, &n, err)
                     : ltd_fail(err, LTD_ENOMEM, "extract: no memory");
    ltd_str_puts(&out, "==Introduction==\n");
    for (int32_t i = 0; i < n && rc == LTD_OK; i++) {
        if (i) ltd_str_push(&out, "\n", 1);
        e.chunk[e.n_chunks++] = hits[i].chunk;
        rc = write_chunk(&out, &chunks->chunk[hits[i].chunk], key, i + 1, err);
    }
    return finish(ret, &e, &out, rc, err);
}

int ltd_wiki_extract_prr(ltd_wiki_extract *ret, const ltd_wiki_ranker *ranker,
                         const ltd_wiki_chunks *chunks, const char *const *sections,
                         int32_t n_sections, ltd_err *err)
{
    ltd_wiki_extract e = {NULL, ltd_mem_zeros((size_t)n_sections * CHUNKS, sizeof *e.chunk), 0};
    ltd_str out = LTD_STR_INIT, query = LTD_STR_INIT;
    int rc = e.chunk ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "extract: no memory");
    for (int32_t i = 0; i < n_sections && rc == LTD_OK; i++) {
        ltd_str_clear(&query);
        ltd_str_printf(&query, "%s of %s", sections[i], chunks->event->key);
        ltd_str_printf(&out, "%s==%s==\n", i ? "\n" : "", sections[i]);
        rc = write_section(&e, &out, ranker, chunks, ltd_str_text(&query), err);
    }
    if (rc == LTD_OK && query.failed) rc = ltd_fail(err, LTD_ENOMEM, "extract: no memory");
    ltd_str_fini(&query);
    return finish(ret, &e, &out, rc, err);
}

void ltd_wiki_extract_fini(ltd_wiki_extract *extract)
{
    free(extract->text);
    free(extract->chunk);
    *extract = (ltd_wiki_extract){0};
}
