#include "trainer/wiki/write/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "trainer/wiki/write/extract.h"
#include "trainer/wiki/write/plan.h"

enum { MOST_CHUNKS = 16 };

typedef struct desk {
    const ltd_wiki_task *task;
    const ltd_wiki_event *event;
    const ltd_wiki_author *author; /* NULL: prompts are only made */
    const ltd_wiki_counter *counter;
    const ltd_wiki_taker *taker;
    ltd_wiki_work *work;
    ltd_wiki_chunks *chunks;
    ltd_wiki_ranker *ranker;
    int32_t done;   /* calls of this attempt */
    ltd_str prompt; /* of the call under way */
} desk;

/* What a query finds. */
typedef struct found {
    int32_t chunk[MOST_CHUNKS];
    const char *text[MOST_CHUNKS];
    int32_t n;
} found;

static int retrieve(const desk *d, const char *query, found *ret, ltd_err *err)
{
    ltd_wiki_hit hit[MOST_CHUNKS];
    int rc = ltd_wiki_rank(d->ranker, query, d->task->profile->chunks, hit, &ret->n, err);
    for (int32_t i = 0; rc == LTD_OK && i < ret->n; i++) {
        ret->chunk[i] = hit[i].chunk;
        ret->text[i] = d->chunks->chunk[hit[i].chunk].text;
    }
    return rc;
}

static int retrieve_section(const desk *d, const char *section, found *ret, ltd_err *err)
{
    ltd_str query = LTD_STR_INIT;
    ltd_str_printf(&query, "%s of %s?", section, d->event->key);
    int rc = query.failed ? ltd_fail(err, LTD_ENOMEM, "query: no memory")
                          : retrieve(d, query.data, ret, err);
    ltd_str_fini(&query);
    return rc;
}

/* --- calls --- */

static int make_prompt(desk *d, const ltd_wiki_ask *ask, ltd_err *err)
{
    return ltd_wiki_prompt(ask, d->task->profile->prompt_tokens, d->counter, &d->prompt, err);
}

/* The text as it is read back from the article's file, which holds no broken characters: an answer
 * that was cut inside of one must not make other prompts now than when it is gone on with. */
static int make_readable(ltd_wiki_call *c, ltd_err *err)
{
    ltd_str s = LTD_STR_INIT;
    ltd_str_push_utf8(&s, c->text, strlen(c->text));
    char *text = ltd_str_take(&s);
    if (!text) return ltd_fail(err, LTD_ENOMEM, "article: no memory");
    free(c->text);
    c->text = text;
    return LTD_OK;
}

/* The next call, asked or, when it has been, as it was: *ret borrowed from the work. */
static int ask(desk *d, const ltd_wiki_ask *ask, int32_t most, const ltd_wiki_call **ret,
               ltd_err *err)
{
    ltd_wiki_work *w = d->work;
    ltd_wiki_call c = {.stage = ask->stage, .tokens = LTD_TOKENS_INIT};
    int rc = make_prompt(d, ask, err);
    if (rc < 0) return rc;
    ltd_file_sha256(c.prompt_hash, d->prompt.data, d->prompt.len);
    int32_t i = d->done++;
    if (i < w->n_calls && strcmp(w->call[i].prompt_hash, c.prompt_hash) == 0) {
        *ret = &w->call[i];
        return LTD_OK;
    }
    ltd_wiki_work_cut_calls(w, i);
    if (ask->section) c.section = ltd_mem_strdup(ask->section);
    if (ask->section && !c.section) return ltd_fail(err, LTD_ENOMEM, "article: no memory");
    rc = d->author->answer(d->author->ctx, d->prompt.data, most, &c, err);
    if (rc == LTD_OK) rc = make_readable(&c, err);
    if (rc == LTD_OK) rc = ltd_wiki_work_add_call(w, &c, err);
    ltd_wiki_call_fini(&c);
    if (rc == LTD_OK && d->author->kept) rc = d->author->kept(d->author->ctx, w, err);
    if (rc == LTD_OK) *ret = &w->call[i];
    return rc;
}

static int add_piece(desk *d, const char *title, const char *text, const found *f, ltd_err *err)
{
    ltd_str whole = LTD_STR_INIT;
    if (title) ltd_str_printf(&whole, "==%s==\n", title);
    ltd_str_puts(&whole, text);
    int rc = whole.failed ? ltd_fail(err, LTD_ENOMEM, "article: no memory")
                          : ltd_wiki_work_add_piece(d->work, title, ltd_str_text(&whole), f->chunk,
                                                    f->text, f->n, err);
    ltd_str_fini(&whole);
    return rc;
}

/* --- methods --- */

static ltd_wiki_ask ask_for(const desk *d, ltd_wiki_stage stage, const char *section,
                            const found *f)
{
    return (ltd_wiki_ask){.stage = stage,
                          .key = d->event->key,
                          .section = section,
                          .document = f->text,
                          .n_documents = f->n};
}

