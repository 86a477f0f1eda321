/* What a draft head is trained on: conversations that the model writes until there is enough of
 * them, and those of them that the filter keeps.
 *
 *     ltd_data *d;
 *     ltd_data_open(&d, "runs/a/data", &options, &err);
 *     ltd_data_write(d, model, tok, chat, &progress, &err);    goes on where it was stopped
 *     ltd_conversation c = ltd_data_at(d, i);
 *
 * Which conversations there are follows from the options alone: neither from where a run was
 * stopped nor from how many were written side by side.
 * Thread rule: one thread; what _at gives may be read by any. */
#ifndef LTD_TRAINER_DISTILL_DATA_H
#define LTD_TRAINER_DISTILL_DATA_H

#include "base/clock.h"
#include "base/status.h"
#include "trainer/distill/filter.h"
#include "trainer/distill/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_data_options {
    ltd_writer_options writer; /* skip and limit are set here */
    ltd_filter_options filter;
    uint64_t answer_tokens; /* that are wanted, of conversations that are kept */
    bool keep_features;     /* on disk, else they are to be computed when they are needed */
    const char *model_hash, *chat_name; /* what conversations follow from, beside the options */
} ltd_data_options;

typedef struct ltd_data ltd_data;

typedef struct ltd_data_progress {
    uint64_t answer_tokens; /* of all conversations that are there, kept or not */
    uint64_t wanted;        /* estimate of what answer_tokens has to become */
    uint64_t before;        /* answer_tokens when this run began */
    uint64_t conversations;
    double rows_s, answer_tokens_s, rows_per_forward; /* of this run */
} ltd_data_progress;

typedef struct ltd_data_watch {
    void (*tell)(void *ctx, const ltd_data_progress *p); /* now and then; NULL: nothing is told */
    void *ctx;
    const volatile int *stop; /* not 0: save and return LTD_ECANCELED */
    ltd_clock clock;
} ltd_data_watch;

/* Open or make the folder.  Errors as of ltd_store_open and ltd_filter_new.  *ret owned; what
 * options point to is borrowed. */
int ltd_data_open(ltd_data **ret, const char *folder, const ltd_data_options *options,
                  int32_t hidden, ltd_err *err);
void ltd_data_free(ltd_data *d);

/* No conversation that is kept shares a gram with this text.  Before ltd_data_write.  LTD_ENOMEM.
 */
int ltd_data_exclude(ltd_data *d, const int32_t *ids, int32_t n, ltd_err *err);

/* Write until there is enough, saving now and then.  LTD_ECANCELED, LTD_EIO, LTD_ENOMEM;
 * LTD_EINVAL: the model writes nothing that the filter keeps. */
int ltd_data_write(ltd_data *d, const ltd_llama *model, const ltd_tokenizer *tok,
                   const ltd_chat *chat, const ltd_data_watch *watch, ltd_err *err);

/* Those that are kept, in the order of their numbers. */
size_t ltd_data_count(const ltd_data *d);
ltd_conversation ltd_data_at(const ltd_data *d, size_t i);
uint64_t ltd_data_answer_tokens(const ltd_data *d);
/* Conversations by verdict. */
uint64_t ltd_data_judged(const ltd_data *d, ltd_verdict verdict);

#ifdef __cplusplus
}
#endif
#endif
