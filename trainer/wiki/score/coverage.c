#include "trainer/wiki/score/coverage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/wiki/score/facts_priv.h"
#include "trainer/wiki/pages/words.h"

struct ltd_wiki_facts {
    ltd_word_ids *ids;              /* words of all facts */
    ltd_wiki_groups values;         /* of the infobox, each with its words that count */
    ltd_wiki_groups names, numbers; /* different ones */
    int32_t *name_of;               /* [words] a name that begins with the word, -1: none */
    int32_t *same;                  /* [names] another that begins like it, -1: none */
    ltd_words text;                 /* the reference, LTD_WORDS_PLAIN */
    int32_t *content;               /* [n_content] places of different content words in it */
    int32_t n_content;
};

static int no_memory(ltd_err *err)
{
    return ltd_fail(err, LTD_ENOMEM, "coverage: no memory");
}

/* --- what the event tells --- */

static int put_value(ltd_wiki_facts *f, const char *value, ltd_err *err)
{
    ltd_words w;
    int rc = ltd_words_split(&w, LTD_WORDS_STD, value, strlen(value), err);
    if (rc < 0) return rc;
    rc = ltd_wiki_groups_open(&f->values, err);
    for (int32_t i = 0; i < w.n && rc == 0; i++) {
        const char *word = ltd_words_at(&w, i);
        if (!ltd_word_is_stop(word, w.len[i]))
            rc = ltd_wiki_groups_put(&f->values, f->ids, word, w.len[i], err);
    }
    ltd_words_fini(&w);
    if (rc == 0 && ltd_wiki_groups_len(&f->values, f->values.n - 1) == 0)
        ltd_wiki_groups_drop(&f->values);
    return rc;
}

static int put_content(ltd_wiki_facts *f, ltd_err *err)
{
    ltd_word_ids *seen;
    int rc = ltd_word_ids_new(&seen, err);
    if (rc < 0) return rc;
    f->content = ltd_mem_zeros((size_t)f->text.n, sizeof *f->content);
    if (!f->content) rc = no_memory(err);
    for (int32_t i = 0; i < f->text.n && rc >= 0; i++) {
        const char *word = ltd_words_at(&f->text, i);
        int32_t len = f->text.len[i], known = ltd_word_ids_count(seen);
        if (len == 0 || ltd_word_is_stop(word, len)) continue;
        rc = ltd_word_ids_put(seen, word, len, err);
        if (rc == known) f->content[f->n_content++] = i;
    }
    ltd_word_ids_free(seen);
    return rc < 0 ? rc : LTD_OK;
}

/* Names by their first words. */
static int chain_names(ltd_wiki_facts *f, ltd_err *err)
{
    size_t words = (size_t)ltd_word_ids_count(f->ids);
    f->name_of = ltd_mem_zeros(words, sizeof *f->name_of);
    f->same = ltd_mem_zeros(f->names.n, sizeof *f->same);
    if (!f->name_of || !f->same) return no_memory(err);
    for (size_t w = 0; w < words; w++) f->name_of[w] = -1;
    for (size_t i = 0; i < f->names.n; i++) {
        int32_t *head = &f->name_of[f->names.word[f->names.first[i]]];
        f->same[i] = *head;
        *head = (int32_t)i;
    }
    return LTD_OK;
}

static int fill(ltd_wiki_facts *f, const ltd_wiki_event *event, ltd_err *err)
{
    int rc = ltd_word_ids_new(&f->ids, err);
    for (int32_t i = 0; i < event->n_facts && rc == 0; i++)
        rc = put_value(f, event->facts[i].value, err);
    if (rc == 0) rc = ltd_wiki_find_facts(event->text, f->ids, &f->numbers, &f->names, err);
    if (rc == 0) rc = chain_names(f, err);
    if (rc == 0) rc = ltd_words_split(&f->text, LTD_WORDS_PLAIN, event->text, event->text_len, err);
    if (rc == 0) rc = put_content(f, err);
    return rc;
}

int ltd_wiki_facts_new(ltd_wiki_facts **ret, const ltd_wiki_event *event, ltd_err *err)
{
    ltd_wiki_facts *f = ltd_mem_zeros(1, sizeof *f);
    int rc = f ? fill(f, event, err) : no_memory(err);
    if (rc < 0) {
        ltd_wiki_facts_free(f);
        return rc;
    }
    *ret = f;
    return LTD_OK;
}

void ltd_wiki_facts_free(ltd_wiki_facts *facts)
{
    if (!facts) return;
    ltd_word_ids_free(facts->ids);
    ltd_wiki_groups_fini(&facts->values);
    ltd_wiki_groups_fini(&facts->names);
    ltd_wiki_groups_fini(&facts->numbers);
    free(facts->name_of);
    free(facts->same);
    ltd_words_fini(&facts->text);
    free(facts->content);
    free(facts);
}

/* --- what an article has of it --- */

