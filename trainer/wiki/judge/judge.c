#include "trainer/wiki/judge/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/wiki/judge/judge_prompts.h"

static const ltd_wiki_judge_scale SCALES[LTD_WIKI_JUDGE_KINDS] = {
    [LTD_WIKI_NLI] = {"nli", 1, 0, 1},         [LTD_WIKI_FLUENCY_INFO] = {"fluency_info", 3, 0, 5},
    [LTD_WIKI_OUTLINE] = {"outline", 1, 0, 5}, [LTD_WIKI_ORGANIZATION] = {"organization", 1, 1, 5},
    [LTD_WIKI_FOCUS] = {"focus", 1, 1, 5},     [LTD_WIKI_COVERAGE] = {"coverage", 1, 1, 5},
};

const ltd_wiki_judge_scale *ltd_wiki_judge_scale_of(ltd_wiki_judge_kind kind)
{
    return &SCALES[kind];
}

int ltd_wiki_judge_kind_of(const char *name)
{
    for (int i = 0; i < LTD_WIKI_JUDGE_KINDS; i++)
        if (strcmp(SCALES[i].name, name) == 0) return i;
    return -1;
}

/* --- the list --- */

static void request_fini(ltd_wiki_request *r)
{
    free(r->id);
    free(r->event);
    free(r->method);
    free(r->premise);
    free(r->hypothesis);
    free(r->system);
    free(r->user);
    *r = (ltd_wiki_request){0};
}

void ltd_wiki_requests_cut(ltd_wiki_requests *requests, size_t n)
{
    while (requests->n > n) request_fini(&requests->list[--requests->n]);
}

void ltd_wiki_requests_fini(ltd_wiki_requests *requests)
{
    ltd_wiki_requests_cut(requests, 0);
    free(requests->list);
    *requests = (ltd_wiki_requests)LTD_WIKI_REQUESTS_INIT;
}

/* A copy; false: no memory. */
static bool copy(char **ret, const char *s)
{
    *ret = s ? ltd_mem_strdup(s) : NULL;
    return !s || *ret;
}

int ltd_wiki_requests_add(ltd_wiki_requests *requests, const ltd_wiki_request *from, ltd_err *err)
{
    void *list = requests->list;
    bool fits = ltd_mem_reserve(&list, &requests->room, requests->n + 1, sizeof *requests->list);
    requests->list = list;
    ltd_wiki_request r = {.kind = from->kind};
    fits = fits && copy(&r.id, from->id) && copy(&r.event, from->event) &&
           copy(&r.method, from->method) && copy(&r.premise, from->premise) &&
           copy(&r.hypothesis, from->hypothesis) && copy(&r.system, from->system) &&
           copy(&r.user, from->user);
    if (!fits) {
        request_fini(&r);
        return ltd_fail(err, LTD_ENOMEM, "judge: no memory for request %zu", requests->n);
    }
    requests->list[requests->n++] = r;
    return LTD_OK;
}

/* --- what an article gives --- */

const char *ltd_wiki_cited(const ltd_wiki_judging *judging, const ltd_wiki_sentence *sentence,
                           int32_t i)
{
    if (sentence->part < 0 || sentence->part >= judging->n_parts) return NULL;
    const ltd_wiki_part *part = &judging->part[sentence->part];
    int32_t mark = sentence->cites[i];
    return mark < 1 || mark > part->n ? NULL : part->chunk[mark - 1];
}

void ltd_wiki_judge_id(ltd_str *ret, const ltd_wiki_judging *judging, ltd_wiki_judge_kind kind,
                       int32_t sentence, int32_t mark)
{
    ltd_str_clear(ret);
    ltd_str_printf(ret, "%" PRId64 "/%s/%s/", judging->event->id, judging->method,
                   SCALES[kind].name);
    if (kind == LTD_WIKI_NLI)
        ltd_str_printf(ret, "%d/%d", sentence + 1, mark);
    else
        ltd_str_puts(ret, "1");
}

/* Text before any heading has a section without title. */
static void put_heading(ltd_str *out, const ltd_wiki_section *section)
{
    if (out->len) ltd_str_puts(out, "\n\n");
    if (*section->title) ltd_str_printf(out, "== %s ==\n", section->title);
}

/* The article with headings and without marks, which would tell a grader of its style what wrote
 * it.  A section without sentences shows as such. */
