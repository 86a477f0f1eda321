#include "trainer/wiki/pages/rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/wiki/pages/words.h"

/* BM25: how soon more of a word counts no more, how much a chunk's length counts, what a word in
 * more than half of the chunks is worth. */
static const double soon = 1.5, length = 0.75, share_of_mean = 0.25;

/* One word in one chunk. */
typedef struct posting {
    int32_t chunk, times;
    int32_t next; /* of the same word, -1: none */
} posting;

typedef struct term {
    int32_t first, last; /* its postings, by chunk */
    int32_t chunks;
    double idf;
} term;

struct ltd_wiki_ranker {
    ltd_wiki_ranking kind;
    int32_t n;         /* chunks */
    ltd_word_ids *ids; /* of terms */
    term *term;
    size_t n_terms, term_room;
    posting *posting;
    size_t n_postings, posting_room;
    double *size; /* [n] BM25: words over the mean; TF-IDF: length of the vector */
};

static int put_word(ltd_wiki_ranker *r, int32_t chunk, const char *word, int32_t len, ltd_err *err)
{
    int id = ltd_word_ids_put(r->ids, word, len, err);
    if (id < 0) return id;
    if (!ltd_mem_reserve((void **)&r->term, &r->term_room, (size_t)id + 1, sizeof *r->term) ||
        !ltd_mem_reserve((void **)&r->posting, &r->posting_room, r->n_postings + 1,
                         sizeof *r->posting) ||
        r->n_postings == INT32_MAX)
        return ltd_fail(err, LTD_ENOMEM, "rank: no memory for %zu words", r->n_postings + 1);
    term *t = &r->term[id];
    bool is_new = (size_t)id == r->n_terms;
    if (is_new) r->n_terms++;
    if (!is_new && r->posting[t->last].chunk == chunk) {
        r->posting[t->last].times++;
        return LTD_OK;
    }
    int32_t at = (int32_t)r->n_postings++;
    r->posting[at] = (posting){chunk, 1, -1};
    if (is_new)
        t->first = at;
    else
        r->posting[t->last].next = at;
    t->last = at;
    t->chunks++;
    return LTD_OK;
}

static int put_chunk(ltd_wiki_ranker *r, const ltd_wiki_chunk *chunk, int32_t i, ltd_err *err)
{
    ltd_words w = {0};
    int rc = ltd_words_split(&w, LTD_WORDS_STD, chunk->text, strlen(chunk->text), err);
    for (int32_t k = 0; k < w.n && rc == LTD_OK; k++)
        rc = put_word(r, i, ltd_words_at(&w, k), w.len[k], err);
    r->size[i] = w.n;
    ltd_words_fini(&w);
    return rc;
}

static void weigh_bm25(ltd_wiki_ranker *r)
{
    double words = 0, sum = 0;
    for (int32_t i = 0; i < r->n; i++) words += r->size[i];
    for (int32_t i = 0; i < r->n && words > 0; i++) r->size[i] /= words / r->n;
    for (size_t i = 0; i < r->n_terms; i++) {
        term *t = &r->term[i];
        t->idf = log((r->n - t->chunks + 0.5) / (t->chunks + 0.5));
        sum += t->idf;
    }
    for (size_t i = 0; i < r->n_terms; i++)
        if (r->term[i].idf < 0) r->term[i].idf = share_of_mean * sum / (double)r->n_terms;
}

static void weigh_tfidf(ltd_wiki_ranker *r)
{
    memset(r->size, 0, (size_t)r->n * sizeof *r->size);
    for (size_t i = 0; i < r->n_terms; i++) {
        term *t = &r->term[i];
        t->idf = log((1.0 + r->n) / (1.0 + t->chunks)) + 1;
        for (int32_t p = t->first; p >= 0; p = r->posting[p].next) {
            double w = r->posting[p].times * t->idf;
            r->size[r->posting[p].chunk] += w * w;
        }
    }
    for (int32_t i = 0; i < r->n; i++) r->size[i] = sqrt(r->size[i]);
}

