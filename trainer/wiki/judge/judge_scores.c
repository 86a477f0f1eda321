#include "trainer/wiki/judge/judge_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/wiki/pages/words.h"

/* What is summed up over the sentences of an article. */
typedef struct citing {
    double words;             /* of all sentences */
    double cited_words;       /* of those that cite a chunk */
    double settled_words;     /* of those of them with all answers */
    double supported_words;   /* of those of them that a chunk supports */
    double recall, precision; /* sums over the settled */
    int32_t cited, settled;   /* sentences */
} citing;

static int32_t count(ltd_wiki_judge_count *c, ltd_wiki_answered how)
{
    c->asked++;
    c->answered += how == LTD_WIKI_ANSWERED;
    c->invalid += how == LTD_WIKI_INVALID;
    return how == LTD_WIKI_ANSWERED;
}

/* Where the answers to a request are looked up. */
typedef struct reader {
    const ltd_wiki_judging *what;
    const ltd_wiki_answers *answers;
    ltd_str id;
} reader;

static ltd_wiki_answered look_up(reader *r, ltd_wiki_judge_kind kind, int32_t sentence,
                                 int32_t mark, double grade[LTD_WIKI_JUDGE_GRADES])
{
    ltd_wiki_judge_id(&r->id, r->what, kind, sentence, mark);
    return ltd_wiki_answers_get(r->answers, kind, ltd_str_text(&r->id), grade);
}

/* One sentence: a mark that is written twice is asked about once and counts twice. */
static int fold_sentence(citing *c, ltd_wiki_judged *to, reader *r, int32_t i, ltd_err *err)
{
    const ltd_wiki_sentence *s = &r->what->article->sentence[i];
    ltd_words split;
    int rc = ltd_words_split(&split, LTD_WORDS_WS, s->text, strlen(s->text), err);
    if (rc < 0) return rc;
    double words = split.n, any = 0, sum = 0;
    ltd_words_fini(&split);
    int32_t chunks = 0, known = 0;
    for (int32_t k = 0; k < s->n_cites; k++) {
        double grade[LTD_WIKI_JUDGE_GRADES];
        if (!ltd_wiki_cited(r->what, s, k)) continue;
        chunks++;
        ltd_wiki_answered how = look_up(r, LTD_WIKI_NLI, i, s->cites[k], grade);
        if (!ltd_wiki_cited_before(s, k)) count(&to->count[LTD_WIKI_NLI], how);
        if (how != LTD_WIKI_ANSWERED) continue;
        known++;
        double phi = grade[0];
        sum += phi;
        any = phi > any ? phi : any;
    }
    c->words += words;
    if (!chunks) return LTD_OK;
    c->cited++;
    c->cited_words += words;
    if (known < chunks) return LTD_OK;
    c->settled++;
    c->settled_words += words;
    c->supported_words += words * any;
    c->recall += any;
    c->precision += sum / s->n_cites;
    return LTD_OK;
}

/* part / whole, of nothing nothing. */
static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static bool was_given_chunks(const ltd_wiki_judging *what)
{
    for (int32_t i = 0; i < what->n_parts; i++)
        if (what->part[i].n > 0) return true;
    return false;
}

static int fold_citations(ltd_wiki_judged *to, reader *r, ltd_err *err)
{
    citing c = {0};
    if (!was_given_chunks(r->what)) return LTD_OK; /* NaN: there is nothing to cite */
    int32_t n = r->what->article->n_sentences;
    for (int32_t i = 0; i < n; i++) {
        int rc = fold_sentence(&c, to, r, i, err);
        if (rc < 0) return rc;
    }
    if (c.cited && !c.settled) return LTD_OK; /* NaN: nobody answered */
    /* 1 when all are settled. */
    double rest = share(c.cited, c.settled), rest_words = share(c.cited_words, c.settled_words);
    to->recall = share(c.recall * rest, n);
    to->precision = share(c.precision * rest, n);
    to->rate = share(c.supported_words * rest_words, c.words);
    return LTD_OK;
}

static void fold_grade(ltd_wiki_judged *to, reader *r, ltd_wiki_judge_kind kind, double *first,
                       double *second)
{
    double grade[LTD_WIKI_JUDGE_GRADES];
    if (!count(&to->count[kind], look_up(r, kind, 0, 0, grade))) return;
    *first = grade[0];
    if (second) *second = grade[1];
}

