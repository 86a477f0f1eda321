/* An article scored: ltd_wiki_scorer of quality.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/wiki/score/coverage.h"
#include "trainer/wiki/score/ngram.h"
#include "trainer/wiki/score/outline.h"
#include "trainer/wiki/score/quality.h"
#include "trainer/wiki/score/structure.h"

struct ltd_wiki_scorer {
    const ltd_wiki_event *event;
    ltd_wiki_wording *wording;
    ltd_wiki_facts *facts;
    ltd_wiki_chunk_words *chunks;
};

static int no_memory(ltd_err *err)
{
    return ltd_fail(err, LTD_ENOMEM, "scorer: no memory");
}

int ltd_wiki_scorer_new(ltd_wiki_scorer **ret, const ltd_wiki_event *event,
                        const ltd_wiki_chunks *chunks, ltd_err *err)
{
    ltd_wiki_scorer *s = ltd_mem_zeros(1, sizeof *s);
    if (!s) return no_memory(err);
    s->event = event;
    int rc = ltd_wiki_wording_new(&s->wording, event->text, event->text_len, err);
    if (rc == 0) rc = ltd_wiki_facts_new(&s->facts, event, err);
    if (rc == 0) rc = ltd_wiki_chunk_words_new(&s->chunks, chunks, err);
    if (rc < 0) {
        ltd_wiki_scorer_free(s);
        return rc;
    }
    *ret = s;
    return LTD_OK;
}

void ltd_wiki_scorer_free(ltd_wiki_scorer *scorer)
{
    if (!scorer) return;
    ltd_wiki_wording_free(scorer->wording);
    ltd_wiki_facts_free(scorer->facts);
    ltd_wiki_chunk_words_free(scorer->chunks);
    free(scorer);
}

/* An article made ready. */
typedef struct work {
    const ltd_wiki_scorer *scorer;
    const ltd_wiki_written *written;
    ltd_wiki_article *article;
    ltd_str text, plain; /* its parts, a line break behind each */
} work;

static double ratio(double of, double by)
{
    return by > 0 ? of / by : NAN;
}

static int put_wording(const work *k, ltd_wiki_quality *q, ltd_err *err)
{
    ltd_wiki_ngram f;
    const ltd_wiki_wording *ref = k->scorer->wording;
    int rc = ltd_wiki_wording_score(ref, ltd_str_text(&k->plain), k->plain.len, &f, err);
    if (rc < 0) return rc;
    q->rouge1 = f.rouge1.f;
    q->rouge1_precision = f.rouge1.p;
    q->rouge1_recall = f.rouge1.r;
    q->rouge2 = f.rouge2.f;
    q->rouge2_precision = f.rouge2.p;
    q->rouge2_recall = f.rouge2.r;
    q->rougeL = f.rougeL.f;
    q->rougeL_precision = f.rougeL.p;
    q->rougeL_recall = f.rougeL.r;
    q->rougeL_coco = f.rougeL_coco;
    q->bleu1 = f.bleu1;
    q->bleu4 = f.bleu4;
    q->meteor_exact = f.meteor_exact;
    q->words = f.words;
    q->length_ratio = ratio(f.words, ltd_wiki_wording_words(ref));
    return LTD_OK;
}

static int put_structure(const work *k, ltd_wiki_quality *q, ltd_err *err)
{
    ltd_wiki_structure f;
    int rc = ltd_wiki_structure_score(k->article, ltd_str_text(&k->plain), k->plain.len, &f, err);
    if (rc < 0) return rc;
    q->sentences = f.sentences;
    q->sections = f.sections;
    q->well_formed_headings = f.well_formed;
    q->duplicate_headings = f.duplicates;
    q->empty_sections = f.empty;
    q->words_per_section = f.words_per_section;
    q->repeated_run = f.repeated_run;
    q->distinct4 = f.distinct4;
    return LTD_OK;
}

