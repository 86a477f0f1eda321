#include "trainer/wiki/score/structure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/wiki/pages/words.h"

static int no_memory(ltd_err *err)
{
    return ltd_fail(err, LTD_ENOMEM, "structure: no memory");
}

/* --- headings --- */

/* The words of a title in lower case, one blank between. */
static int title_number(ltd_word_ids *ids, const char *text, ltd_str *scratch, ltd_err *err)
{
    ltd_words w;
    int rc = ltd_words_split(&w, LTD_WORDS_LOWER, text, strlen(text), err);
    if (rc < 0) return rc;
    ltd_str_clear(scratch);
    for (int32_t i = 0; i < w.n; i++) ltd_str_printf(scratch, "%s ", ltd_words_at(&w, i));
    ltd_words_fini(&w);
    if (scratch->failed) return no_memory(err);
    return ltd_word_ids_put(ids, ltd_str_text(scratch), (int32_t)scratch->len, err);
}

static int count_sections(const ltd_wiki_article *a, ltd_wiki_structure *f, ltd_err *err)
{
    ltd_word_ids *ids;
    ltd_str scratch = LTD_STR_INIT;
    int rc = ltd_word_ids_new(&ids, err);
    if (rc < 0) return rc;
    for (int32_t i = 0; i < a->n_sections && rc >= 0; i++) {
        const ltd_wiki_section *s = &a->section[i];
        int32_t known = ltd_word_ids_count(ids);
        if (!*s->title) continue;
        rc = title_number(ids, s->title, &scratch, err);
        f->sections++;
        f->well_formed += s->well_formed;
        f->duplicates += rc < known;
        f->empty += s->n == 0;
    }
    ltd_word_ids_free(ids);
    ltd_str_fini(&scratch);
    return rc < 0 ? rc : LTD_OK;
}

static int count_words(const ltd_wiki_article *a, ltd_wiki_structure *f, ltd_err *err)
{
    double words = 0;
    for (int32_t i = 0; i < a->n_sentences; i++) {
        const ltd_wiki_sentence *s = &a->sentence[i];
        ltd_words w;
        if (!*a->section[s->section].title) continue;
        int rc = ltd_words_split(&w, LTD_WORDS_WS, s->text, strlen(s->text), err);
        if (rc < 0) return rc;
        words += w.n;
        ltd_words_fini(&w);
    }
    f->words_per_section = f->sections > 0 ? words / f->sections : NAN;
    return LTD_OK;
}

/* --- repetition --- */

/* A piece of text: numbers of its halves, and where it begins. */
typedef struct piece {
    int32_t left, right, at;
} piece;

static int by_halves(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    if (x->left != y->left) return x->left < y->left ? -1 : 1;
    if (x->right != y->right) return x->right < y->right ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* number[n] of the pieces of `half` words that begin at each place -> of those twice as long, equal
 * pieces, equal numbers; fresh[i]: it stands there first.  Different ones; n becomes n - half. */
static int32_t twice_as_long(int32_t *number, int32_t *n, int32_t half, piece *scratch, bool *fresh)
{
    int32_t kinds = 0, pieces = *n > half ? *n - half : 0;
    for (int32_t i = 0; i < pieces; i++) scratch[i] = (piece){number[i], number[i + half], i};
    qsort(scratch, (size_t)pieces, sizeof *scratch, by_halves);
    for (int32_t i = 0; i < pieces; i++) {
        const piece *p = &scratch[i];
        bool is_new = i == 0 || p[-1].left != p->left || p[-1].right != p->right;
        kinds += is_new;
        fresh[p->at] = is_new;
        number[p->at] = kinds - 1;
    }
    *n = pieces;
    return kinds;
}

static void count_repeats(int32_t *number, int32_t n, piece *scratch, bool *fresh,
                          ltd_wiki_structure *f)
{
    twice_as_long(number, &n, 1, scratch, fresh);
    int32_t kinds = twice_as_long(number, &n, 2, scratch, fresh), run = 0;
    f->distinct4 = n > 0 ? (double)kinds / n : NAN;
    twice_as_long(number, &n, 4, scratch, fresh);
    for (int32_t i = 0; i < n; i++) {
        run = fresh[i] ? 0 : run + 1;
        if (run > f->repeated_run) f->repeated_run = run;
    }
}

static int score_repeats(const ltd_words *w, ltd_wiki_structure *f, ltd_err *err)
{
    ltd_word_ids *ids;
    int rc = ltd_word_ids_new(&ids, err);
    if (rc < 0) return rc;
    int32_t *number = ltd_mem_zeros((size_t)w->n, sizeof *number);
    piece *scratch = ltd_mem_zeros((size_t)w->n, sizeof *scratch);
    bool *fresh = ltd_mem_zeros((size_t)w->n, sizeof *fresh);
    if (!number || !scratch || !fresh) rc = no_memory(err);
    for (int32_t i = 0; i < w->n && rc >= 0; i++) {
        rc = ltd_word_ids_put(ids, ltd_words_at(w, i), w->len[i], err);
        if (rc >= 0) number[i] = rc;
    }
    if (rc >= 0) count_repeats(number, w->n, scratch, fresh, f);
    ltd_word_ids_free(ids);
    free(number);
    free(scratch);
    free(fresh);
    return rc < 0 ? rc : LTD_OK;
}

int ltd_wiki_structure_score(const ltd_wiki_article *article, const char *plain, size_t len,
                             ltd_wiki_structure *ret, ltd_err *err)
{
    ltd_wiki_structure f = {.sentences = article->n_sentences};
    ltd_words w;
    int rc = count_sections(article, &f, err);
    if (rc == 0) rc = count_words(article, &f, err);
    if (rc == 0) rc = ltd_words_split(&w, LTD_WORDS_STD, plain, len, err);
    if (rc < 0) return rc;
    rc = score_repeats(&w, &f, err);
    ltd_words_fini(&w);
    if (rc == 0) *ret = f;
    return rc;
}
