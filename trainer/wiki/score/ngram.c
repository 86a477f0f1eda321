#include "trainer/wiki/score/ngram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/wiki/pages/words.h"

/* A text as numbers of words of the reference; -1: a word that the reference hasn't. */
typedef struct numbers {
    int32_t *id; /* [n] owned */
    int32_t n;
} numbers;

/* The reference in one way to split, and where each of its words stands: word w at
 * place[first[w]] ... place[first[w + 1] - 1], ascending. */
typedef struct view {
    ltd_word_ids *ids;
    numbers words;
    int32_t *first, *place;
} view;

enum { STD, WS, LOWER, VIEWS };
static const ltd_words_kind kinds[VIEWS] = {LTD_WORDS_STD, LTD_WORDS_WS, LTD_WORDS_LOWER};

struct ltd_wiki_wording {
    view view[VIEWS];
};

enum { MOST_GRAM = 4 };

/* Words that follow each other; those beyond n are 0. */
typedef struct gram {
    int32_t w[MOST_GRAM];
} gram;

/* --- the reference --- */

static int no_memory(ltd_err *err)
{
    return ltd_fail(err, LTD_ENOMEM, "n-grams: no memory");
}

/* A sort by counting. */
static int find_places(view *v, ltd_err *err)
{
    size_t n = (size_t)ltd_word_ids_count(v->ids);
    v->first = ltd_mem_zeros(n + 2, sizeof *v->first);
    v->place = ltd_mem_zeros((size_t)v->words.n, sizeof *v->place);
    if (!v->first || !v->place) return no_memory(err);
    int32_t *next =
        v->first + 1; /* filling a word moves its `next` to where its successor begins */
    for (int32_t i = 0; i < v->words.n; i++) next[v->words.id[i] + 1]++;
    for (size_t w = 1; w <= n; w++) next[w] += next[w - 1];
    for (int32_t i = 0; i < v->words.n; i++) v->place[next[v->words.id[i]]++] = i;
    return LTD_OK;
}

static int view_init(view *v, ltd_words_kind kind, const char *text, size_t len, ltd_err *err)
{
    ltd_words w = {0};
    int rc = ltd_word_ids_new(&v->ids, err);
    if (rc == 0) rc = ltd_words_split(&w, kind, text, len, err);
    if (rc < 0) return rc;
    v->words.id = ltd_mem_zeros((size_t)w.n, sizeof *v->words.id);
    if (!v->words.id) rc = no_memory(err);
    for (int32_t i = 0; i < w.n && rc >= 0; i++) {
        rc = ltd_word_ids_put(v->ids, ltd_words_at(&w, i), w.len[i], err);
        if (rc >= 0) v->words.id[v->words.n++] = rc;
    }
    ltd_words_fini(&w);
    return rc < 0 ? rc : find_places(v, err);
}

int ltd_wiki_wording_new(ltd_wiki_wording **ret, const char *text, size_t len, ltd_err *err)
{
    ltd_wiki_wording *w = ltd_mem_zeros(1, sizeof *w);
    if (!w) return no_memory(err);
    for (int i = 0; i < VIEWS; i++) {
        int rc = view_init(&w->view[i], kinds[i], text, len, err);
        if (rc < 0) {
            ltd_wiki_wording_free(w);
            return rc;
        }
    }
    *ret = w;
    return LTD_OK;
}

void ltd_wiki_wording_free(ltd_wiki_wording *wording)
{
    if (!wording) return;
    for (int i = 0; i < VIEWS; i++) {
        view *v = &wording->view[i];
        ltd_word_ids_free(v->ids);
        free(v->words.id);
        free(v->first);
        free(v->place);
    }
    free(wording);
}

int32_t ltd_wiki_wording_words(const ltd_wiki_wording *wording)
{
    return wording->view[WS].words.n;
}

/* --- clipped n-grams --- */

static int by_words(const void *a, const void *b)
{
    const gram *x = a, *y = b;
    for (int i = 0; i < MOST_GRAM; i++)
        if (x->w[i] != y->w[i]) return x->w[i] < y->w[i] ? -1 : 1;
    return 0;
}