static int put_outline(const work *k, ltd_wiki_quality *q, ltd_err *err)
{
    const ltd_wiki_article *a = k->article;
    ltd_wiki_outline f;
    const char **title = ltd_mem_zeros((size_t)a->n_sections, sizeof *title);
    if (!title) return no_memory(err);
    for (int32_t i = 0; i < a->n_sections; i++) title[i] = a->section[i].title;
    int rc = ltd_wiki_outline_score(k->scorer->event->outline, k->scorer->event->n_outline, title,
                                    a->n_sections, &f, err);
    free(title);
    if (rc < 0) return rc;
    q->outline_exact_recall = f.exact_recall;
    q->outline_soft_recall = f.soft_recall;
    q->outline_soft_precision = f.soft_precision;
    return LTD_OK;
}

static void put_lex(const ltd_wiki_citations *f, ltd_wiki_quality *q)
{
    q->lex_recall = f->lex[0].recall;
    q->lex_precision = f->lex[0].precision;
    q->lex_rate = f->lex[0].rate;
    q->strict_recall = f->lex[1].recall;
    q->strict_precision = f->lex[1].precision;
    q->strict_rate = f->lex[1].rate;
}

static int put_citations(const work *k, ltd_wiki_quality *q, ltd_err *err)
{
    ltd_wiki_citations f;
    int rc = ltd_wiki_citations_score(k->article, k->written->given, k->written->n,
                                      k->scorer->chunks, &f, err);
    if (rc < 0) return rc;
    put_lex(&f, q);
    q->cited_fraction = f.sentences > 0 ? (double)f.cited / f.sentences : 0;
    q->links = f.links;
    q->bad_links = f.invalid;
    q->chunks_cited = f.chunks_cited;
    q->chunks_given = f.chunks_given;
    q->source_use = ratio(f.chunks_cited, f.chunks_given);
    q->marks_per_cited_sentence = ratio(f.links, f.cited);
    return LTD_OK;
}

/* After put_citations(), which looks at the chunks' numbers. */
static int put_coverage(const work *k, ltd_wiki_quality *q, ltd_err *err)
{
    ltd_wiki_coverage f;
    const ltd_wiki_scorer *s = k->scorer;
    int rc = ltd_wiki_facts_score(s->facts, ltd_str_text(&k->text), k->text.len,
                                  ltd_str_text(&k->plain), k->plain.len, &f, err);
    if (rc < 0) return rc;
    size_t chunks = (size_t)ltd_wiki_chunk_words_count(s->chunks);
    bool *chosen = ltd_mem_zeros(chunks, sizeof *chosen);
    if (!chosen) return no_memory(err);
    for (int32_t i = 0; i < k->written->n; i++)
        for (int32_t c = 0; c < k->written->given[i].n; c++)
            chosen[k->written->given[i].chunk[c]] = true;
    q->infobox_coverage = f.infobox;
    q->number_recall = f.numbers;
    q->name_recall = f.names;
    q->retrieval_coverage =
        q->chunks_given > 0 ? ltd_wiki_facts_in_chunks(s->facts, s->chunks, chosen) : NAN;
    free(chosen);
    return LTD_OK;
}

int ltd_wiki_score(const ltd_wiki_scorer *scorer, const ltd_wiki_written *article,
                   ltd_wiki_quality *ret, ltd_err *err)
{
    work k = {scorer, article, NULL, LTD_STR_INIT, LTD_STR_INIT};
    ltd_wiki_quality q = {0};
    int rc = ltd_wiki_article_parse(&k.article, article->text, article->n, err);
    for (int32_t i = 0; i < article->n && rc == 0; i++) {
        ltd_wiki_article_plain(article->text[i], &k.plain);
        ltd_str_puts(&k.text, article->text[i]);
        ltd_str_push(&k.text, "\n", 1);
    }
    if (rc == 0 && (k.plain.failed || k.text.failed)) rc = no_memory(err);
    if (rc == 0) rc = put_wording(&k, &q, err);
    if (rc == 0) rc = put_structure(&k, &q, err);
    if (rc == 0) rc = put_outline(&k, &q, err);
    if (rc == 0) rc = put_citations(&k, &q, err);
    if (rc == 0) rc = put_coverage(&k, &q, err);
    ltd_wiki_article_free(k.article);
    ltd_str_fini(&k.text);
    ltd_str_fini(&k.plain);
    if (rc == 0) *ret = q;
    return rc;
}
