#include "trainer/wiki/pages/stats.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/bench/stats.h"
#include "trainer/wiki/pages/chunks.h"
#include "trainer/wiki/pages/words.h"

static const ltd_wiki_chunking chunking = {.words = 256};

static const struct {
    const char *key, *label;
} rows[LTD_WIKI_STATS] = {
    [LTD_WIKI_REFERENCE_WORDS] = {"reference_words", "reference article, words"},
    [LTD_WIKI_HEADINGS] = {"headings", "headings"},
    [LTD_WIKI_HEADINGS_KEPT] = {"headings_kept", "headings without References etc."},
    [LTD_WIKI_HUMAN_PAGES] = {"human_pages", "editors' pages an event"},
    [LTD_WIKI_HUMAN_WORDS] = {"human_words", "editors' words an event"},
    [LTD_WIKI_HUMAN_PAGE_WORDS] = {"human_page_words", "words an editors' page"},
    [LTD_WIKI_SEARCH_PAGES] = {"search_pages", "search pages an event"},
    [LTD_WIKI_SEARCH_USABLE] = {"search_usable", "usable search pages an event"},
    [LTD_WIKI_SEARCH_PAGE_WORDS] = {"search_page_words", "words a search page"},
    [LTD_WIKI_CHUNKS] = {"chunks", "chunks of 256 words an event"},
    [LTD_WIKI_WIKI_BYTES] = {"wiki_bytes", "bytes of the wiki half"},
    [LTD_WIKI_GOOGLE_BYTES] = {"google_bytes", "bytes of the google half"},
    [LTD_WIKI_SUPPORT] = {"support", "share of its words in the pages"},
};

/* Values of a row as they come. */
typedef struct list {
    double *v;
    size_t n, room;
} list;

typedef struct collector {
    ltd_wiki_stats s;
    list list[LTD_WIKI_STATS];
    bool failed; /* no memory */
} collector;

static void add(collector *c, ltd_wiki_stat row, double value)
{
    list *l = &c->list[row];
    c->failed |= !ltd_mem_reserve((void **)&l->v, &l->room, l->n + 1, sizeof *l->v);
    if (!c->failed) l->v[l->n++] = value;
}

static int count_words(const char *text, size_t len, int32_t *n, ltd_err *err)
{
    ltd_words w = {0};
    int rc = ltd_words_split(&w, LTD_WORDS_WS, text, len, err);
    if (rc == LTD_OK) *n = w.n;
    ltd_words_fini(&w);
    return rc;
}

/* All words of the chunks. */
static int collect_words(ltd_word_ids *ids, const ltd_wiki_chunks *chunks, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t i = 0; i < chunks->n && rc >= 0; i++) {
        ltd_words w = {0};
        const char *text = chunks->chunk[i].text;
        rc = ltd_words_split(&w, LTD_WORDS_STD, text, strlen(text), err);
        for (int32_t k = 0; k < w.n && rc >= 0; k++)
            rc = ltd_word_ids_put(ids, ltd_words_at(&w, k), w.len[k], err);
        ltd_words_fini(&w);
    }
    return rc < 0 ? rc : LTD_OK;
}

/* A reference without content words has none. */
static int add_support(collector *c, const ltd_wiki_event *e, const ltd_wiki_chunks *chunks,
                       ltd_err *err)
{
    ltd_word_ids *ids = NULL;
    ltd_words w = {0};
    int32_t known = 0, all = 0;
    int rc = ltd_word_ids_new(&ids, err);
    if (rc == LTD_OK) rc = collect_words(ids, chunks, err);
    if (rc == LTD_OK) rc = ltd_words_split(&w, LTD_WORDS_STD, e->text, e->text_len, err);
    for (int32_t i = 0; i < w.n; i++) {
        if (ltd_word_is_stop(ltd_words_at(&w, i), w.len[i])) continue;
        known += ltd_word_ids_find(ids, ltd_words_at(&w, i), w.len[i]) >= 0;
        all++;
    }
    if (rc == LTD_OK && all) add(c, LTD_WIKI_SUPPORT, (double)known / all);
    ltd_words_fini(&w);
    ltd_word_ids_free(ids);
    return rc;
}

static int add_chunks(collector *c, const ltd_wiki_event *e, ltd_err *err)
{
    ltd_wiki_chunks *all = NULL, *found = NULL;
    ltd_wiki_chunking search = chunking;
    search.sources = LTD_WIKI_SEARCH;
    int rc = ltd_wiki_chunks_new(&all, e, &chunking, err);
    if (rc == LTD_OK) rc = ltd_wiki_chunks_new(&found, e, &search, err);
    if (rc == LTD_OK) {
        add(c, LTD_WIKI_CHUNKS, all->n);
        c->s.chunks += all->n;
        if (e->searched) add(c, LTD_WIKI_SEARCH_USABLE, found->usable);
        rc = add_support(c, e, all, err);
    }
    ltd_wiki_chunks_free(all);
    ltd_wiki_chunks_free(found);
    return rc;
}

static int add_pages(collector *c, const ltd_wiki_event *e, ltd_err *err)
{
    double human = 0;
    int32_t n = 0;
    for (int32_t i = 0; i < e->n_pages; i++) {
        const ltd_wiki_page *p = &e->pages[i];
        int rc = count_words(p->text, p->len, &n, err);
        if (rc < 0) return rc;
        add(c, p->human ? LTD_WIKI_HUMAN_PAGE_WORDS : LTD_WIKI_SEARCH_PAGE_WORDS, n);
        if (p->human) human += n;
    }
    add(c, LTD_WIKI_HUMAN_PAGES, e->n_human);
    add(c, LTD_WIKI_HUMAN_WORDS, human);
    c->s.human_pages += e->n_human;
    c->s.search_pages += e->n_pages - e->n_human;
    if (e->searched) add(c, LTD_WIKI_SEARCH_PAGES, e->n_pages - e->n_human);
    return LTD_OK;
}

