/* Records on disk: a folder of parts, each an HDF5 file that is whole or absent (checkpoint.h),
 * with some texts each.  A killed recording loses the texts since the last part, and goes on.
 *
 *     ltd_trace trace = {0};
 *     int32_t parts;
 *     ltd_trace_dir_load(&trace, "traces/a", identity, &parts, &err);        nothing yet: LTD_OK
 *     ... ltd_record_text(&trace, ...)
 *     ltd_trace_dir_add(&trace, first_new, "traces/a", identity, parts++, &err);
 *
 * Thread rule: one thread at a time. */
#ifndef LTD_TRAINER_TRACE_DIR_H
#define LTD_TRAINER_TRACE_DIR_H

#include "base/status.h"
#include "env/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Append the texts of all parts to *trace; a zero one takes their heads' shape, too.  `identity`
 * tells what a record follows from (model, head, template, widths); NULL takes any.  *parts: how
 * many there are.  LTD_EIO; LTD_EFORMAT, LTD_EUNSUPPORTED: a damaged part, by name; LTD_EINVAL:
 * made with another identity, or unlike *trace; LTD_ENOMEM. */
int ltd_trace_dir_load(ltd_trace *trace, const char *folder, const char *identity, int32_t *parts,
                       ltd_err *err);
/* Write the texts from `first` on as part number `part`.  LTD_EIO, LTD_ENOMEM. */
int ltd_trace_dir_add(const ltd_trace *trace, int32_t first, const char *folder,
                      const char *identity, int32_t part, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
