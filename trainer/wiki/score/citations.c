#include "trainer/wiki/score/citations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/wiki/pages/words.h"

static const double taus[LTD_WIKI_TAUS] = {0.5, 0.7};

double ltd_wiki_citations_tau(int i)
{
    return taus[i];
}

/* A sentence as the words that count. */
typedef struct claim {
    int32_t *word; /* [n] owned; numbers of the chunks' words, -1: in none */
    bool *digit;   /* [n] owned */
    double *idf;   /* [n] owned */
    int32_t n;
    int32_t words; /* between white space, all of them */
} claim;

static void claim_fini(claim *c)
{
    free(c->word);
    free(c->digit);
    free(c->idf);
}

static bool has_digit(const char *word, int32_t len)
{
    for (int32_t i = 0; i < len; i++)
        if (word[i] >= '0' && word[i] <= '9') return true;
    return false;
}

/* claim_fini() is legal after a failure too. */
static int claim_init(claim *c, const char *text, const ltd_wiki_chunk_words *words, ltd_err *err)
{
    ltd_words w;
    int rc = ltd_words_split(&w, LTD_WORDS_PLAIN, text, strlen(text), err);
    if (rc < 0) return rc;
    c->words = w.n;
    c->word = ltd_mem_zeros((size_t)w.n, sizeof *c->word);
    c->digit = ltd_mem_zeros((size_t)w.n, sizeof *c->digit);
    c->idf = ltd_mem_zeros((size_t)w.n, sizeof *c->idf);
    bool ok = c->word && c->digit && c->idf;
    for (int32_t i = 0; ok && i < w.n; i++) {
        const char *word = ltd_words_at(&w, i);
        int32_t len = w.len[i];
        if (len == 0 || ltd_word_is_stop(word, len)) continue;
        c->word[c->n] = ltd_wiki_chunk_word(words, word, len);
        c->digit[c->n] = has_digit(word, len);
        c->idf[c->n] = ltd_wiki_chunk_idf(words, c->word[c->n]);
        c->n++;
    }
    ltd_words_fini(&w);
    return ok ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "citations: no memory");
}

/* -1: a word with a digit is missing.  A claim of stop words has no support. */
static double support(const claim *c, const ltd_wiki_chunk_words *words, int32_t chunk)
{
    double found = 0, all = 0;
    for (int32_t i = 0; i < c->n; i++) {
        bool has = ltd_wiki_chunk_has(words, chunk, c->word[i]);
        if (!has && c->digit[i]) return -1;
        if (has) found += c->idf[i];
        all += c->idf[i];
    }
    return all > 0 ? found / all : 0;
}

/* A score in the making. */
typedef struct tally {
    const ltd_wiki_chunk_words *words;
    ltd_wiki_citations f;
    double supported[LTD_WIKI_TAUS], share[LTD_WIKI_TAUS], in_words[LTD_WIKI_TAUS];
    double all_words;
    bool *cited; /* [chunks] */
} tally;

static int count_sentence(tally *t, const ltd_wiki_sentence *s, const ltd_wiki_given *given,
                          ltd_err *err)
{
    claim c = {0};
    int rc = claim_init(&c, s->text, t->words, err);
    int32_t holds[LTD_WIKI_TAUS] = {0};
    for (int32_t i = 0; i < s->n_cites && rc == 0; i++) {
        int32_t k = s->cites[i];
        t->f.links++;
        if (k < 1 || !given || k > given->n) {
            t->f.invalid++;
            continue;
        }
        int32_t chunk = given->chunk[k - 1];
        double v = support(&c, t->words, chunk);
        t->f.chunks_cited += !t->cited[chunk];
        t->cited[chunk] = true;
        for (int j = 0; j < LTD_WIKI_TAUS; j++) holds[j] += v >= taus[j];
    }
    t->f.cited += s->n_cites > 0;
    t->all_words += c.words;
    for (int j = 0; j < LTD_WIKI_TAUS; j++) {
        if (holds[j] == 0) continue;
        t->supported[j]++;
        t->share[j] += (double)holds[j] / s->n_cites;
        t->in_words[j] += c.words;
    }
    claim_fini(&c);
    return rc;
}

/* Different chunks given; seen: [chunks], false. */
static int count_given(const ltd_wiki_given *given, int32_t n, bool *seen, int32_t n_chunks,
                       int32_t *ret, ltd_err *err)
{
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < given[i].n; k++) {
            int32_t chunk = given[i].chunk[k];
            if (chunk < 0 || chunk >= n_chunks)
                return ltd_fail(err, LTD_EINVAL, "citations: chunk %d, expected 0 to %d", chunk,
                                n_chunks - 1);
            *ret += !seen[chunk];
            seen[chunk] = true;
        }
    return LTD_OK;
}

static void put_shares(tally *t)
{
    for (int j = 0; j < LTD_WIKI_TAUS; j++) {
        ltd_wiki_lex *l = &t->f.lex[j];
        *l = (ltd_wiki_lex){taus[j], 0, 0, 0};
        if (t->f.chunks_given == 0) l->recall = l->precision = l->rate = NAN;
        if (t->f.chunks_given == 0 || t->f.sentences == 0) continue;
        l->recall = t->supported[j] / t->f.sentences;
        l->precision = t->share[j] / t->f.sentences;
        if (t->all_words > 0) l->rate = t->in_words[j] / t->all_words;
    }
}

int ltd_wiki_citations_score(const ltd_wiki_article *article, const ltd_wiki_given *given,
                             int32_t n_given, const ltd_wiki_chunk_words *words,
                             ltd_wiki_citations *ret, ltd_err *err)
{
    int32_t n_chunks = ltd_wiki_chunk_words_count(words);
    tally t = {.words = words, .f.sentences = article->n_sentences};
    t.cited = ltd_mem_zeros((size_t)n_chunks, sizeof *t.cited);
    bool *seen = ltd_mem_zeros((size_t)n_chunks, sizeof *seen);
    int rc = t.cited && seen ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "citations: no memory");
    if (rc == 0) rc = count_given(given, n_given, seen, n_chunks, &t.f.chunks_given, err);
    for (int32_t i = 0; i < article->n_sentences && rc == 0; i++) {
        const ltd_wiki_sentence *s = &article->sentence[i];
        rc = count_sentence(&t, s, s->part < n_given ? &given[s->part] : NULL, err);
    }
    free(t.cited);
    free(seen);
    if (rc < 0) return rc;
    put_shares(&t);
    *ret = t.f;
    return LTD_OK;
}
