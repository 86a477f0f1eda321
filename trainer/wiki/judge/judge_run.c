#include "trainer/wiki/judge/judge_run.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "trainer/wiki/write/run.h"

typedef struct visitor {
    int (*visit)(void *ctx, const ltd_wiki_judging *judging, ltd_err *err);
    void *ctx;
} visitor;

static int visit_pieces(const ltd_wiki_work *w, const ltd_wiki_event *event, const visitor *v,
                        ltd_err *err)
{
    const char **text = ltd_mem_zeros((size_t)w->n_pieces, sizeof *text);
    ltd_wiki_part *part = ltd_mem_zeros((size_t)w->n_pieces, sizeof *part);
    ltd_wiki_article *article = NULL;
    int rc = text && part ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "judge: no memory");
    for (int32_t i = 0; rc == LTD_OK && i < w->n_pieces; i++) {
        text[i] = w->piece[i].text;
        part[i] =
            (ltd_wiki_part){(const char *const *)w->piece[i].chunk_text, w->piece[i].n_chunks};
    }
    if (rc == LTD_OK) rc = ltd_wiki_article_parse(&article, text, w->n_pieces, err);
    if (rc == LTD_OK) {
        ltd_wiki_judging judging = {.event = event,
                                    .method = w->method,
                                    .article = article,
                                    .part = part,
                                    .n_parts = w->n_pieces};
        rc = v->visit(v->ctx, &judging, err);
    }
    ltd_wiki_article_free(article);
    free(text);
    free(part);
    return rc;
}

static int visit_event(const char *out, const char *root, int64_t id, const visitor *v,
                       ltd_err *err)
{
    char path[PATH_MAX];
    ltd_wiki_work w = {.id = id};
    ltd_wiki_event *event = NULL;
    int rc = ltd_wiki_article_path(out, id, path, sizeof path, err);
    if (rc == LTD_OK) rc = ltd_wiki_work_load(&w, path, err);
    if (rc == LTD_OK && w.complete) rc = ltd_wiki_event_load(&event, root, id, err);
    if (rc == LTD_OK && w.complete) rc = visit_pieces(&w, event, v, err);
    ltd_wiki_event_free(event);
    ltd_wiki_work_fini(&w);
    return rc;
}

static int visit_all(const char *out, const char *root, const visitor *v, ltd_err *err)
{
    ltd_wiki_ids ids = {0};
    int rc = ltd_wiki_article_ids(out, &ids, err);
    for (int32_t i = 0; rc == LTD_OK && i < ids.n; i++)
        rc = visit_event(out, root, ids.id[i], v, err);
    free(ids.id);
    return rc;
}

/* --- */

static int ask(void *ctx, const ltd_wiki_judging *judging, ltd_err *err)
{
    return ltd_wiki_judge_ask(ctx, judging, err);
}

int ltd_wiki_judge_requests(const char *out, const char *root, ltd_wiki_requests *ret, ltd_err *err)
{
    return visit_all(out, root, &(visitor){ask, ret}, err);
}

typedef struct grades {
    const ltd_wiki_answers *answers;
    ltd_wiki_judged *list;
    size_t n, room;
} grades;

static int fold(void *ctx, const ltd_wiki_judging *judging, ltd_err *err)
{
    grades *g = ctx;
    if (!ltd_mem_reserve((void **)&g->list, &g->room, g->n + 1, sizeof *g->list))
        return ltd_fail(err, LTD_ENOMEM, "judge: no memory");
    int rc = ltd_wiki_judge_fold(&g->list[g->n], judging, g->answers, err);
    g->n += rc == LTD_OK;
    return rc;
}

int ltd_wiki_judge_grade(const char *out, const char *root, const ltd_wiki_answers *answers,
                         ltd_wiki_judged *ret, ltd_err *err)
{
    grades g = {.answers = answers};
    int rc = visit_all(out, root, &(visitor){fold, &g}, err);
    if (rc == LTD_OK) *ret = ltd_wiki_judged_mean(g.list, g.n);
    free(g.list);
    return rc;
}

/* --- imported answers --- */

static void kept_path(const char *out, char *ret, size_t size)
{
    snprintf(ret, size, "%s/judge-scores.jsonl", out);
}

int ltd_wiki_judge_load(const char *out, ltd_wiki_answers *answers, ltd_err *err)
{
    char path[PATH_MAX];
    kept_path(out, path, sizeof path);
    return access(path, F_OK) == 0 ? ltd_wiki_answers_read(answers, path, err) : LTD_OK;
}

static int add_file(ltd_str *text, const char *path, ltd_err *err)
{
    ltd_file f;
    int rc = ltd_file_map(&f, path, err);
    if (rc < 0) return rc;
    ltd_str_push(text, (const char *)f.data, f.size);
    if (f.size && f.data[f.size - 1] != '\n') ltd_str_puts(text, "\n");
    ltd_file_unmap(&f);
    return text->failed ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", path) : LTD_OK;
}

int ltd_wiki_judge_import(const char *out, const char *path, ltd_err *err)
{
    char kept[PATH_MAX];
    ltd_str text = LTD_STR_INIT;
    ltd_wiki_answers *check = NULL;
    kept_path(out, kept, sizeof kept);
    int rc = ltd_wiki_answers_new(&check, err);
    if (rc == LTD_OK) rc = ltd_wiki_answers_read(check, path, err);
    if (rc == LTD_OK && access(kept, F_OK) == 0) rc = add_file(&text, kept, err);
    if (rc == LTD_OK) rc = add_file(&text, path, err);
    if (rc == LTD_OK) rc = ltd_file_write(kept, ltd_str_text(&text), text.len, err);
    ltd_wiki_answers_free(check);
    ltd_str_fini(&text);
    return rc;
}