int ltd_wiki_ranker_new(ltd_wiki_ranker **ret, ltd_wiki_ranking kind, const ltd_wiki_chunks *chunks,
                        ltd_err *err)
{
    ltd_wiki_ranker *r = ltd_mem_zeros(1, sizeof *r);
    if (!r) return ltd_fail(err, LTD_ENOMEM, "rank: no memory");
    r->kind = kind;
    r->n = chunks->n;
    r->size = ltd_mem_zeros((size_t)r->n, sizeof *r->size);
    int rc = r->size ? ltd_word_ids_new(&r->ids, err)
                     : ltd_fail(err, LTD_ENOMEM, "rank: no memory for %d chunks", (int)r->n);
    for (int32_t i = 0; i < r->n && rc == LTD_OK; i++) rc = put_chunk(r, &chunks->chunk[i], i, err);
    if (rc < 0) {
        ltd_wiki_ranker_free(r);
        return rc;
    }
    if (kind == LTD_WIKI_BM25)
        weigh_bm25(r);
    else
        weigh_tfidf(r);
    *ret = r;
    return LTD_OK;
}

void ltd_wiki_ranker_free(ltd_wiki_ranker *ranker)
{
    if (!ranker) return;
    ltd_word_ids_free(ranker->ids);
    free(ranker->term);
    free(ranker->posting);
    free(ranker->size);
    free(ranker);
}

/* What one word of the query adds to the chunks that have it. */
static void add_word(const ltd_wiki_ranker *r, int32_t id, ltd_wiki_hit *score)
{
    const term *t = &r->term[id];
    for (int32_t p = t->first; p >= 0; p = r->posting[p].next) {
        const posting *in = &r->posting[p];
        double f = in->times, add = t->idf * t->idf * f;
        if (r->kind == LTD_WIKI_BM25)
            add = t->idf * f * (soon + 1) / (f + soon * (1 - length + length * r->size[in->chunk]));
        score[in->chunk].score += add;
    }
}

static int ascending(const void *x, const void *y)
{
    int32_t p = *(const int32_t *)x, q = *(const int32_t *)y;
    return (p > q) - (p < q);
}

/* The length of the query's vector. */
static double query_length(const ltd_wiki_ranker *r, int32_t *ids, int32_t n)
{
    double sum = 0;
    qsort(ids, (size_t)n, sizeof *ids, ascending);
    for (int32_t i = 0, times; i < n; i += times) {
        for (times = 1; i + times < n && ids[i + times] == ids[i];) times++;
        double v = times * r->term[ids[i]].idf;
        sum += v * v;
    }
    return sqrt(sum);
}

/* Scores of all chunks.  ids: the n words of the query that some chunk has; reordered. */
static void score_all(const ltd_wiki_ranker *r, int32_t *ids, int32_t n, ltd_wiki_hit *score)
{
    for (int32_t i = 0; i < r->n; i++) score[i] = (ltd_wiki_hit){i, 0};
    for (int32_t i = 0; i < n; i++) add_word(r, ids[i], score);
    if (r->kind == LTD_WIKI_BM25) return;
    double own = query_length(r, ids, n);
    for (int32_t i = 0; i < r->n; i++)
        if (score[i].score > 0) score[i].score /= own * r->size[i];
}

static int best_first(const void *x, const void *y)
{
    const ltd_wiki_hit *p = x, *q = y;
    if (p->score != q->score) return p->score > q->score ? -1 : 1;
    return p->chunk - q->chunk;
}

int ltd_wiki_rank(const ltd_wiki_ranker *ranker, const char *query, int32_t most,
                  ltd_wiki_hit *hits, int32_t *n, ltd_err *err)
{
    const ltd_wiki_ranker *r = ranker;
    ltd_words w = {0};
    int rc = ltd_words_split(&w, LTD_WORDS_STD, query, strlen(query), err);
    if (rc < 0) return rc;
    ltd_wiki_hit *score = ltd_mem_zeros((size_t)r->n, sizeof *score);
    int32_t *ids = ltd_mem_zeros((size_t)w.n, sizeof *ids), known = 0;
    if (!score || !ids) {
        rc = ltd_fail(err, LTD_ENOMEM, "rank: no memory");
    } else {
        for (int32_t i = 0; i < w.n; i++) {
            int32_t id = ltd_word_ids_find(r->ids, ltd_words_at(&w, i), w.len[i]);
            if (id >= 0) ids[known++] = id;
        }
        score_all(r, ids, known, score);
        qsort(score, (size_t)r->n, sizeof *score, best_first);
        *n = most < r->n ? most : r->n;
        memcpy(hits, score, (size_t)*n * sizeof *hits);
    }
    free(score);
    free(ids);
    ltd_words_fini(&w);
    return rc;
}