/* Words of an article that are words of facts. */
typedef struct found {
    bool *written; /* [words] a run of [a-z0-9] of the article as it is written */
    bool *plain;   /* [words] such a run of it without marks, or a word less all but [a-z0-9] */
    int32_t *text; /* [n] the latter one after the other, -1: of no fact */
    int32_t n;
    bool *name; /* [names] */
} found;

/* sequence: [n] takes them in their order, may be NULL with n. */
static int read_words(const ltd_wiki_facts *f, ltd_words_kind kind, const char *text, size_t len,
                      bool *there, int32_t **sequence, int32_t *n, ltd_err *err)
{
    ltd_words w;
    int rc = ltd_words_split(&w, kind, text, len, err);
    if (rc < 0) return rc;
    if (sequence) *sequence = ltd_mem_zeros((size_t)w.n, sizeof **sequence);
    if (sequence && !*sequence) rc = no_memory(err);
    for (int32_t i = 0; i < w.n && rc == 0; i++) {
        if (w.len[i] == 0) continue;
        int32_t id = ltd_word_ids_find(f->ids, ltd_words_at(&w, i), w.len[i]);
        if (sequence) (*sequence)[(*n)++] = id;
        if (id >= 0) there[id] = true;
    }
    ltd_words_fini(&w);
    return rc;
}

static bool stands_at(const ltd_wiki_groups *g, int32_t i, const int32_t *text, int32_t n)
{
    int32_t len = g->first[i + 1] - g->first[i];
    return len <= n && !memcmp(g->word + g->first[i], text, (size_t)len * sizeof *text);
}

static void find_names(const ltd_wiki_facts *f, found *at)
{
    for (int32_t i = 0; i < at->n; i++) {
        if (at->text[i] < 0) continue;
        for (int32_t k = f->name_of[at->text[i]]; k >= 0; k = f->same[k])
            if (!at->name[k]) at->name[k] = stands_at(&f->names, k, at->text + i, at->n - i);
    }
}

/* Share of the groups of which `at_least` of the words are there. */
static double share(const ltd_wiki_groups *g, const bool *there, double at_least)
{
    double groups = 0;
    if (g->n == 0) return NAN;
    for (size_t i = 0; i < g->n; i++) {
        double words = 0;
        for (int32_t k = g->first[i]; k < g->first[i + 1]; k++) words += there[g->word[k]];
        groups += words >= at_least * ltd_wiki_groups_len(g, i) - 1e-9;
    }
    return groups / (double)g->n;
}

static ltd_wiki_coverage figures(const ltd_wiki_facts *f, const found *at)
{
    ltd_wiki_coverage c = {share(&f->values, at->written, 0.8), share(&f->numbers, at->plain, 1),
                           NAN};
    double names = 0;
    for (size_t i = 0; i < f->names.n; i++) names += at->name[i];
    if (f->names.n > 0) c.names = names / (double)f->names.n;
    return c;
}

int ltd_wiki_facts_score(const ltd_wiki_facts *facts, const char *written, size_t written_len,
                         const char *plain, size_t plain_len, ltd_wiki_coverage *ret, ltd_err *err)
{
    size_t words = (size_t)ltd_word_ids_count(facts->ids);
    found at = {.written = ltd_mem_zeros(words, sizeof *at.written),
                .plain = ltd_mem_zeros(words, sizeof *at.plain),
                .name = ltd_mem_zeros(facts->names.n, sizeof *at.name)};
    int rc = at.written && at.plain && at.name ? LTD_OK : no_memory(err);
    if (rc == 0)
        rc = read_words(facts, LTD_WORDS_STD, written, written_len, at.written, NULL, NULL, err);
    if (rc == 0) rc = read_words(facts, LTD_WORDS_STD, plain, plain_len, at.plain, NULL, NULL, err);
    if (rc == 0)
        rc = read_words(facts, LTD_WORDS_PLAIN, plain, plain_len, at.plain, &at.text, &at.n, err);
    if (rc == 0) {
        find_names(facts, &at);
        *ret = figures(facts, &at);
    }
    free(at.written);
    free(at.plain);
    free(at.text);
    free(at.name);
    return rc;
}

double ltd_wiki_facts_in_chunks(const ltd_wiki_facts *facts, const ltd_wiki_chunk_words *words,
                                const bool *chosen)
{
    double known = 0;
    int32_t chunks = ltd_wiki_chunk_words_count(words);
    for (int32_t i = 0; i < facts->n_content; i++) {
        int32_t at = facts->content[i];
        int32_t w = ltd_wiki_chunk_word(words, ltd_words_at(&facts->text, at), facts->text.len[at]);
        bool there = false;
        for (int32_t c = 0; c < chunks && !there; c++)
            there = chosen[c] && ltd_wiki_chunk_has(words, c, w);
        known += there;
    }
    return facts->n_content > 0 ? known / facts->n_content : NAN;
}
