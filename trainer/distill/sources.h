/* From a configuration to the data of a draft head: the writer's and the filter's options, users'
 * messages that are to be answered, and evaluation prompts that must not be among the texts.
 *
 *     ltd_sources_open(&src, setup, "runs/a", &err);
 *     ltd_data_write(src.data, setup->model, tok, setup->chat, &watch, &err);
 *
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_DISTILL_SOURCES_H
#define LTD_TRAINER_DISTILL_SOURCES_H

#include "trainer/config/setup.h"
#include "trainer/distill/data.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_sources {
    ltd_data *data;
    int32_t taps[4];    /* the head's three, and what leaves the last layer */
    ltd_prompts *given; /* NULL: none */
    const char **messages;
} ltd_sources;

/* `run` is the run's folder, in which the data lie unless distill.data says otherwise.  LTD_EINVAL:
 * the model has no chat template or tokenizer, or a key can't be; LTD_EIO, LTD_EFORMAT: a prompt
 * file; errors of ltd_data_open.  *ret is to be closed in any case. */
int ltd_sources_open(ltd_sources *ret, const ltd_setup *setup, const char *run, ltd_err *err);
void ltd_sources_close(ltd_sources *s);

#ifdef __cplusplus
}
#endif
#endif
