#include "trainer/wiki/write/render.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/wiki/write/article.h"

/* Pages that marks mean, in the order of their numbers 1, 2, ... */
typedef struct sources {
    int32_t *of; /* [n] */
    int32_t n;
} sources;

typedef struct printer {
    const ltd_wiki_work *work;
    const ltd_wiki_chunks *chunks;
    ltd_wiki_form form;
    sources cited;
    ltd_str *out;
} printer;

static int no_memory(ltd_err *err)
{
    return ltd_fail(err, LTD_ENOMEM, "article: no memory");
}

/* The number of what mark k of a piece means, new ones at the end; 0: nothing. */
static int number_of(printer *p, int32_t piece, int32_t k, int32_t *number, bool *fresh,
                     ltd_err *err)
{
    const ltd_wiki_piece *t = &p->work->piece[piece];
    *number = 0;
    *fresh = false;
    if (k < 1 || k > t->n_chunks) return LTD_OK;
    int32_t source = t->chunk[k - 1];
    if (source >= p->chunks->n)
        return ltd_fail(err, LTD_EINVAL, "article %lld: chunk %d, the event has %d",
                        (long long)p->work->id, source, p->chunks->n);
    source = p->chunks->chunk[source].doc;
    int32_t i = 0;
    while (i < p->cited.n && p->cited.of[i] != source) i++;
    *number = i + 1;
    if (i < p->cited.n) return LTD_OK;
    int32_t *grown = ltd_mem_resize(p->cited.of, (size_t)p->cited.n + 1, sizeof *grown);
    if (!grown) return no_memory(err);
    p->cited.of = grown;
    p->cited.of[p->cited.n++] = source;
    *fresh = true;
    return LTD_OK;
}

static const ltd_wiki_page *page_of(const printer *p, int32_t number)
{
    return &p->chunks->event->pages[p->cited.of[number - 1]];
}

/* Neither ends the link, nor the line. */
static void put_url(printer *p, const char *url)
{
    for (; *url; url++) {
        unsigned char c = (unsigned char)*url;
        if (c <= ' ' || strchr("[]<>\"", c))
            ltd_str_printf(p->out, "%%%02X", c);
        else
            ltd_str_push(p->out, url, 1);
    }
}

static void put_title(printer *p, const char *title)
{
    for (; *title; title++) ltd_str_push(p->out, (unsigned char)*title < ' ' ? " " : title, 1);
}

/* The title of an external link, which would end at a bracket, or begin something at '<'. */
static void put_link(printer *p, const ltd_wiki_page *page)
{
    ltd_str_puts(p->out, "[");
    put_url(p, page->url);
    ltd_str_puts(p->out, " ");
    for (const char *c = page->title; *c; c++) {
        if ((unsigned char)*c < ' ')
            ltd_str_puts(p->out, " ");
        else if (*c == ']')
            ltd_str_puts(p->out, "&#93;");
        else if (*c == '<')
            ltd_str_puts(p->out, "&lt;");
        else
            ltd_str_push(p->out, c, 1);
    }
    ltd_str_puts(p->out, "]");
}

static int put_mark(printer *p, int32_t piece, int32_t k, ltd_err *err)
{
    int32_t number;
    bool fresh;
    int rc = number_of(p, piece, k, &number, &fresh, err);
    if (rc < 0 || !number) return rc;
    if (p->form != LTD_WIKI_WIKITEXT)
        ltd_str_printf(p->out, "[%d]", number);
    else if (!fresh)
        ltd_str_printf(p->out, "<ref name=\"%d\" />", number);
    else {
        ltd_str_printf(p->out, "<ref name=\"%d\">", number);
        put_link(p, page_of(p, number));
        ltd_str_puts(p->out, "</ref>");
    }
    return LTD_OK;
}

static int put_sentence(printer *p, const ltd_wiki_sentence *s, bool first, ltd_err *err)
{
    int rc = LTD_OK;
    ltd_str_printf(p->out, "%s%s", first ? "" : " ", s->text);
    for (int32_t i = 0; rc == LTD_OK && i < s->n_cites; i++)
        rc = put_mark(p, s->part, s->cites[i], err);
    return rc;
}

static void put_heading(printer *p, const char *title)
{
    if (!title[0]) return;
    if (p->form == LTD_WIKI_MARKDOWN)
        ltd_str_printf(p->out, "## %s\n\n", title);
    else
        ltd_str_printf(p->out, "==%s==\n", title);
}

static int put_article(printer *p, const ltd_wiki_article *a, ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < a->n_sections; i++) {
        const ltd_wiki_section *s = &a->section[i];
        put_heading(p, s->title);
        for (int32_t j = 0; rc == LTD_OK && j < s->n; j++)
            rc = put_sentence(p, &a->sentence[s->first + j], j == 0, err);
        ltd_str_puts(p->out, p->form == LTD_WIKI_MARKDOWN ? "\n\n" : "\n");
    }
    return rc;
}

/* A line each of what was cited. */
static void put_references(printer *p)
{
    if (!p->cited.n) return;
    if (p->form == LTD_WIKI_WIKITEXT) {
        ltd_str_puts(p->out, "==References==\n<references />\n");
        return;
    }
    ltd_str_puts(p->out, "## References\n\n");
    for (int32_t i = 1; i <= p->cited.n; i++) {
        ltd_str_printf(p->out, "[%d] ", i);
        put_title(p, page_of(p, i)->title);
        ltd_str_puts(p->out, " - ");
        put_url(p, page_of(p, i)->url);
        ltd_str_puts(p->out, "\n");
    }
}

static int print_pieces(printer *p, ltd_err *err)
{
    int32_t n = p->work->n_pieces;
    const char **text = ltd_mem_zeros((size_t)n, sizeof *text);
    ltd_wiki_article *a = NULL;
    if (!text) return no_memory(err);
    for (int32_t i = 0; i < n; i++) text[i] = p->work->piece[i].text;
    int rc = ltd_wiki_article_parse(&a, text, n, err);
    if (rc == LTD_OK) rc = put_article(p, a, err);
    ltd_wiki_article_free(a);
    free(text);
    return rc;
}

int ltd_wiki_render(const ltd_wiki_work *work, const ltd_wiki_chunks *chunks, ltd_wiki_form form,
                    ltd_str *out, ltd_err *err)
{
    printer p = {.work = work, .chunks = chunks, .form = form, .out = out};
    if (p.form == LTD_WIKI_MARKDOWN) ltd_str_printf(out, "# %s\n\n", work->key);
    int rc = print_pieces(&p, err);
    if (rc == LTD_OK) put_references(&p);
    free(p.cited.of);
    return rc == LTD_OK && out->failed ? no_memory(err) : rc;
}
