/* Which events a policy is trained on, chosen by, and tested on.
 *
 *     ltd_wiki_split split;
 *     ltd_wiki_split_of(&split, root, &err);
 *     split.part[LTD_WIKI_EVAL].id[i]
 *     ltd_wiki_split_fini(&split);
 *
 * <root>/split.json when there is one ({"train": [ids], "eval": [ids], "final": [ids]}, "valid"
 * too); else by the SHA-1 of the ids' decimal digits: of 40 events 30 to train with, 10 to test;
 * some to test in any case. Without a list of its own the last fifth of the training events
 * validates. Thread rule: plain data. */
#ifndef LTD_TRAINER_WIKI_SPLIT_H
#define LTD_TRAINER_WIKI_SPLIT_H

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ltd_wiki_part_of {
    LTD_WIKI_TRAIN,
    LTD_WIKI_VALID,
    LTD_WIKI_EVAL,
    LTD_WIKI_FINAL, /* of split.json alone */
    LTD_WIKI_SPLITS
} ltd_wiki_part_of;

typedef struct ltd_wiki_ids {
    int64_t *id; /* [n] owned */
    int32_t n;
} ltd_wiki_ids;

typedef struct ltd_wiki_split {
    ltd_wiki_ids part[LTD_WIKI_SPLITS];
} ltd_wiki_split;

/* LTD_EIO: no events; LTD_EFORMAT: a broken split.json, or one that names an event which isn't
 * there or one twice.  *ret owned: fini. */
int ltd_wiki_split_of(ltd_wiki_split *ret, const char *root, ltd_err *err);
void ltd_wiki_split_fini(ltd_wiki_split *split);
/* "train", "valid", "eval", "final". */
const char *ltd_wiki_split_name(ltd_wiki_part_of part);

#ifdef __cplusplus
}
#endif
#endif
