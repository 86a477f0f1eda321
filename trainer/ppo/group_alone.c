/* A program that was built without MPI: there is never anybody else. */
#include "trainer/ppo/group_priv.h"

int ltd_group_open(ltd_group **ret, ltd_err *err)
{
    const char *name;
    int32_t size = ltd_group_launched(&name);
    *ret = NULL;
    if (size == 1) return LTD_OK;
    return ltd_fail(err, LTD_EUNSUPPORTED,
                    "started as one of %d processes (%s), but built without MPI: they would all "
                    "train the same run.  Install libopenmpi-dev and build again",
                    size, name);
}
