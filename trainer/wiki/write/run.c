#include "trainer/wiki/write/run.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "trainer/wiki/write/render.h"

/* --- files --- */

static int path_of(const char *out, int64_t id, const char *kind, char *ret, size_t size,
                   ltd_err *err)
{
    int n = snprintf(ret, size, "%s/articles/%" PRId64 ".%s", out, id, kind);
    if (n > 0 && (size_t)n < size) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", out);
}

int ltd_wiki_article_path(const char *out, int64_t id, char *ret, size_t size, ltd_err *err)
{
    return path_of(out, id, "json", ret, size, err);
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int ltd_wiki_article_ids(const char *out, ltd_wiki_ids *ret, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_wiki_ids ids = {0};
    size_t room = 0;
    snprintf(path, sizeof path, "%s/articles", out);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char *end;
        long long id = strtoll(e->d_name, &end, 10);
        if (end == e->d_name || strcmp(end, ".json") != 0) continue;
        if (!ltd_mem_reserve((void **)&ids.id, &room, (size_t)ids.n + 1, sizeof *ids.id)) {
            closedir(dir);
            free(ids.id);
            return ltd_fail(err, LTD_ENOMEM, "articles: no memory");
        }
        ids.id[ids.n++] = id;
    }
    if (dir) closedir(dir);
    if (!ids.n) return ltd_fail(err, LTD_EIO, "no articles in %s: run `ltd wiki run`", path);
    qsort(ids.id, (size_t)ids.n, sizeof *ids.id, by_id);
    *ret = ids;
    return LTD_OK;
}

static int save(const char *out, const ltd_wiki_work *w, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_str text = LTD_STR_INIT;
    int rc = ltd_wiki_article_path(out, w->id, path, sizeof path, err);
    ltd_wiki_work_json(w, &text);
    if (rc == LTD_OK)
        rc = text.failed ? ltd_fail(err, LTD_ENOMEM, "%s: no memory", path)
                         : ltd_file_write(path, text.data, text.len, err);
    ltd_str_fini(&text);
    return rc;
}

/* --- one event --- */

typedef struct job {
    const ltd_wiki_run_options *o;
    ltd_wiki_run_sum *sum;
} job;

static int keep(void *ctx, const ltd_wiki_work *w, ltd_err *err)
{
    const job *j = ctx;
    j->sum->fresh++;
    return save(j->o->out, w, err);
}

/* The author of the options, watched from here. */
static int answer(void *ctx, const char *prompt, int32_t most, ltd_wiki_call *call, ltd_err *err)
{
    const ltd_wiki_author *a = &((job *)ctx)->o->author;
    return a->answer(a->ctx, prompt, most, call, err);
}

static int put_form(const job *j, const ltd_wiki_work *w, const ltd_wiki_chunks *chunks,
                    ltd_wiki_form form, const char *kind, ltd_err *err)
{
    char path[PATH_MAX];
    ltd_str text = LTD_STR_INIT;
    int rc = path_of(j->o->out, w->id, kind, path, sizeof path, err);
    if (rc == LTD_OK) rc = ltd_wiki_render(w, chunks, form, &text, err);
    if (rc == LTD_OK) rc = ltd_file_write(path, ltd_str_text(&text), text.len, err);
    ltd_str_fini(&text);
    return rc;
}

static int put_forms(const job *j, const ltd_wiki_work *w, const ltd_wiki_event *event,
                     ltd_err *err)
{
    ltd_wiki_chunks *chunks;
    ltd_wiki_chunking cut = ltd_wiki_task_chunking(&j->o->made.task);
    int rc = ltd_wiki_chunks_new(&chunks, event, &cut, err);
    if (rc < 0) return rc;
    rc = put_form(j, w, chunks, LTD_WIKI_MARKDOWN, "md", err);
    if (rc == LTD_OK) rc = put_form(j, w, chunks, LTD_WIKI_WIKITEXT, "wiki", err);
    ltd_wiki_chunks_free(chunks);
    return rc;
}

void ltd_wiki_effort_add(ltd_wiki_effort *sum, const ltd_wiki_effort *one)
{
    sum->cycles += one->cycles;
    sum->tokens += one->tokens;
    sum->cycles_ms += one->cycles_ms;
    sum->draft_ms += one->draft_ms;
    sum->verify_ms += one->verify_ms;
    sum->policy_ms += one->policy_ms;
    sum->prefill_ms += one->prefill_ms;
    for (int i = 0; i < LTD_WIKI_ACCEPT; i++) sum->accepted[i] += one->accepted[i];
    ltd_accept_classes_add(&sum->classes, &one->classes);
}

void ltd_wiki_run_sum_add(ltd_wiki_run_sum *sum, const ltd_wiki_work *w)
{
    sum->events++;
    sum->calls += w->n_calls;
    for (int32_t i = 0; i < w->n_calls; i++) {
        sum->stops[w->call[i].stop]++;
        ltd_wiki_effort_add(&sum->effort, &w->call[i].effort);
    }
}

/* What an earlier attempt left.  A damaged file is an error: nothing is written over by mistake. */
static int look(const job *j, int64_t id, ltd_wiki_work *w, ltd_err *err)
{
    char path[PATH_MAX];
    int rc = ltd_wiki_article_path(j->o->out, id, path, sizeof path, err);
    if (rc == LTD_OK && access(path, F_OK) == 0) rc = ltd_wiki_work_load(w, path, err);
    return rc;
}

static int write_new(job *j, int64_t id, ltd_wiki_work *w, ltd_err *err)
{
    ltd_wiki_event *event;
    ltd_wiki_author author = {j->o->author.counter, answer, keep, j};
    int rc = ltd_wiki_event_load(&event, j->o->made.root, id, err);
    if (rc < 0) return rc;
    snprintf(w->decoder, sizeof w->decoder, "%s", j->o->made.decoder);
    rc = ltd_wiki_write(&j->o->made.task, event, &author, w, err);
    /* The article is there for readers before it counts as complete. */
    if (rc == LTD_OK) rc = put_forms(j, w, event, err);
    if (rc == LTD_OK) rc = save(j->o->out, w, err);
    ltd_wiki_event_free(event);
    return rc;
}

static int write_event(job *j, int64_t id, ltd_err *err)
{
    ltd_wiki_work w = {.id = id};
    int rc = look(j, id, &w, err);
    if (rc == LTD_OK && w.complete)
        j->sum->found++;
    else if (rc == LTD_OK)
        rc = write_new(j, id, &w, err);
    if (rc == LTD_OK) ltd_wiki_run_sum_add(j->sum, &w);
    if (rc == LTD_WIKI_NO_PAGES) j->sum->left_out++;
    ltd_wiki_work_fini(&w);
    return rc < 0 ? rc : LTD_OK;
}

int ltd_wiki_run(const ltd_wiki_run_options *o, ltd_wiki_run_sum *ret, ltd_err *err)
{
    job j = {o, ret};
    char what[32];
    *ret = (ltd_wiki_run_sum){0};
    int rc = ltd_wiki_made_claim(&o->made, o->out, err);
    for (int32_t i = 0; rc == LTD_OK && i < o->ids.n; i++) {
        snprintf(what, sizeof what, "event %" PRId64, o->ids.id[i]);
        rc = ltd_watch_tell(&o->watch, (double)i / o->ids.n, what, err);
        if (rc == LTD_OK) rc = write_event(&j, o->ids.id[i], err);
    }
    return rc;
}
