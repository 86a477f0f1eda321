/* What `data` of a Stable-Baselines3 zip says about the activation.  Private to models/files. */
#ifndef LTD_MODELS_FILES_SB3_PRIV_H
#define LTD_MODELS_FILES_SB3_PRIV_H

#include <stddef.h>

#include "base/status.h"

enum { LTD_SB3_CLASS = 96 };

typedef struct ltd_sb3_activation_found {
    char name[LTD_SB3_CLASS]; /* as ltd_sb3_activation() */
    const char *source;       /* as ltd_sb3_activation_source(), static storage */
} ltd_sb3_activation_found;

/* Of the JSON in text[n]; `name` begins messages.  LTD_EFORMAT: broken JSON, or no object. */
int ltd_sb3_find_activation(ltd_sb3_activation_found *ret, const char *text, size_t n,
                            const char *name, ltd_err *err);

#endif
