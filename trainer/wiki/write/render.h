/* A finished article for readers: Markdown, wikitext.
 *
 *     ltd_wiki_render(&work, chunks, LTD_WIKI_MARKDOWN, &text, &err);
 *
 * Marks are numbered over the whole article in the order they are first used; marks that mean no
 * chunk are left out.
 * Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_RENDER_H
#define LTD_TRAINER_WIKI_RENDER_H

#include "trainer/wiki/pages/chunks.h"
#include "trainer/wiki/write/work.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_wiki_form {
    LTD_WIKI_MARKDOWN, /* # title, ## sections, [n], ## References with [n] title - url */
    LTD_WIKI_WIKITEXT  /* ==S==, <ref name="n">...</ref> where n is first used */
} ltd_wiki_form;

/* Append it.  Sources are pages: two chunks of one page have one number.  LTD_ENOMEM; LTD_EINVAL: a
 * chunk that the event hasn't got. */
int ltd_wiki_render(const ltd_wiki_work *work, const ltd_wiki_chunks *chunks, ltd_wiki_form form,
                    ltd_str *out, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
