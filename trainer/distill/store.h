/* The conversations that a model wrote, in a folder of parts: each a file that is whole or absent,
 * so a killed run loses what it had not saved, and nothing else.
 *
 *     ltd_store *s;
 *     ltd_store_open(&s, "runs/a/data", identity, &err);
 *     if (!ltd_store_has(s, c.number)) ltd_store_add(s, &c, &err);
 *     ltd_store_save(s, &err);                             now and then, and at the end
 *
 * All tokens are kept in memory, 4 bytes each; features, which lie in a file beside their part, are
 * mapped.  Thread rule: one thread; what _at gives may be read by any. */
#ifndef LTD_TRAINER_DISTILL_STORE_H
#define LTD_TRAINER_DISTILL_STORE_H

#include "base/status.h"
#include "trainer/distill/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_store ltd_store;

/* Make the folder, or read what is there.  `identity` tells what conversations follow from: model,
 * template, options, seed.  `taps` tells what features are, of `width` values a token; those of
 * other taps are passed over, as if there were none; width 0: none are kept.  LTD_EINVAL: the parts
 * were made with another identity; LTD_EIO, LTD_EFORMAT, LTD_EUNSUPPORTED (a damaged part is
 * named), LTD_ENOMEM.  *ret owned. */
int ltd_store_open(ltd_store **ret, const char *folder, const char *identity, const char *taps,
                   int32_t width, ltd_err *err);
void ltd_store_free(ltd_store *s);

bool ltd_store_has(const ltd_store *s, uint64_t number);
/* Copies, features too.  LTD_EINVAL: the number is there, or features where none
 * are kept, or none where they are; LTD_ENOMEM. */
int ltd_store_add(ltd_store *s, const ltd_conversation *c, ltd_err *err);
/* What was added since becomes a part; nothing is written when that is nothing.  LTD_EIO. */
int ltd_store_save(ltd_store *s, ltd_err *err);

size_t ltd_store_count(const ltd_store *s);
/* The i-th in the order of numbers, features NULL where none are kept; borrowed until the next add
 * or save. */
ltd_conversation ltd_store_at(const ltd_store *s, size_t i);
/* Tokens of all answers. */
uint64_t ltd_store_answer_tokens(const ltd_store *s);

#ifdef __cplusplus
}
#endif
#endif