int ltd_wiki_judge_fold(ltd_wiki_judged *ret, const ltd_wiki_judging *judging,
                        const ltd_wiki_answers *answers, ltd_err *err)
{
    ltd_wiki_judged j = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, {{0, 0, 0}}};
    reader r = {judging, answers, LTD_STR_INIT};
    fold_grade(&j, &r, LTD_WIKI_FLUENCY_INFO, &j.fluency, &j.info);
    fold_grade(&j, &r, LTD_WIKI_OUTLINE, &j.outline, NULL);
    fold_grade(&j, &r, LTD_WIKI_ORGANIZATION, &j.organization, NULL);
    fold_grade(&j, &r, LTD_WIKI_FOCUS, &j.focus, NULL);
    fold_grade(&j, &r, LTD_WIKI_COVERAGE, &j.coverage, NULL);
    int rc = fold_citations(&j, &r, err);
    if (rc == LTD_OK && r.id.failed) rc = ltd_fail(err, LTD_ENOMEM, "judge: no memory for an id");
    ltd_str_fini(&r.id);
    if (rc == LTD_OK) *ret = j;
    return rc;
}

/* --- many --- */

static double mean(const ltd_wiki_judged *list, size_t n, size_t offset)
{
    double sum = 0;
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        double v;
        memcpy(&v, (const char *)&list[i] + offset, sizeof v);
        if (isnan(v)) continue;
        sum += v;
        have++;
    }
    return have ? sum / (double)have : NAN;
}

ltd_wiki_judged ltd_wiki_judged_mean(const ltd_wiki_judged *list, size_t n)
{
#define MEAN(field) .field = mean(list, n, offsetof(ltd_wiki_judged, field))
    ltd_wiki_judged all = {MEAN(fluency),      MEAN(info),      MEAN(outline),
                           MEAN(organization), MEAN(focus),     MEAN(coverage),
                           MEAN(recall),       MEAN(precision), MEAN(rate)};
#undef MEAN
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < LTD_WIKI_JUDGE_KINDS; k++) {
            all.count[k].asked += list[i].count[k].asked;
            all.count[k].answered += list[i].count[k].answered;
            all.count[k].invalid += list[i].count[k].invalid;
        }
    const ltd_wiki_judge_count *nli = &all.count[LTD_WIKI_NLI];
    if (nli->asked && !nli->answered) all.recall = all.precision = all.rate = NAN;
    return all;
}

/* --- JSON --- */

static void put_counts(ltd_json_writer *w, const ltd_wiki_judged *j)
{
    ltd_json_begin_object(w, "replies");
    for (int k = 0; k < LTD_WIKI_JUDGE_KINDS; k++) {
        const ltd_wiki_judge_count *c = &j->count[k];
        ltd_json_begin_inline_object(w, ltd_wiki_judge_scale_of((ltd_wiki_judge_kind)k)->name);
        ltd_json_put_int(w, "asked", c->asked);
        ltd_json_put_int(w, "answered", c->answered);
        ltd_json_put_int(w, "invalid", c->invalid);
        ltd_json_end_object(w);
    }
    ltd_json_end_object(w);
}

void ltd_wiki_judged_put(ltd_json_writer *w, const char *key, const ltd_wiki_judged *j,
                         const char *by)
{
    int64_t replies = 0;
    for (int k = 0; j && k < LTD_WIKI_JUDGE_KINDS; k++)
        replies += j->count[k].answered + j->count[k].invalid;
    if (!replies) {
        ltd_json_put_null(w, key);
        return;
    }
    ltd_json_begin_object(w, key);
    ltd_json_put_string(w, "by", by);
    ltd_json_put_f64(w, "fluency", j->fluency);
    ltd_json_put_f64(w, "info", j->info);
    ltd_json_put_f64(w, "outline", j->outline);
    ltd_json_put_f64(w, "organization", j->organization);
    ltd_json_put_f64(w, "focus", j->focus);
    ltd_json_put_f64(w, "coverage", j->coverage);
    ltd_json_begin_inline_object(w, "citation_nli");
    ltd_json_put_f64(w, "recall", j->recall);
    ltd_json_put_f64(w, "precision", j->precision);
    ltd_json_put_f64(w, "rate", j->rate);
    ltd_json_end_object(w);
    put_counts(w, j);
    ltd_json_end_object(w);
}
