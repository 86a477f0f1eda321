#include "trainer/checkpoint/h5.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <hdf5.h>

static_assert(_Generic((hid_t)0, int64_t : 1, default : 0), "hid_t is int64_t");

ltd_h5_quiet ltd_h5_begin(void)
{
    ltd_h5_quiet quiet = {NULL, NULL};
    H5Eget_auto2(H5E_DEFAULT, &quiet.function, &quiet.data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return quiet;
}

void ltd_h5_end(ltd_h5_quiet quiet)
{
    H5Eset_auto2(H5E_DEFAULT, quiet.function, quiet.data);
}

/* The walk goes from the innermost frame outwards; the first one says why. */
static herr_t take_first(unsigned n, const H5E_error2_t *frame, void *ctx)
{
    char *reason = ctx;
    if (n == 0 && frame->desc) snprintf(reason, 128, "%s", frame->desc);
    return 0;
}

int ltd_h5_fail(ltd_err *err, const char *fmt, ...)
{
    char reason[128] = "", what[240];
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, reason);
    H5Eclear2(H5E_DEFAULT);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return ltd_fail(err, LTD_EHDF5, "%s: %s", what, reason[0] ? reason : "HDF5 refused");
}

void ltd_h5_close(int64_t id)
{
    if (id >= 0) H5Idec_ref(id);
}
