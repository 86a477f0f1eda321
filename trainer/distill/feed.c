#include "trainer/distill/feed.h"

#include <stdlib.h>

#include "base/mem.h"

int ltd_feed_init(ltd_feed *ret, int32_t texts, int32_t room, ltd_err *err)
{
    size_t rows = (size_t)texts + (size_t)room;
    *ret = (ltd_feed){.texts = texts, .room = room};
    ret->text = ltd_mem_zeros((size_t)texts, sizeof *ret->text);
    ret->token = ltd_mem_zeros(rows, sizeof *ret->token);
    ret->owner = ltd_mem_zeros(rows, sizeof *ret->owner);
    ret->position = ltd_mem_zeros(rows, sizeof *ret->position);
    ret->out = ltd_mem_zeros((size_t)texts, sizeof *ret->out);
    if (ret->text && ret->token && ret->owner && ret->position && ret->out) return LTD_OK;
    ltd_feed_fini(ret);
    return ltd_fail(err, LTD_ENOMEM, "%d texts side by side: no memory", texts);
}

void ltd_feed_fini(ltd_feed *f)
{
    free(f->text);
    free(f->token);
    free(f->owner);
    free(f->position);
    free(f->out);
    *f = (ltd_feed){0};
}

static int32_t waiting(const ltd_feed_text *t)
{
    return t->tokens ? (int32_t)t->tokens->n - t->fed : 0;
}

static void take(ltd_feed *f, int32_t i, int32_t n)
{
    ltd_feed_text *t = &f->text[i];
    for (int32_t k = 0; k < n; k++, f->n++) {
        f->position[f->n] = t->fed;
        f->token[f->n] = t->tokens->ids[t->fed++];
        f->owner[f->n] = i;
    }
}

int ltd_feed_forward(ltd_feed *f, ltd_session *session, ltd_err *err)
{
    int32_t room = f->room;
    f->n = f->n_out = 0;
    /* Rows without output come first. */
    for (int32_t i = 0; i < f->texts; i++) {
        int32_t more = waiting(&f->text[i]) - 1;
        if (more < 1) continue;
        int32_t n = more < room ? more : room;
        take(f, i, n);
        room -= n;
    }
    for (int32_t i = 0; i < f->texts; i++) {
        if (waiting(&f->text[i]) != 1) continue;
        take(f, i, 1);
        f->out[f->n_out++] = i;
    }
    ltd_rows rows = {f->n, f->token, NULL, f->n_out};
    return ltd_session_append(session, &rows, f->owner, err);
}

int32_t ltd_feed_row(const ltd_feed *f, int32_t k)
{
    return f->n - f->n_out + k;
}
