/* Survival curves (survival.h) as files. */
#ifndef LTD_ENV_SURVIVAL_FILE_H
#define LTD_ENV_SURVIVAL_FILE_H

#include "base/status.h"
#include "env/survival.h"

#ifdef __cplusplus
extern "C" {
#endif

/* JSON, written atomically.  LTD_EIO, LTD_ENOMEM. */
int ltd_survival_save(const ltd_survival *s, const char *path, ltd_err *err);
/* LTD_EIO, LTD_EFORMAT.  *ret owned: free(). */
int ltd_survival_load(ltd_survival **ret, const char *path, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
