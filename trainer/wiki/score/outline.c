#include "trainer/wiki/score/outline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "trainer/wiki/pages/event.h"
#include "trainer/wiki/pages/words.h"

/* A trigram, three bytes, and how often a title has it. */
typedef struct trigram {
    uint32_t key;
    int32_t count;
} trigram;

typedef struct title {
    trigram *gram; /* [n] owned, ascending */
    int32_t n;
    double length;           /* of the vector of counts */
    int32_t in_ref, in_text; /* how often it stands there */
} title;

/* Different titles of both sides. */
typedef struct titles {
    ltd_word_ids *ids; /* of normalised titles, numbers are places in `title` */
    title *title;
    size_t n, room;
} titles;

static int no_memory(ltd_err *err)
{
    return ltd_fail(err, LTD_ENOMEM, "outline: no memory");
}

static int by_key(const void *a, const void *b)
{
    const trigram *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

/* padded: "  title ". */
static int title_init(title *t, const char *padded, size_t len, ltd_err *err)
{
    *t = (title){.gram = ltd_mem_zeros(len, sizeof *t->gram)};
    if (!t->gram) return no_memory(err);
    for (size_t i = 0; i + 2 < len; i++)
        t->gram[i] = (trigram){(uint32_t)(uint8_t)padded[i] << 16 |
                                   (uint32_t)(uint8_t)padded[i + 1] << 8 | (uint8_t)padded[i + 2],
                               1};
    qsort(t->gram, len - 2, sizeof *t->gram, by_key);
    for (size_t i = 0; i + 2 < len; i++)
        if (t->n > 0 && t->gram[t->n - 1].key == t->gram[i].key)
            t->gram[t->n - 1].count++;
        else
            t->gram[t->n++] = t->gram[i];
    double squares = 0;
    for (int32_t i = 0; i < t->n; i++) squares += (double)t->gram[i].count * t->gram[i].count;
    t->length = sqrt(squares);
    return LTD_OK;
}

static double similarity(const title *x, const title *y)
{
    double dot = 0;
    for (int32_t i = 0, j = 0; i < x->n && j < y->n;) {
        if (x->gram[i].key == y->gram[j].key)
            dot += (double)x->gram[i++].count * y->gram[j++].count;
        else if (x->gram[i].key < y->gram[j].key)
            i++;
        else
            j++;
    }
    return dot / (x->length * y->length);
}

/* "  title ", normalised, into *out; two blanks and one when nothing is left. */
static int normalise(const char *text, ltd_str *out, ltd_err *err)
{
    ltd_words w;
    int rc = ltd_words_split(&w, LTD_WORDS_STD, text, strlen(text), err);
    if (rc < 0) return rc;
    ltd_str_clear(out);
    ltd_str_puts(out, w.n > 0 ? "  " : "   ");
    for (int32_t i = 0; i < w.n; i++) ltd_str_printf(out, "%s ", ltd_words_at(&w, i));
    ltd_words_fini(&w);
    return out->failed ? no_memory(err) : LTD_OK;
}

/* *at: its place; -1: it doesn't count. */
static int put_title(titles *all, const char *text, ltd_str *scratch, int *at, ltd_err *err)
{
    *at = -1;
    if (ltd_wiki_is_back_matter(text)) return LTD_OK;
    int rc = normalise(text, scratch, err);
    if (rc < 0 || scratch->len <= 3) return rc;
    int32_t known = ltd_word_ids_find(all->ids, scratch->data, (int32_t)scratch->len);
    if (known < 0 && all->n >= LTD_WIKI_MOST_TITLES) return LTD_OK;
    if (known < 0) {
        if (!ltd_mem_reserve((void **)&all->title, &all->room, all->n + 1, sizeof *all->title))
            return no_memory(err);
        known = ltd_word_ids_put(all->ids, scratch->data, (int32_t)scratch->len, err);
        if (known < 0) return known;
        rc = title_init(&all->title[known], scratch->data, scratch->len, err);
        if (rc < 0) return rc;
        all->n++;
    }
    *at = known;
    return LTD_OK;
}

static int put_both(titles *all, const char *const *ref, int32_t n_ref, const char *const *text,
                    int32_t n_text, ltd_err *err)
{
    ltd_str scratch = LTD_STR_INIT;
    int at, rc = ltd_word_ids_new(&all->ids, err);
    for (int32_t i = 0; i < n_ref && rc == 0; i++) {
        rc = put_title(all, ref[i], &scratch, &at, err);
        if (rc == 0 && at >= 0) all->title[at].in_ref++;
    }
    for (int32_t i = 0; i < n_text && rc == 0; i++) {
        rc = put_title(all, text[i], &scratch, &at, err);
        if (rc == 0 && at >= 0) all->title[at].in_text++;
    }
    ltd_str_fini(&scratch);
    return rc;
}

static void titles_fini(titles *all)
{
    for (size_t i = 0; i < all->n; i++) free(all->title[i].gram);
    free(all->title);
    ltd_word_ids_free(all->ids);
}

/* Sizes of the reference's titles, of the text's and of both together. */
static void sizes(const titles *all, double *ref, double *text, double *both)
{
    *ref = *text = *both = 0;
    for (size_t i = 0; i < all->n; i++) {
        const title *t = &all->title[i];
        double near_ref = 0, near_text = 0;
        for (size_t j = 0; j < all->n; j++) {
            double s = i == j ? 1 : similarity(t, &all->title[j]);
            near_ref += s * all->title[j].in_ref;
            near_text += s * all->title[j].in_text;
        }
        if (t->in_ref) *ref += t->in_ref / near_ref;
        if (t->in_text) *text += t->in_text / near_text;
        *both += (t->in_ref + t->in_text) / (near_ref + near_text);
    }
}

static double clamped(double v)
{
    return fmin(1, fmax(0, v));
}

static ltd_wiki_outline figures(const titles *all)
{
    double ref, text, both, wanted = 0, found = 0;
    for (size_t i = 0; i < all->n; i++) {
        wanted += all->title[i].in_ref > 0;
        found += all->title[i].in_ref > 0 && all->title[i].in_text > 0;
    }
    if (wanted == 0) return (ltd_wiki_outline){NAN, NAN, NAN};
    sizes(all, &ref, &text, &both);
    double common = ref + text - both;
    return (ltd_wiki_outline){found / wanted, clamped(common / ref),
                              text > 0 ? clamped(common / text) : 0};
}

int ltd_wiki_outline_score(const char *const *ref, int32_t n_ref, const char *const *titles_,
                           int32_t n, ltd_wiki_outline *ret, ltd_err *err)
{
    titles all = {0};
    int rc = put_both(&all, ref, n_ref, titles_, n, err);
    if (rc == 0) *ret = figures(&all);
    titles_fini(&all);
    return rc;
}
