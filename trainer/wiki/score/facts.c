#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "trainer/wiki/write/article.h"
#include "trainer/wiki/score/facts_priv.h"

static int no_memory(ltd_err *err)
{
    return ltd_fail(err, LTD_ENOMEM, "coverage: no memory");
}

/* --- groups --- */

int ltd_wiki_groups_open(ltd_wiki_groups *g, ltd_err *err)
{
    if (!ltd_mem_reserve((void **)&g->first, &g->first_room, g->n + 2, sizeof *g->first))
        return no_memory(err);
    g->first[g->n + 1] = g->first[g->n];
    g->n++;
    return LTD_OK;
}

int ltd_wiki_groups_put(ltd_wiki_groups *g, ltd_word_ids *ids, const char *word, int32_t len,
                        ltd_err *err)
{
    int id = ltd_word_ids_put(ids, word, len, err);
    if (id < 0) return id;
    int32_t at = g->first[g->n];
    if (!ltd_mem_reserve((void **)&g->word, &g->word_room, (size_t)at + 1, sizeof *g->word))
        return no_memory(err);
    g->word[at] = id;
    g->first[g->n] = at + 1;
    return LTD_OK;
}

void ltd_wiki_groups_drop(ltd_wiki_groups *g)
{
    g->n--;
}

int32_t ltd_wiki_groups_len(const ltd_wiki_groups *g, size_t i)
{
    return g->first[i + 1] - g->first[i];
}

void ltd_wiki_groups_fini(ltd_wiki_groups *g)
{
    free(g->first);
    free(g->word);
    *g = (ltd_wiki_groups){0};
}

/* --- a sentence --- */

/* Its words in three ways; the same number of them each. */
typedef struct sentence {
    ltd_words ws, lower, plain;
} sentence;

static void sentence_fini(sentence *s)
{
    ltd_words_fini(&s->ws);
    ltd_words_fini(&s->lower);
    ltd_words_fini(&s->plain);
}

/* sentence_fini() is legal after a failure too. */
static int sentence_init(sentence *s, const char *text, ltd_err *err)
{
    size_t len = strlen(text);
    int rc = ltd_words_split(&s->ws, LTD_WORDS_WS, text, len, err);
    if (rc == 0) rc = ltd_words_split(&s->lower, LTD_WORDS_LOWER, text, len, err);
    if (rc == 0) rc = ltd_words_split(&s->plain, LTD_WORDS_PLAIN, text, len, err);
    return rc;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 128;
}

/* The digits of a word that is a number, into digits[len]; how many, 0 when it is none.  Signs
 * before and behind it ("$", ".") don't matter. */
static int32_t number_of(const char *word, int32_t len, char *digits)
{
    int32_t n = 0;
    const char *end = word + len;
    while (word < end && !is_digit(*word) && !is_letter(*word)) word++;
    while (end > word && !is_digit(end[-1]) && !is_letter(end[-1])) end--;
    for (; word < end; word++) {
        if (is_digit(*word))
            digits[n++] = *word;
        else if (*word != ',' && *word != '.')
            return 0;
    }
    return n;
}

/* Everything found so far. */
typedef struct finder {
    ltd_word_ids *ids;
    ltd_word_ids *seen; /* numbers, and names with blanks between: those begin with a blank */
    ltd_wiki_groups *numbers, *names;
    ltd_str scratch;
} finder;

/* 1: what is in scratch is new. */
static int is_new(finder *f, ltd_err *err)
{
    int32_t known = ltd_word_ids_count(f->seen);
    if (f->scratch.failed) return no_memory(err);
    int id = ltd_word_ids_put(f->seen, f->scratch.data, (int32_t)f->scratch.len, err);
    return id < 0 ? id : id >= known;
}

