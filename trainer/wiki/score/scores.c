#include "trainer/wiki/score/scores.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

/* Raised when a figure's definition changes: what was kept counts no longer. */
enum { SCORES_VERSION = 1 };

typedef struct job {
    const char *out, *root;
    ltd_wiki_scores *s;
} job;

/* --- what a score follows from --- */

static int add_hash(ltd_str *all, const char *path, bool may_miss, ltd_err *err)
{
    ltd_file f;
    char hex[65] = "-";
    if (!may_miss || access(path, F_OK) == 0) {
        int rc = ltd_file_map(&f, path, err);
        if (rc < 0) return rc;
        ltd_file_sha256(hex, f.data, f.size);
        ltd_file_unmap(&f);
    }
    ltd_str_printf(all, " %s", hex);
    return LTD_OK;
}

/* Pieces of the article, both halves of the event, how its pages are cut. */
static int identify(const job *j, const ltd_wiki_work *w, char hex[65], ltd_err *err)
{
    char path[PATH_MAX];
    ltd_str all = LTD_STR_INIT;
    const ltd_wiki_task *t = &j->s->made.task;
    ltd_str_printf(&all, "%d %s %s", SCORES_VERSION, t->profile->name,
                   ltd_wiki_sources_name(t->sources));
    for (int32_t i = 0; i < w->n_pieces; i++) {
        ltd_str_printf(&all, "\n%zu %s", strlen(w->piece[i].text), w->piece[i].text);
        for (int32_t k = 0; k < w->piece[i].n_chunks; k++)
            ltd_str_printf(&all, " %d", w->piece[i].chunk[k]);
    }
    snprintf(path, sizeof path, "%s/data/wiki/%" PRId64 ".json", j->root, w->id);
    int rc = add_hash(&all, path, false, err);
    snprintf(path, sizeof path, "%s/data/google/%" PRId64 ".json", j->root, w->id);
    if (rc == LTD_OK) rc = add_hash(&all, path, true, err);
    if (rc == LTD_OK && all.failed) rc = ltd_fail(err, LTD_ENOMEM, "scores: no memory");
    if (rc == LTD_OK) ltd_file_sha256(hex, all.data, all.len);
    ltd_str_fini(&all);
    return rc;
}

/* --- what is kept --- */

static void score_path(const job *j, int64_t id, char *ret, size_t size)
{
    snprintf(ret, size, "%s/scores/%" PRId64 ".json", j->out, id);
}

static int keep(const job *j, const char *hex, const ltd_wiki_scored *one, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_str text = LTD_STR_INIT;
    ltd_json_writer w = ltd_json_writing(&text, 1);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_string(&w, "of", hex);
    for (int g = 0; g < LTD_WIKI_FIGURES_COUNT; g++)
        ltd_wiki_quality_put_json(&one->quality, (ltd_wiki_figures)g, &w);
    ltd_json_end_object(&w);
    ltd_str_puts(&text, "\n");
    score_path(j, one->id, path, sizeof path);
    int rc = text.failed ? ltd_fail(err, LTD_ENOMEM, "scores: no memory")
                         : ltd_file_mkdirs_for(path, err);
    if (rc == LTD_OK) rc = ltd_file_write(path, text.data, text.len, err);
    ltd_str_fini(&text);
    return rc;
}

/* False: a figure is missing, so the file is none of ours.  null is a figure: there is none. */
static bool read_figures(ltd_json root, ltd_wiki_quality *q)
{
    size_t n;
    const ltd_wiki_figure *list = ltd_wiki_figure_list(&n);
    for (size_t i = 0; i < n; i++) {
        ltd_json group = ltd_json_member(root, ltd_wiki_figures_name(list[i].group));
        double v = NAN;
        if (!ltd_json_has_key(group, list[i].name)) return false;
        if (ltd_json_has(group, list[i].name) &&
            ltd_json_get_f64(group, list[i].name, &v, NULL) < 0)
            return false;
        memcpy((char *)q + list[i].offset, &v, sizeof v);
    }
    return true;
}

