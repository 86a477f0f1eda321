#include "trainer/wiki/score/chunk_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/wiki/pages/words.h"

struct ltd_wiki_chunk_words {
    ltd_word_ids *ids;
    int32_t n;
    size_t *first; /* [n + 1] chunk i has word[first[i]] ... word[first[i + 1] - 1] */
    int32_t *word; /* ascending within a chunk */
    size_t room;
    int32_t *df; /* [words] chunks that have it */
};

static int no_memory(ltd_err *err)
{
    return ltd_fail(err, LTD_ENOMEM, "chunks: no memory for their words");
}

static int by_number(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

static int put(ltd_wiki_chunk_words *c, const char *word, int32_t len, size_t *at, ltd_err *err)
{
    int id = ltd_word_ids_put(c->ids, word, len, err);
    if (id < 0) return id;
    if (!ltd_mem_reserve((void **)&c->word, &c->room, *at + 1, sizeof *c->word))
        return no_memory(err);
    c->word[(*at)++] = id;
    return LTD_OK;
}

static int put_words(ltd_wiki_chunk_words *c, ltd_words_kind kind, const char *text, size_t *at,
                     ltd_err *err)
{
    ltd_words w;
    int rc = ltd_words_split(&w, kind, text, strlen(text), err);
    if (rc < 0) return rc;
    for (int32_t i = 0; i < w.n && rc == 0; i++) {
        const char *word = ltd_words_at(&w, i);
        int32_t len = w.len[i];
        if (len > 0) rc = put(c, word, len, at, err);
        if (len > 1 && word[len - 1] == 's' && rc == 0) rc = put(c, word, len - 1, at, err);
    }
    ltd_words_fini(&w);
    return rc;
}

/* Sorts word[from] ... word[to - 1]; the end without repeats. */
static size_t make_set(int32_t *word, size_t from, size_t to)
{
    size_t n = from;
    if (from == to) return to;
    qsort(word + from, to - from, sizeof *word, by_number);
    for (size_t i = from; i < to; i++)
        if (i == from || word[i] != word[n - 1]) word[n++] = word[i];
    return n;
}

static int fill(ltd_wiki_chunk_words *c, const ltd_wiki_chunks *chunks, ltd_err *err)
{
    int rc = ltd_word_ids_new(&c->ids, err);
    if (rc < 0) return rc;
    c->first = ltd_mem_zeros((size_t)chunks->n + 1, sizeof *c->first);
    if (!c->first) return no_memory(err);
    for (c->n = 0; c->n < chunks->n; c->n++) {
        size_t at = c->first[c->n];
        const char *text = chunks->chunk[c->n].text;
        rc = put_words(c, LTD_WORDS_PLAIN, text, &at, err);
        if (rc == 0) rc = put_words(c, LTD_WORDS_STD, text, &at, err);
        if (rc < 0) return rc;
        c->first[c->n + 1] = make_set(c->word, c->first[c->n], at);
    }
    c->df = ltd_mem_zeros((size_t)ltd_word_ids_count(c->ids), sizeof *c->df);
    if (!c->df) return no_memory(err);
    for (size_t i = 0; i < c->first[c->n]; i++) c->df[c->word[i]]++;
    return LTD_OK;
}

int ltd_wiki_chunk_words_new(ltd_wiki_chunk_words **ret, const ltd_wiki_chunks *chunks,
                             ltd_err *err)
{
    ltd_wiki_chunk_words *c = ltd_mem_zeros(1, sizeof *c);
    int rc = c ? fill(c, chunks, err) : no_memory(err);
    if (rc < 0) {
        ltd_wiki_chunk_words_free(c);
        return rc;
    }
    *ret = c;
    return LTD_OK;
}

void ltd_wiki_chunk_words_free(ltd_wiki_chunk_words *words)
{
    if (!words) return;
    ltd_word_ids_free(words->ids);
    free(words->first);
    free(words->word);
    free(words->df);
    free(words);
}

int32_t ltd_wiki_chunk_words_count(const ltd_wiki_chunk_words *words)
{
    return words->n;
}

int32_t ltd_wiki_chunk_word(const ltd_wiki_chunk_words *words, const char *word, int32_t len)
{
    return ltd_word_ids_find(words->ids, word, len);
}

bool ltd_wiki_chunk_has(const ltd_wiki_chunk_words *words, int32_t chunk, int32_t w)
{
    const int32_t *set = words->word + words->first[chunk];
    size_t n = words->first[chunk + 1] - words->first[chunk];
    return w >= 0 && n > 0 && bsearch(&w, set, n, sizeof *set, by_number);
}

double ltd_wiki_chunk_idf(const ltd_wiki_chunk_words *words, int32_t w)
{
    return log(1 + (double)words->n / (w >= 0 ? words->df[w] : 1));
}
