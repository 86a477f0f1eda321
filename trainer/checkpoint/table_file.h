/* A table of a policy (agents/table.h) inside a checkpoint: entries policy/table/... of
 * docs/formats.md. */
#ifndef LTD_TRAINER_TABLE_FILE_H
#define LTD_TRAINER_TABLE_FILE_H

#include "agents/table.h"
#include "base/status.h"
#include "trainer/checkpoint/checkpoint.h"

#ifdef __cplusplus
extern "C" {
#endif

void ltd_table_put(const ltd_table *table, ltd_checkpoint_writer *w);
/* *ret NULL: it has none.  LTD_EFORMAT, LTD_ENOMEM.  *ret owned: free(). */
int ltd_table_get(ltd_table **ret, const ltd_checkpoint *c, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