/* Kept, of the same text?  What is damaged is scored again. */
static bool find(const job *j, const char *hex, ltd_wiki_scored *one)
{
    char path[PATH_MAX];
    const char *of;
    ltd_file f;
    ltd_json_doc *doc;
    score_path(j, one->id, path, sizeof path);
    if (access(path, F_OK) != 0 || ltd_file_map(&f, path, NULL) < 0) return false;
    bool found = false;
    if (ltd_json_parse(&doc, path, f.data, f.size, NULL) == LTD_OK) {
        ltd_json root = ltd_json_root(doc);
        found = ltd_json_get_string(root, "of", &of, NULL) == LTD_OK && strcmp(of, hex) == 0 &&
                read_figures(root, &one->quality);
        ltd_json_free(doc);
    }
    ltd_file_unmap(&f);
    return found;
}

/* --- one article --- */

static int score_pieces(const ltd_wiki_scorer *scorer, const ltd_wiki_work *w,
                        ltd_wiki_quality *ret, ltd_err *err)
{
    const char **text = ltd_mem_zeros((size_t)w->n_pieces, sizeof *text);
    ltd_wiki_given *given = ltd_mem_zeros((size_t)w->n_pieces, sizeof *given);
    int rc = text && given ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "scores: no memory");
    for (int32_t i = 0; rc == LTD_OK && i < w->n_pieces; i++) {
        text[i] = w->piece[i].text;
        given[i] = (ltd_wiki_given){w->piece[i].chunk, w->piece[i].n_chunks};
    }
    if (rc == LTD_OK)
        rc = ltd_wiki_score(scorer, &(ltd_wiki_written){text, given, w->n_pieces}, ret, err);
    free(text);
    free(given);
    return rc;
}

static int score(const job *j, const ltd_wiki_work *w, ltd_wiki_quality *ret, ltd_err *err)
{
    ltd_wiki_event *event = NULL;
    ltd_wiki_chunks *chunks = NULL;
    ltd_wiki_scorer *scorer = NULL;
    ltd_wiki_chunking cut = ltd_wiki_task_chunking(&j->s->made.task);
    int rc = ltd_wiki_event_load(&event, j->root, w->id, err);
    if (rc == LTD_OK) rc = ltd_wiki_chunks_new(&chunks, event, &cut, err);
    if (rc == LTD_OK) rc = ltd_wiki_scorer_new(&scorer, event, chunks, err);
    if (rc == LTD_OK) rc = score_pieces(scorer, w, ret, err);
    ltd_wiki_scorer_free(scorer);
    ltd_wiki_chunks_free(chunks);
    ltd_wiki_event_free(event);
    return rc;
}

static int add(job *j, const ltd_wiki_work *w, ltd_err *err)
{
    char hex[65];
    ltd_wiki_scored *one = &j->s->event[j->s->n];
    one->id = w->id;
    int rc = identify(j, w, hex, err);
    if (rc == LTD_OK && !find(j, hex, one)) {
        rc = score(j, w, &one->quality, err);
        if (rc == LTD_OK) rc = keep(j, hex, one, err);
        j->s->fresh++;
    }
    if (rc < 0) return rc;
    one->key = ltd_mem_strdup(w->key);
    if (!one->key) return ltd_fail(err, LTD_ENOMEM, "scores: no memory");
    j->s->n++;
    ltd_wiki_run_sum_add(&j->s->sum, w);
    return LTD_OK;
}

static int add_event(job *j, int64_t id, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_wiki_work w;
    int rc = ltd_wiki_article_path(j->out, id, path, sizeof path, err);
    if (rc == LTD_OK) rc = ltd_wiki_work_load(&w, path, err);
    if (rc < 0) return rc;
    if (w.complete)
        rc = add(j, &w, err);
    else
        j->s->incomplete++;
    ltd_wiki_work_fini(&w);
    return rc;
}

/* --- all of them --- */