static void put_article(ltd_str *out, const ltd_wiki_article *a)
{
    int32_t open = 0; /* sections that were begun */
    for (int32_t i = 0; i < a->n_sentences; i++) {
        const ltd_wiki_sentence *s = &a->sentence[i];
        for (; open <= s->section && open < a->n_sections; open++)
            put_heading(out, &a->section[open]);
        if (out->len && out->data[out->len - 1] != '\n') ltd_str_puts(out, " ");
        ltd_str_puts(out, s->text);
    }
    for (; open < a->n_sections; open++) put_heading(out, &a->section[open]);
    if (!out->len) ltd_str_puts(out, "(empty)");
}

static void put_outline(ltd_str *out, const ltd_wiki_article *a)
{
    for (int32_t i = 0; i < a->n_sections; i++)
        if (*a->section[i].title) ltd_str_printf(out, "- %s\n", a->section[i].title);
    if (!out->len) ltd_str_puts(out, "(no headings)\n");
}

/* Room for the texts of one article. */
typedef struct maker {
    ltd_wiki_requests *to;
    const ltd_wiki_judging *what;
    char event[24];
    ltd_str id, article, outline, user;
} maker;

static int add(maker *m, ltd_wiki_request *r, ltd_err *err)
{
    if (m->id.failed || m->article.failed || m->outline.failed || m->user.failed)
        return ltd_fail(err, LTD_ENOMEM, "judge: no memory for event %s", m->event);
    r->id = (char *)ltd_str_text(&m->id);
    r->event = m->event;
    r->method = (char *)m->what->method;
    return ltd_wiki_requests_add(m->to, r, err);
}

static int add_grades(maker *m, ltd_err *err)
{
    int rc = LTD_OK;
    put_article(&m->article, m->what->article);
    put_outline(&m->outline, m->what->article);
    for (int kind = LTD_WIKI_FLUENCY_INFO; rc == LTD_OK && kind < LTD_WIKI_JUDGE_KINDS; kind++) {
        const ltd_str *body = kind == LTD_WIKI_OUTLINE ? &m->outline : &m->article;
        ltd_str_clear(&m->user);
        ltd_wiki_judge_user(&m->user, (ltd_wiki_judge_kind)kind, m->what->event->key,
                            ltd_str_text(body));
        ltd_wiki_judge_id(&m->id, m->what, (ltd_wiki_judge_kind)kind, 0, 0);
        rc = add(
            m,
            &(ltd_wiki_request){.kind = (ltd_wiki_judge_kind)kind,
                                .system = (char *)ltd_wiki_judge_system((ltd_wiki_judge_kind)kind),
                                .user = (char *)ltd_str_text(&m->user)},
            err);
    }
    return rc;
}

bool ltd_wiki_cited_before(const ltd_wiki_sentence *s, int32_t i)
{
    for (int32_t k = 0; k < i; k++)
        if (s->cites[k] == s->cites[i]) return true;
    return false;
}

static int add_entailment(maker *m, ltd_err *err)
{
    int rc = LTD_OK;
    const ltd_wiki_article *a = m->what->article;
    for (int32_t i = 0; rc == LTD_OK && i < a->n_sentences; i++) {
        const ltd_wiki_sentence *s = &a->sentence[i];
        for (int32_t k = 0; rc == LTD_OK && k < s->n_cites; k++) {
            const char *chunk = ltd_wiki_cited(m->what, s, k);
            if (!chunk || ltd_wiki_cited_before(s, k)) continue;
            ltd_wiki_judge_id(&m->id, m->what, LTD_WIKI_NLI, i, s->cites[k]);
            rc = add(m,
                     &(ltd_wiki_request){.kind = LTD_WIKI_NLI,
                                         .premise = (char *)chunk,
                                         .hypothesis = (char *)s->text},
                     err);
        }
    }
    return rc;
}

int ltd_wiki_judge_ask(ltd_wiki_requests *requests, const ltd_wiki_judging *judging, ltd_err *err)
{
    if (!*judging->method || strchr(judging->method, '/'))
        return ltd_fail(err, LTD_EINVAL, "judge: method '%s', expected a name without '/'",
                        judging->method);
    maker m = {.to = requests, .what = judging};
    size_t n = requests->n;
    snprintf(m.event, sizeof m.event, "%" PRId64, judging->event->id);
    int rc = add_grades(&m, err);
    if (rc == LTD_OK) rc = add_entailment(&m, err);
    if (rc < 0) ltd_wiki_requests_cut(requests, n);
    ltd_str_fini(&m.id);
    ltd_str_fini(&m.article);
    ltd_str_fini(&m.outline);
    ltd_str_fini(&m.user);
    return rc;
}