static int write_whole(desk *d, ltd_err *err)
{
    found f = {.n = 0};
    const ltd_wiki_call *c;
    int rc = d->task->method == LTD_WIKI_RR ? retrieve(d, d->event->key, &f, err) : LTD_OK;
    ltd_wiki_ask a = ask_for(d, LTD_WIKI_STAGE_ARTICLE, NULL, &f);
    if (rc == LTD_OK) rc = ask(d, &a, d->task->profile->article_tokens, &c, err);
    return rc == LTD_OK ? add_piece(d, NULL, c->text, &f, err) : rc;
}

static int reference_outline(const desk *d, ltd_wiki_headings *ret, ltd_err *err)
{
    const char *name[LTD_WIKI_PLAN];
    int32_t n = ltd_wiki_reference_plan(d->event, name, LTD_WIKI_PLAN);
    return ltd_wiki_headings_of(ret, name, n, err);
}

static int plan(desk *d, ltd_wiki_headings *ret, ltd_err *err)
{
    found f = {.n = 0};
    const ltd_wiki_call *c;
    if (d->task->plan == LTD_WIKI_PLAN_REF) return reference_outline(d, ret, err);
    int rc =
        d->task->plan == LTD_WIKI_PLAN_DOCUMENTS ? retrieve(d, d->event->key, &f, err) : LTD_OK;
    ltd_wiki_ask a = ask_for(d, LTD_WIKI_STAGE_PLAN, NULL, &f);
    if (rc == LTD_OK) rc = ask(d, &a, d->task->profile->plan_tokens, &c, err);
    return rc == LTD_OK ? ltd_wiki_headings_parse(ret, c->text, err) : rc;
}

static int write_section(desk *d, const char *name, ltd_err *err)
{
    found f = {.n = 0};
    const ltd_wiki_call *c;
    int rc = retrieve_section(d, name, &f, err);
    ltd_wiki_ask a = ask_for(d, LTD_WIKI_STAGE_SECTION, name, &f);
    if (rc == LTD_OK) rc = ask(d, &a, d->task->profile->section_tokens, &c, err);
    return rc == LTD_OK ? add_piece(d, name, c->text, &f, err) : rc;
}

static int write_sections(desk *d, ltd_err *err)
{
    ltd_wiki_headings o = {.n = 0};
    int rc = plan(d, &o, err);
    for (int32_t i = 0; rc == LTD_OK && i < o.n; i++) rc = write_section(d, o.name[i], err);
    ltd_wiki_headings_fini(&o);
    return rc;
}

/* A whole article whose marks mean these chunks. */
static int add_whole(desk *d, const char *text, const int32_t *chunk, int32_t n, ltd_err *err)
{
    const char **shown = ltd_mem_zeros((size_t)n, sizeof *shown);
    if (!shown) return ltd_fail(err, LTD_ENOMEM, "article: no memory");
    for (int32_t i = 0; i < n; i++) shown[i] = d->chunks->chunk[chunk[i]].text;
    int rc = ltd_wiki_work_add_piece(d->work, NULL, text, chunk, shown, n, err);
    free(shown);
    return rc;
}

/* Each piece is written once more, its heading kept: all of a long article is more than a prompt
 * takes, or an answer gives. */
static int rewrite_piece(desk *d, ltd_wiki_piece *p, ltd_err *err)
{
    const ltd_wiki_profile *f = d->task->profile;
    const char *body = p->title ? strchr(p->text, '\n') + 1 : p->text;
    const ltd_wiki_call *c;
    ltd_str text = LTD_STR_INIT;
    ltd_wiki_ask a = {
        .stage = LTD_WIKI_STAGE_REWRITE, .key = d->event->key, .section = p->title, .draft = body};
    int rc = ask(d, &a, p->title ? f->section_tokens : f->article_tokens, &c, err);
    if (rc < 0) return rc;
    if (p->title) ltd_str_printf(&text, "==%s==\n", p->title);
    ltd_str_puts(&text, c->text);
    char *whole = ltd_str_take(&text);
    if (!whole) return ltd_fail(err, LTD_ENOMEM, "article: no memory");
    free(p->text);
    p->text = whole;
    return LTD_OK;
}

static int rewrite(desk *d, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < d->work->n_pieces; i++)
        rc = rewrite_piece(d, &d->work->piece[i], err);
    return rc;
}

static int extract(desk *d, ltd_err *err)
{
    ltd_wiki_extract e = {0};
    const char *plan[LTD_WIKI_PLAN];
    int32_t n = ltd_wiki_reference_plan(d->event, plan, LTD_WIKI_PLAN);
    int rc = d->task->method == LTD_WIKI_EXTRACT_RR
                 ? ltd_wiki_extract_rr(&e, d->ranker, d->chunks, err)
                 : ltd_wiki_extract_prr(&e, d->ranker, d->chunks, plan, n, err);
    if (rc == LTD_OK) rc = add_whole(d, e.text, e.chunk, e.n_chunks, err);
    ltd_wiki_extract_fini(&e);
    return rc;
}

