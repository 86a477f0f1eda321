#include "trainer/wiki/write/work.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const char *ltd_wiki_stop_name(ltd_wiki_stop stop)
{
    static const char *const names[] = {"eos", "len", "loop"};
    return names[stop];
}

void ltd_wiki_call_fini(ltd_wiki_call *c)
{
    free(c->section);
    free(c->text);
    ltd_tokens_fini(&c->tokens);
    memset(c, 0, sizeof *c);
}

static void piece_fini(ltd_wiki_piece *p)
{
    for (int32_t i = 0; p->chunk_text && i < p->n_chunks; i++) free(p->chunk_text[i]);
    free(p->chunk_text);
    free(p->chunk);
    free(p->title);
    free(p->text);
    memset(p, 0, sizeof *p);
}

void ltd_wiki_work_cut_calls(ltd_wiki_work *w, int32_t n)
{
    while (w->n_calls > n) ltd_wiki_call_fini(&w->call[--w->n_calls]);
}

void ltd_wiki_work_cut_pieces(ltd_wiki_work *w)
{
    while (w->n_pieces > 0) piece_fini(&w->piece[--w->n_pieces]);
}

void ltd_wiki_work_fini(ltd_wiki_work *w)
{
    ltd_wiki_work_cut_calls(w, 0);
    ltd_wiki_work_cut_pieces(w);
    free(w->call);
    free(w->piece);
    free(w->key);
    memset(w, 0, sizeof *w);
}

int ltd_wiki_work_add_call(ltd_wiki_work *w, ltd_wiki_call *call, ltd_err *err)
{
    ltd_wiki_call *grown = ltd_mem_resize(w->call, (size_t)w->n_calls + 1, sizeof *grown);
    if (!grown) return ltd_fail(err, LTD_ENOMEM, "article %lld: no memory", (long long)w->id);
    w->call = grown;
    w->call[w->n_calls++] = *call;
    memset(call, 0, sizeof *call);
    return LTD_OK;
}

static bool copy_chunks(ltd_wiki_piece *p, const int32_t *chunk, const char *const *text, int32_t n)
{
    p->chunk = ltd_mem_zeros((size_t)n, sizeof *p->chunk);
    p->chunk_text = ltd_mem_zeros((size_t)n, sizeof *p->chunk_text);
    p->n_chunks = n;
    bool ok = p->chunk && p->chunk_text;
    for (int32_t i = 0; ok && i < n; i++) {
        p->chunk[i] = chunk[i];
        p->chunk_text[i] = ltd_mem_strdup(text[i]);
        ok = p->chunk_text[i] != NULL;
    }
    return ok;
}

int ltd_wiki_work_add_piece(ltd_wiki_work *w, const char *title, const char *text,
                            const int32_t *chunk, const char *const *chunk_text, int32_t n_chunks,
                            ltd_err *err)
{
    ltd_wiki_piece *grown = ltd_mem_resize(w->piece, (size_t)w->n_pieces + 1, sizeof *grown);
    ltd_wiki_piece p = {.title = title ? ltd_mem_strdup(title) : NULL,
                        .text = ltd_mem_strdup(text)};
    if (grown) w->piece = grown;
    if (!grown || (title && !p.title) || !p.text || !copy_chunks(&p, chunk, chunk_text, n_chunks)) {
        piece_fini(&p);
        return ltd_fail(err, LTD_ENOMEM, "article %lld: no memory", (long long)w->id);
    }
    w->piece[w->n_pieces++] = p;
    return LTD_OK;
}
