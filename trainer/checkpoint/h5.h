/* Small helpers over HDF5's C API: a silenced error stack that becomes an ltd_err, and one way to
 * close any handle.  Private to the files of trainer/ that touch HDF5.
 *
 *     ltd_h5_quiet quiet = ltd_h5_begin();
 *     hid_t space = H5Screate_simple(n, dims, NULL);
 *     if (space < 0) rc = ltd_h5_fail(err, "cannot make a space");
 *     ltd_h5_close(space);
 *     ltd_h5_end(quiet);
 *
 * Includes no hdf5.h: a handle (hid_t) is an int64_t, which h5.c asserts.
 * Thread rule: one thread at a time. */
#ifndef LTD_TRAINER_H5_H
#define LTD_TRAINER_H5_H

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How HDF5 printed errors before. */
typedef struct ltd_h5_quiet {
    int (*function)(int64_t stack, void *data);
    void *data;
} ltd_h5_quiet;

/* Stop HDF5 from printing; end puts the old way back. */
ltd_h5_quiet ltd_h5_begin(void);
void ltd_h5_end(ltd_h5_quiet quiet);

/* LTD_EHDF5 with `what` and the innermost reason on HDF5's stack, which is emptied. */
int ltd_h5_fail(ltd_err *err, const char *fmt, ...) LTD_PRINTF(2, 3);

/* Close a handle of any kind; negative ones are fine. */
void ltd_h5_close(int64_t id);

#ifdef __cplusplus
}
#endif
#endif
