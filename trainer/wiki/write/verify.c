#include "trainer/wiki/write/verify.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "trainer/wiki/write/run.h"
#include "trainer/wiki/write/work.h"

static void differ(ltd_wiki_verdict *v, ltd_wiki_difference d)
{
    if (v->differences++ == 0) v->first = d;
}

/* False: they differ, and it is noted. */
static bool compare_call(const ltd_wiki_work *a, const ltd_wiki_work *b, int32_t i,
                         ltd_wiki_verdict *v)
{
    const ltd_wiki_call *x = &a->call[i], *y = &b->call[i];
    ltd_wiki_difference d = {
        .event = a->id, .call = i, .stage = x->stage, .plain = -1, .other = -1};
    v->calls++;
    d.prompt = x->stage != y->stage || strcmp(x->prompt_hash, y->prompt_hash) != 0;
    size_t n = 0, least = x->tokens.n < y->tokens.n ? x->tokens.n : y->tokens.n;
    while (!d.prompt && n < least && x->tokens.ids[n] == y->tokens.ids[n]) n++;
    v->tokens += (int64_t)n;
    if (!d.prompt && n == x->tokens.n && n == y->tokens.n && x->stop == y->stop) return true;
    d.position = (int64_t)n;
    if (n < x->tokens.n) d.plain = x->tokens.ids[n];
    if (n < y->tokens.n) d.other = y->tokens.ids[n];
    differ(v, d);
    return false;
}

static void compare(const ltd_wiki_work *a, const ltd_wiki_work *b, ltd_wiki_verdict *v)
{
    v->events++;
    if (!a->complete || !b->complete || strcmp(a->method, b->method) != 0 ||
        strcmp(a->key, b->key) != 0) {
        differ(v, (ltd_wiki_difference){.event = a->id, .call = -1});
        return;
    }
    for (int32_t i = 0; i < a->n_calls && i < b->n_calls; i++)
        if (!compare_call(a, b, i, v)) return;
    if (a->n_calls == b->n_calls) return;
    const ltd_wiki_work *longer = a->n_calls > b->n_calls ? a : b;
    int32_t i = a->n_calls < b->n_calls ? a->n_calls : b->n_calls;
    differ(v, (ltd_wiki_difference){.event = a->id,
                                    .call = i,
                                    .stage = longer->call[i].stage,
                                    .prompt = true,
                                    .plain = -1,
                                    .other = -1});
}

/* An article that isn't there is an empty one. */
static int load(const char *out, int64_t id, ltd_wiki_work *ret, ltd_err *err)
{
    char path[PATH_MAX];
    *ret = (ltd_wiki_work){.id = id};
    int rc = ltd_wiki_article_path(out, id, path, sizeof path, err);
    if (rc == LTD_OK && access(path, F_OK) == 0) rc = ltd_wiki_work_load(ret, path, err);
    return rc;
}

static int compare_event(const char *plain, const char *other, int64_t id, ltd_wiki_verdict *v,
                         ltd_err *err)
{
    ltd_wiki_work a, b = {.id = 0};
    int rc = load(plain, id, &a, err);
    if (rc == LTD_OK) rc = load(other, id, &b, err);
    if (rc == LTD_OK) compare(&a, &b, v);
    ltd_wiki_work_fini(&a);
    ltd_wiki_work_fini(&b);
    return rc;
}

static bool holds(const ltd_wiki_ids *ids, int64_t id)
{
    for (int32_t i = 0; i < ids->n; i++)
        if (ids->id[i] == id) return true;
    return false;
}

int ltd_wiki_verify(const char *plain, const char *other, ltd_wiki_verdict *ret, ltd_err *err)
{
    ltd_wiki_ids a = {0}, b = {0};
    ltd_wiki_verdict v = {0};
    int rc = ltd_wiki_article_ids(plain, &a, err);
    if (rc == LTD_OK) rc = ltd_wiki_article_ids(other, &b, err);
    for (int32_t i = 0; rc == LTD_OK && i < a.n; i++)
        rc = compare_event(plain, other, a.id[i], &v, err);
    for (int32_t i = 0; rc == LTD_OK && i < b.n; i++)
        if (!holds(&a, b.id[i])) rc = compare_event(plain, other, b.id[i], &v, err);
    free(a.id);
    free(b.id);
    if (rc == LTD_OK) *ret = v;
    return rc;
}

bool ltd_wiki_unchanged(const ltd_wiki_verdict *v)
{
    return v->differences == 0 && v->events > 0;
}

static void put_first(const ltd_wiki_verdict *v, ltd_str *out)
{
    const ltd_wiki_difference *d = &v->first;
    ltd_str_printf(out, "first: event %" PRId64 ", ", d->event);
    if (d->call < 0)
        ltd_str_puts(out, "whose article is missing, not complete or of another method\n");
    else if (d->prompt)
        ltd_str_printf(out, "call %d (%s): another prompt, or none\n", d->call,
                       ltd_wiki_stage_name(d->stage));
    else
        ltd_str_printf(out, "call %d (%s), token %" PRId64 ": %d, other %d (-1: the end)\n",
                       d->call, ltd_wiki_stage_name(d->stage), d->position, d->plain, d->other);
}

void ltd_wiki_verdict_text(const ltd_wiki_verdict *v, bool same_quality, ltd_str *out)
{
    ltd_str_printf(out, "%d articles, %d calls, %" PRId64 " tokens, %d difference%s\n", v->events,
                   v->calls, v->tokens, v->differences, v->differences == 1 ? "" : "s");
    if (v->differences) put_first(v, out);
    ltd_str_printf(out, "figures of quality: %s\n",
                   same_quality ? "the same, byte for byte" : "they differ");
}

void ltd_wiki_verdict_json(const ltd_wiki_verdict *v, bool same_quality, ltd_str *out)
{
    ltd_json_writer w = ltd_json_writing(out, 2);
    ltd_json_begin_object(&w, NULL);
    ltd_json_put_int(&w, "articles", v->events);
    ltd_json_put_int(&w, "calls", v->calls);
    ltd_json_put_int(&w, "tokens", v->tokens);
    ltd_json_put_int(&w, "differences", v->differences);
    ltd_json_put_bool(&w, "same_quality", same_quality);
    if (v->differences) {
        const ltd_wiki_difference *d = &v->first;
        ltd_json_begin_inline_object(&w, "first");
        ltd_json_put_int(&w, "event", d->event);
        ltd_json_put_int(&w, "call", d->call);
        ltd_json_put_string(&w, "stage", d->call < 0 ? NULL : ltd_wiki_stage_name(d->stage));
        ltd_json_put_bool(&w, "prompt", d->prompt);
        ltd_json_put_int(&w, "token", d->position);
        ltd_json_put_int(&w, "plain", d->plain);
        ltd_json_put_int(&w, "other", d->other);
        ltd_json_end_object(&w);
    }
    ltd_json_end_object(&w);
    ltd_str_puts(out, "\n");
}
