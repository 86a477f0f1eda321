/* Where the code that was released with the paper does otherwise than the paper says: every known
 * difference by name, with the configuration keys that switch it on, or why it is not offered.
 *
 *     ltd_compat_apply(&config, "official", &err);            all that are offered
 *     ltd_compat_apply(&config, "tanh,rollout-128", &err);    these
 *
 * Knows keys by name only.  Thread rule: pure functions over a static table. */
#ifndef LTD_TRAINER_COMPAT_H
#define LTD_TRAINER_COMPAT_H

#include "base/status.h"
#include "base/str.h"
#include "trainer/config/config.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_COMPAT_KEYS = 4 };

typedef struct ltd_compat {
    const char *name;
    const char *keys[LTD_COMPAT_KEYS]; /* "train.lr=0.0003", NULL-padded; none: not offered */
    const char *code;                  /* what the released code does */
    const char *paper;                 /* what the paper says */
    const char *why_not;               /* NULL: offered */
} ltd_compat;

/* Those that are offered come first.  Static storage; NULL beyond the last. */
const ltd_compat *ltd_compat_at(size_t i);

/* Lay the keys of differences, "official" (all) or names with commas between, over `config`.
 * LTD_EINVAL: no such name, or one that is not offered, with the reason.  No check across keys.  On
 * failure *config is untouched. */
int ltd_compat_apply(ltd_config *config, const char *names, ltd_err *err);

/* Append what `--compat list` shows: each with its keys and what the two say. */
void ltd_compat_list(ltd_str *out);
/* Append configs/compat/official.yaml: all that are offered as a configuration file. */
void ltd_compat_yaml(ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