static int mean(ltd_wiki_scores *s, ltd_err *err)
{
    ltd_wiki_quality *list = ltd_mem_zeros((size_t)s->n, sizeof *list);
    if (!list) return ltd_fail(err, LTD_ENOMEM, "scores: no memory");
    for (int32_t i = 0; i < s->n; i++) list[i] = s->event[i].quality;
    ltd_wiki_quality_mean(list, (size_t)s->n, &s->mean);
    free(list);
    return LTD_OK;
}

static int score_all(job *j, const ltd_watch *watch, ltd_err *err)
{
    ltd_wiki_ids ids = {0};
    char what[32];
    int rc = ltd_wiki_article_ids(j->out, &ids, err);
    if (rc < 0) return rc;
    j->s->event = ltd_mem_zeros((size_t)ids.n, sizeof *j->s->event);
    if (!j->s->event) rc = ltd_fail(err, LTD_ENOMEM, "scores: no memory");
    for (int32_t i = 0; rc == LTD_OK && i < ids.n; i++) {
        snprintf(what, sizeof what, "event %" PRId64, ids.id[i]);
        rc = ltd_watch_tell(watch, (double)i / ids.n, what, err);
        if (rc == LTD_OK) rc = add_event(j, ids.id[i], err);
    }
    free(ids.id);
    if (rc == LTD_OK && j->s->n == 0)
        rc = ltd_fail(err, LTD_EIO, "%s: none of its articles is complete", j->out);
    return rc == LTD_OK ? mean(j->s, err) : rc;
}

int ltd_wiki_scores_new(ltd_wiki_scores **ret, const char *out, const char *root,
                        const ltd_watch *watch, ltd_err *err)
{
    ltd_wiki_scores *s = ltd_mem_zeros(1, sizeof *s);
    if (!s) return ltd_fail(err, LTD_ENOMEM, "scores: no memory");
    job j = {out, root, s};
    int rc = ltd_wiki_made_load(&s->made, out, err);
    if (rc == LTD_OK) rc = score_all(&j, watch, err);
    if (rc == LTD_OK)
        *ret = s;
    else
        ltd_wiki_scores_free(s);
    return rc;
}

void ltd_wiki_scores_free(ltd_wiki_scores *s)
{
    if (!s) return;
    for (int32_t i = 0; i < s->n; i++) free(s->event[i].key);
    free(s->event);
    free(s);
}

static void put_figures(const ltd_wiki_quality *q, ltd_json_writer *w)
{
    for (int g = 0; g < LTD_WIKI_FIGURES_COUNT; g++)
        ltd_wiki_quality_put_json(q, (ltd_wiki_figures)g, w);
}

void ltd_wiki_scores_put_quality(const ltd_wiki_scores *s, ltd_json_writer *w)
{
    put_figures(&s->mean, w);
    ltd_json_begin_array(w, "per_event");
    for (int32_t i = 0; i < s->n; i++) {
        ltd_json_begin_object(w, NULL);
        ltd_json_put_int(w, "id", s->event[i].id);
        ltd_json_put_string(w, "key", s->event[i].key);
        put_figures(&s->event[i].quality, w);
        ltd_json_end_object(w);
    }
    ltd_json_end_array(w);
}

static bool quality_text(const ltd_wiki_scores *s, ltd_str *out)
{
    ltd_json_writer w = ltd_json_writing(out, 1);
    ltd_json_begin_object(&w, NULL);
    ltd_wiki_scores_put_quality(s, &w);
    ltd_json_end_object(&w);
    return !out->failed;
}

int ltd_wiki_scores_same(const ltd_wiki_scores *a, const ltd_wiki_scores *b, bool *ret,
                         ltd_err *err)
{
    ltd_str x = LTD_STR_INIT, y = LTD_STR_INIT;
    bool ok = quality_text(a, &x) && quality_text(b, &y);
    if (ok) *ret = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    ltd_str_fini(&x);
    ltd_str_fini(&y);
    return ok ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "scores: no memory");
}