/* The n-grams that consist of words of the reference, sorted; *count of them, owned. */
static gram *sorted_grams(const numbers *t, int n, int32_t *count)
{
    gram *g = ltd_mem_zeros((size_t)t->n, sizeof *g);
    *count = 0;
    for (int32_t i = 0; g && i + n <= t->n; i++) {
        bool known = true;
        for (int k = 0; k < n; k++) known = known && t->id[i + k] >= 0;
        if (known) memcpy(g[(*count)++].w, t->id + i, (size_t)n * sizeof *t->id);
    }
    if (g) qsort(g, (size_t)*count, sizeof *g, by_words);
    return g;
}

/* n-grams of the text that the reference has too, each as often as it has it at most; -1: no
 * memory. */
static int32_t clipped(const numbers *text, const numbers *ref, int n)
{
    int32_t nx, ny, hits = 0;
    gram *x = sorted_grams(text, n, &nx), *y = sorted_grams(ref, n, &ny);
    for (int32_t i = 0, j = 0; x && y && i < nx && j < ny;) {
        int order = by_words(&x[i], &y[j]);
        hits += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    if (!x || !y) hits = -1;
    free(x);
    free(y);
    return hits;
}

static double grams_of(const numbers *t, int n)
{
    return t->n >= n ? t->n - n + 1 : 0;
}

static ltd_wiki_prf prf(double hits, double text, double ref)
{
    ltd_wiki_prf v = {0};
    if (text > 0) v.p = hits / text;
    if (ref > 0) v.r = hits / ref;
    if (v.p + v.r > 0) v.f = 2 * v.p * v.r / (v.p + v.r);
    return v;
}

static int put_rouge(const numbers *text, const numbers *ref, int n, ltd_wiki_prf *ret)
{
    int32_t hits = clipped(text, ref, n);
    if (hits < 0) return -1;
    *ret = prf(hits, grams_of(text, n), grams_of(ref, n));
    return 0;
}

static int put_bleu(const numbers *text, const numbers *ref, double *bleu1, double *bleu4)
{
    double product = 1, penalty = 1;
    if (text->n > 0 && text->n <= ref->n) penalty = exp(1 - (double)ref->n / text->n);
    double sum = 0;
    for (int n = 1; n <= MOST_GRAM; n++) {
        int32_t hits = clipped(text, ref, n);
        if (hits < 0) return -1;
        if (hits == 0) product = 0;
        if (hits > 0) sum += log(hits / grams_of(text, n));
        if (n == 1) *bleu1 = product > 0 ? penalty * exp(sum) : 0;
    }
    *bleu4 = product > 0 ? penalty * exp(sum / MOST_GRAM) : 0;
    return 0;
}

/* --- longest common subsequence --- */

/* A row of the table as bits, 64 words of the reference at a time (Hyyro's form): bit j is clear
 * where the row grows at j.  A word of the text costs |ref| / 64 steps.  -1: no memory. */
static int32_t common_subsequence(const numbers *text, const view *ref)
{
    size_t blocks = (size_t)ref->words.n / 64 + 1;
    uint64_t *row = ltd_mem_zeros(blocks, sizeof *row), *match = ltd_mem_zeros(blocks, sizeof *row);
    int32_t length = 0;
    for (size_t b = 0; row && b < blocks; b++) row[b] = ~UINT64_C(0);
    for (int32_t i = 0; row && match && i < text->n; i++) {
        int32_t w = text->id[i];
        if (w < 0) continue;
        const int32_t *from = ref->place + ref->first[w], *to = ref->place + ref->first[w + 1];
        for (const int32_t *p = from; p < to; p++) match[*p / 64] |= UINT64_C(1) << (*p % 64);
        uint64_t carry = 0;
        for (size_t b = (size_t)*from / 64; b < blocks; b++) { /* nothing changes before a match */
            uint64_t both = row[b] & match[b], sum = row[b] + both;
            uint64_t over = sum < row[b];
            sum += carry;
            carry = over | (sum < carry);
            row[b] = sum | (row[b] & ~both);
        }
        for (const int32_t *p = from; p < to; p++) match[*p / 64] = 0;
    }
    for (int32_t j = 0; row && j < ref->words.n; j++) length += !(row[j / 64] >> (j % 64) & 1);
    if (!row || !match) length = -1;
    free(row);
    free(match);
    return length;
}

static double coco(double hits, double text, double ref)
{
    const double beta2 = 1.2 * 1.2;
    ltd_wiki_prf v = prf(hits, text, ref);
    return hits > 0 ? (1 + beta2) * v.p * v.r / (v.r + beta2 * v.p) : 0;
}

/* --- METEOR --- */

/* left: how many places of a word are free.  From the end, each word takes the last one.  -1: no
 * memory. */
static double meteor(const numbers *text, const view *ref)
{
    int32_t *left = ltd_mem_zeros((size_t)ltd_word_ids_count(ref->ids), sizeof *left);
    if (!left) return -1;
    double hits = 0, chunks = 0;
    int32_t before = -2; /* place taken by the word that was aligned last, which stands at `at` */
    int32_t at = -2;
    for (int32_t w = 0; w < ltd_word_ids_count(ref->ids); w++)
        left[w] = ref->first[w + 1] - ref->first[w];
    for (int32_t i = text->n - 1; i >= 0; i--) {
        int32_t w = text->id[i];
        if (w < 0 || left[w] == 0) continue;
        int32_t place = ref->place[ref->first[w] + --left[w]];
        if (at != i + 1 || before != place + 1) chunks++;
        before = place;
        at = i;
        hits++;
    }
    free(left);
    if (hits == 0) return 0;
    double p = hits / text->n, r = hits / ref->words.n, broken = chunks / hits;
    return p * r / (.9 * p + .1 * r) * (1 - .5 * broken * broken * broken);
}

/* --- a text --- */

static int number_words(const view *ref, ltd_words_kind kind, const char *text, size_t len,
                        numbers *ret, ltd_err *err)
{
    ltd_words w;
    int rc = ltd_words_split(&w, kind, text, len, err);
    if (rc < 0) return rc;
    ret->n = w.n;
    ret->id = ltd_mem_zeros((size_t)w.n, sizeof *ret->id);
    for (int32_t i = 0; ret->id && i < w.n; i++)
        ret->id[i] = ltd_word_ids_find(ref->ids, ltd_words_at(&w, i), w.len[i]);
    ltd_words_fini(&w);
    return ret->id ? LTD_OK : no_memory(err);
}

static int score(const view *ref, const numbers *text, ltd_wiki_ngram *f, ltd_err *err)
{
    int32_t std = common_subsequence(&text[STD], &ref[STD]);
    int32_t ws = common_subsequence(&text[WS], &ref[WS]);
    f->meteor_exact = meteor(&text[LOWER], &ref[LOWER]);
    if (std < 0 || ws < 0 || f->meteor_exact < 0 ||
        put_rouge(&text[STD], &ref[STD].words, 1, &f->rouge1) < 0 ||
        put_rouge(&text[STD], &ref[STD].words, 2, &f->rouge2) < 0 ||
        put_bleu(&text[WS], &ref[WS].words, &f->bleu1, &f->bleu4) < 0)
        return no_memory(err);
    f->rougeL = prf(std, text[STD].n, ref[STD].words.n);
    f->rougeL_coco = coco(ws, text[WS].n, ref[WS].words.n);
    f->words = text[WS].n;
    return LTD_OK;
}

int ltd_wiki_wording_score(const ltd_wiki_wording *ref, const char *text, size_t len,
                           ltd_wiki_ngram *ret, ltd_err *err)
{
    numbers words[VIEWS] = {{0}};
    ltd_wiki_ngram f = {0};
    int rc = LTD_OK;
    for (int i = 0; i < VIEWS && rc == 0; i++)
        rc = number_words(&ref->view[i], kinds[i], text, len, &words[i], err);
    if (rc == 0) rc = score(ref->view, words, &f, err);
    for (int i = 0; i < VIEWS; i++) free(words[i].id);
    if (rc == 0) *ret = f;
    return rc;
}