/* --- */

static int open_desk(desk *d, ltd_err *err)
{
    ltd_wiki_chunking cut = ltd_wiki_task_chunking(d->task);
    int rc = ltd_wiki_chunks_new(&d->chunks, d->event, &cut, err);
    if (rc == LTD_OK) rc = ltd_wiki_ranker_new(&d->ranker, d->task->ranking, d->chunks, err);
    if (rc == LTD_OK && d->chunks->n == 0 && d->task->method != LTD_WIKI_VANILLA)
        rc = LTD_WIKI_NO_PAGES;
    return rc;
}

static void close_desk(desk *d)
{
    ltd_wiki_ranker_free(d->ranker);
    ltd_wiki_chunks_free(d->chunks);
    ltd_str_fini(&d->prompt);
}

static int begin(ltd_wiki_work *w, const ltd_wiki_task *task, const ltd_wiki_event *event,
                 ltd_err *err)
{
    char *key = ltd_mem_strdup(event->key);
    if (!key) return ltd_fail(err, LTD_ENOMEM, "article: no memory");
    free(w->key);
    w->key = key;
    w->id = event->id;
    w->complete = false;
    snprintf(w->method, sizeof w->method, "%s", ltd_wiki_method_name(task->method));
    ltd_wiki_work_cut_pieces(w);
    return LTD_OK;
}

int ltd_wiki_write(const ltd_wiki_task *task, const ltd_wiki_event *event,
                   const ltd_wiki_author *author, ltd_wiki_work *work, ltd_err *err)
{
    desk d = {.task = task,
              .event = event,
              .author = author,
              .counter = &author->counter,
              .work = work,
              .prompt = LTD_STR_INIT};
    int rc = begin(work, task, event, err);
    if (rc == LTD_OK) rc = open_desk(&d, err);
    if (rc == LTD_OK && !ltd_wiki_method_generates(task->method))
        rc = extract(&d, err);
    else if (rc == LTD_OK && task->method == LTD_WIKI_PRR)
        rc = write_sections(&d, err);
    else if (rc == LTD_OK)
        rc = write_whole(&d, err);
    if (rc == LTD_OK && task->rewrite && ltd_wiki_method_generates(task->method))
        rc = rewrite(&d, err);
    if (rc == LTD_OK) {
        ltd_wiki_work_cut_calls(work, d.done);
        work->complete = true;
    }
    close_desk(&d);
    return rc;
}

/* --- prompts alone --- */

static int give(desk *d, ltd_wiki_stage stage, const char *section, const found *f, ltd_err *err)
{
    ltd_wiki_ask a = ask_for(d, stage, section, f);
    int rc = make_prompt(d, &a, err);
    return rc == LTD_OK ? d->taker->take(d->taker->ctx, stage, section, d->prompt.data, err) : rc;
}

static int give_sections(desk *d, ltd_err *err)
{
    ltd_wiki_headings o = {.n = 0};
    int rc = reference_outline(d, &o, err);
    for (int32_t i = 0; rc == LTD_OK && i < o.n; i++) {
        found f = {.n = 0};
        rc = retrieve_section(d, o.name[i], &f, err);
        if (rc == LTD_OK) rc = give(d, LTD_WIKI_STAGE_SECTION, o.name[i], &f, err);
    }
    ltd_wiki_headings_fini(&o);
    return rc;
}

int ltd_wiki_known_prompts(const ltd_wiki_task *task, const ltd_wiki_event *event,
                           const ltd_wiki_counter *counter, const ltd_wiki_taker *taker,
                           ltd_err *err)
{
    desk d = {
        .task = task, .event = event, .counter = counter, .taker = taker, .prompt = LTD_STR_INIT};
    bool blind = task->method == LTD_WIKI_VANILLA ||
                 (task->method == LTD_WIKI_PRR && task->plan == LTD_WIKI_PLAN_BLIND);
    found f = {.n = 0};
    int rc = open_desk(&d, err);
    if (rc == LTD_OK && !blind) rc = retrieve(&d, event->key, &f, err);
    if (rc == LTD_OK && task->method == LTD_WIKI_PRR && task->plan == LTD_WIKI_PLAN_REF)
        rc = give_sections(&d, err);
    else if (rc == LTD_OK && task->method == LTD_WIKI_PRR)
        rc = give(&d, LTD_WIKI_STAGE_PLAN, NULL, &f, err);
    else if (rc == LTD_OK && ltd_wiki_method_generates(task->method))
        rc = give(&d, LTD_WIKI_STAGE_ARTICLE, NULL, &f, err);
    close_desk(&d);
    return rc;
}