static int put_numbers(finder *f, const sentence *s, ltd_err *err)
{
    for (int32_t i = 0; i < s->ws.n; i++) {
        ltd_str_clear(&f->scratch);
        ltd_str_push(&f->scratch, ltd_words_at(&s->ws, i), (size_t)s->ws.len[i]);
        if (f->scratch.failed) return no_memory(err);
        int32_t n = number_of(ltd_words_at(&s->ws, i), s->ws.len[i], f->scratch.data);
        if (n == 0) continue;
        f->scratch.len = (size_t)n;
        int rc = is_new(f, err);
        if (rc == 0) continue;
        if (rc > 0) rc = ltd_wiki_groups_open(f->numbers, err);
        if (rc == 0) rc = ltd_wiki_groups_put(f->numbers, f->ids, f->scratch.data, n, err);
        if (rc < 0) return rc;
    }
    return LTD_OK;
}

/* Does it differ from its lower case by its first letter, whatever signs stand before it? */
static bool is_capital(const sentence *s, int32_t i)
{
    const char *w = ltd_words_at(&s->ws, i), *l = ltd_words_at(&s->lower, i);
    if (s->plain.len[i] == 0) return false;
    while (*w && *w == *l && ((unsigned char)*w >= 128 || (!is_digit(*w) && !is_letter(*w))))
        w++, l++;
    return *w != *l;
}

/* Letters of a word's plain form less the s of 's; *ends: a name ends with it. */
static int32_t name_len(const sentence *s, int32_t i, bool *ends)
{
    const char *w = ltd_words_at(&s->ws, i);
    int32_t n = s->ws.len[i], len = s->plain.len[i];
    while (n > 0 && strchr(",;:!?)]\"", w[n - 1])) n--;
    *ends = n < s->ws.len[i];
    bool owns =
        (n > 2 && !memcmp(w + n - 2, "'s", 2)) || (n > 4 && !memcmp(w + n - 4, "\xe2\x80\x99s", 4));
    *ends = *ends || owns;
    return owns && len > 1 ? len - 1 : len;
}

/* Words from ... to - 1. */
static int put_name(finder *f, const sentence *s, int32_t from, int32_t to, ltd_err *err)
{
    bool ends;
    while (from < to && ltd_word_is_stop(ltd_words_at(&s->plain, from), s->plain.len[from])) from++;
    if (from == to || (from == 0 && to == 1)) return LTD_OK;
    ltd_str_clear(&f->scratch);
    for (int32_t i = from; i < to; i++) {
        ltd_str_push(&f->scratch, " ", 1);
        ltd_str_push(&f->scratch, ltd_words_at(&s->plain, i), (size_t)name_len(s, i, &ends));
    }
    int rc = is_new(f, err);
    if (rc <= 0) return rc;
    rc = ltd_wiki_groups_open(f->names, err);
    for (int32_t i = from; i < to && rc == 0; i++)
        rc = ltd_wiki_groups_put(f->names, f->ids, ltd_words_at(&s->plain, i),
                                 name_len(s, i, &ends), err);
    return rc;
}

static int put_names(finder *f, const sentence *s, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t from = 0, i; from < s->ws.n && rc == 0; from = i > from ? i : from + 1) {
        bool ends = false;
        for (i = from; i < s->ws.n && !ends && is_capital(s, i); i++) name_len(s, i, &ends);
        if (i > from) rc = put_name(f, s, from, i, err);
    }
    return rc;
}

int ltd_wiki_find_facts(const char *text, ltd_word_ids *ids, ltd_wiki_groups *numbers,
                        ltd_wiki_groups *names, ltd_err *err)
{
    ltd_wiki_article *a = NULL;
    finder f = {ids, NULL, numbers, names, LTD_STR_INIT};
    int rc = ltd_word_ids_new(&f.seen, err);
    if (rc == 0) rc = ltd_wiki_article_parse(&a, &text, 1, err);
    for (int32_t i = 0; rc == 0 && i < a->n_sentences; i++) {
        sentence s = {0};
        rc = sentence_init(&s, a->sentence[i].text, err);
        if (rc == 0) rc = put_numbers(&f, &s, err);
        if (rc == 0) rc = put_names(&f, &s, err);
        sentence_fini(&s);
    }
    ltd_wiki_article_free(a);
    ltd_word_ids_free(f.seen);
    ltd_str_fini(&f.scratch);
    return rc;
}