static int add_event(collector *c, const ltd_wiki_event *e, ltd_err *err)
{
    int32_t n = 0, kept = 0;
    int rc = count_words(e->text, e->text_len, &n, err);
    if (rc < 0) return rc;
    for (int32_t i = 0; i < e->n_outline; i++) kept += !ltd_wiki_is_back_matter(e->outline[i]);
    add(c, LTD_WIKI_REFERENCE_WORDS, n);
    add(c, LTD_WIKI_HEADINGS, e->n_outline);
    add(c, LTD_WIKI_HEADINGS_KEPT, kept);
    add(c, LTD_WIKI_WIKI_BYTES, (double)e->wiki_size);
    if (e->searched) add(c, LTD_WIKI_GOOGLE_BYTES, (double)e->google_size);
    c->s.events++;
    c->s.searched += e->searched;
    rc = add_pages(c, e, err);
    return rc < 0 ? rc : add_chunks(c, e, err);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static ltd_wiki_spread spread_of(list *l)
{
    if (!l->n) return (ltd_wiki_spread){0};
    qsort(l->v, l->n, sizeof *l->v, ascending);
    return (ltd_wiki_spread){
        .n = (int32_t)l->n,
        .min = l->v[0],
        .p25 = ltd_stats_quantile(l->v, l->n, 0.25),
        .median = ltd_stats_quantile(l->v, l->n, 0.5),
        .p75 = ltd_stats_quantile(l->v, l->n, 0.75),
        .max = l->v[l->n - 1],
        .mean = ltd_stats_mean(l->v, l->n),
    };
}

int ltd_wiki_stats_collect(ltd_wiki_stats *ret, const char *root, ltd_err *err)
{
    int64_t *ids = NULL;
    int32_t n = 0;
    int rc = ltd_wiki_event_ids(&ids, &n, root, err);
    if (rc < 0) return rc;
    collector c = {0};
    for (int32_t i = 0; i < n && rc == LTD_OK; i++) {
        ltd_wiki_event *e = NULL;
        rc = ltd_wiki_event_load(&e, root, ids[i], err);
        if (rc == LTD_OK) rc = add_event(&c, e, err);
        ltd_wiki_event_free(e);
    }
    if (rc == LTD_OK && c.failed) rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory", root);
    for (int row = 0; row < LTD_WIKI_STATS; row++) {
        if (rc == LTD_OK) c.s.spread[row] = spread_of(&c.list[row]);
        free(c.list[row].v);
    }
    free(ids);
    if (rc == LTD_OK) *ret = c.s;
    return rc;
}

static void put_cell(ltd_str *out, double v)
{
    if (v == (double)(int64_t)v)
        ltd_str_printf(out, " %7lld", (long long)v);
    else
        ltd_str_printf(out, " %7.*f", v < 10 ? 2 : v < 1000 ? 1 : 0, v);
}

void ltd_wiki_stats_table(const ltd_wiki_stats *stats, ltd_str *out)
{
    ltd_str_printf(out,
                   "%d events, %d with search pages; %lld editors' pages, %lld search pages, %lld "
                   "chunks\n\n%-34s %7s %7s %7s %7s %7s %7s %7s\n",
                   (int)stats->events, (int)stats->searched, (long long)stats->human_pages,
                   (long long)stats->search_pages, (long long)stats->chunks, "", "n", "min", "p25",
                   "median", "p75", "max", "mean");
    for (int row = 0; row < LTD_WIKI_STATS; row++) {
        const ltd_wiki_spread *s = &stats->spread[row];
        const double cells[] = {s->min, s->p25, s->median, s->p75, s->max, s->mean};
        ltd_str_printf(out, "%-34s %7d", rows[row].label, (int)s->n);
        for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
            if (s->n)
                put_cell(out, cells[i]);
            else
                ltd_str_printf(out, " %7s", "-");
        }
        ltd_str_puts(out, "\n");
    }
}

void ltd_wiki_stats_json(const ltd_wiki_stats *stats, const char *key, ltd_json_writer *w)
{
    ltd_json_begin_object(w, key);
    ltd_json_put_int(w, "events", stats->events);
    ltd_json_put_int(w, "searched", stats->searched);
    ltd_json_put_int(w, "human_pages", stats->human_pages);
    ltd_json_put_int(w, "search_pages", stats->search_pages);
    ltd_json_put_int(w, "chunks", stats->chunks);
    ltd_json_begin_object(w, "spread");
    for (int row = 0; row < LTD_WIKI_STATS; row++) {
        const ltd_wiki_spread *s = &stats->spread[row];
        ltd_json_begin_inline_object(w, rows[row].key);
        ltd_json_put_int(w, "n", s->n);
        if (s->n) {
            ltd_json_put_f64(w, "min", s->min);
            ltd_json_put_f64(w, "p25", s->p25);
            ltd_json_put_f64(w, "median", s->median);
            ltd_json_put_f64(w, "p75", s->p75);
            ltd_json_put_f64(w, "max", s->max);
            ltd_json_put_f64(w, "mean", s->mean);
        }
        ltd_json_end_object(w);
    }
    ltd_json_end_object(w);
    ltd_json_end_object(w);
}
