/* A row of the bench as an author of articles: plain decoding, a fixed setting, a rule, a policy.
 *
 *     ltd_wiki_decoder *d;
 *     ltd_wiki_decoder_new(&d, &setup, "ltd", &rows, &err);
 *     ltd_wiki_author author = ltd_wiki_decoder_author(d);
 *     ltd_wiki_decoder_free(d);
 *
 * Messages go through the chat template of the setup; answers end at the end token, at their
 * length, or where they loop (env.loop_stop), at the same token under every decoder. Thread rule:
 * one thread. */
#ifndef LTD_TRAINER_WIKI_DECODER_H
#define LTD_TRAINER_WIKI_DECODER_H

#include "trainer/bench/bench.h"
#include "trainer/config/setup.h"
#include "trainer/wiki/write/write.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_wiki_decoder ltd_wiki_decoder;

/* `name` as in bench.policies; `rows` brings what such a row needs (tuned, policy, rules).
 * LTD_EINVAL: an unknown row, or one that needs what isn't there.  Setup and rows are borrowed.
 * *ret owned. */
int ltd_wiki_decoder_new(ltd_wiki_decoder **ret, const ltd_setup *s, const char *name,
                         const ltd_bench_options *rows, ltd_err *err);
void ltd_wiki_decoder_free(ltd_wiki_decoder *d);

/* `kept` is NULL; `stop` (may be NULL) is asked before each answer: LTD_ECANCELED. */
ltd_wiki_author ltd_wiki_decoder_author(ltd_wiki_decoder *d);
void ltd_wiki_decoder_watch(ltd_wiki_decoder *d, const volatile int *stop);

/* Counts tokens as the decoder does, for prompts alone. */
ltd_wiki_counter ltd_wiki_setup_counter(const ltd_setup *s);

#ifdef __cplusplus
}
#endif
#endif
