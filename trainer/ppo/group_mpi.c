/* OpenMPI carries the bytes: non-blocking collectives, and notes as small messages. */
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/ppo/group_priv.h"

enum { NOTE_TAG = 1 };

typedef struct mpi_group {
    ltd_group group; /* first: the two are cast into each other */
    MPI_Request request, note_request;
    ltd_group_note in, *out; /* under way; out [size] owned */
} mpi_group;

/* What MPI says of a call. */
static int check(int code, const char *what, ltd_err *err)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int n;
    if (code == MPI_SUCCESS) return LTD_OK;
    MPI_Error_string(code, text, &n);
    return ltd_fail(err, LTD_EIO, "%s: %.200s", what, text);
}

static int gather(ltd_group *g, const void *mine, void *all, size_t bytes, ltd_err *err)
{
    return check(MPI_Igather(mine, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, 0,
                             MPI_COMM_WORLD, &((mpi_group *)g)->request),
                 "MPI_Igather", err);
}

static int share(ltd_group *g, void *v, size_t bytes, ltd_err *err)
{
    return check(MPI_Ibcast(v, (int)bytes, MPI_BYTE, 0, MPI_COMM_WORLD, &((mpi_group *)g)->request),
                 "MPI_Ibcast", err);
}

static int test(ltd_group *g, bool *done, ltd_err *err)
{
    int flag = 0;
    int rc = check(MPI_Test(&((mpi_group *)g)->request, &flag, MPI_STATUS_IGNORE), "MPI_Test", err);
    *done = flag != 0;
    return rc;
}

static int expect_note(mpi_group *m)
{
    return MPI_Irecv(&m->in, sizeof m->in, MPI_BYTE, MPI_ANY_SOURCE, NOTE_TAG, MPI_COMM_WORLD,
                     &m->note_request);
}

static bool receive(ltd_group *g, ltd_group_note *ret)
{
    mpi_group *m = (mpi_group *)g;
    int flag = 0;
    if (MPI_Test(&m->note_request, &flag, MPI_STATUS_IGNORE) != MPI_SUCCESS || !flag) return false;
    *ret = m->in;
    ret->msg[sizeof ret->msg - 1] = 0;
    expect_note(m);
    return true;
}

/* Small enough to leave at once, whether or not anybody receives it. */
static void send_note(ltd_group *g, int32_t to, const ltd_group_note *note)
{
    mpi_group *m = (mpi_group *)g;
    MPI_Request request;
    m->out[to] = *note;
    if (MPI_Isend(&m->out[to], sizeof *note, MPI_BYTE, to, NOTE_TAG, MPI_COMM_WORLD, &request) ==
        MPI_SUCCESS)
        MPI_Request_free(&request);
}

/* MPI_Finalize waits for all, so that one that is gone would keep it for ever. */
static void close_group(ltd_group *g, bool together)
{
    mpi_group *m = (mpi_group *)g;
    if (together) {
        MPI_Cancel(&m->note_request);
        MPI_Wait(&m->note_request, MPI_STATUS_IGNORE);
        MPI_Finalize();
    }
    ltd_group_fini(g);
    free(m->out);
    free(m);
}

static const ltd_group_wire wire = {gather, share, test, send_note, receive, close_group};

static int join(ltd_group **ret, ltd_err *err)
{
    int rank, size;
    int rc = check(MPI_Init(NULL, NULL), "MPI_Init", err);
    if (rc < 0) return rc;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    mpi_group *m = ltd_mem_zeros(1, sizeof *m);
    if (!m) return ltd_fail(err, LTD_ENOMEM, "group: no memory");
    rc = ltd_group_init(&m->group, &wire, rank, size, err);
    m->out = ltd_mem_zeros((size_t)size, sizeof *m->out);
    if (rc == LTD_OK && !m->out) rc = ltd_fail(err, LTD_ENOMEM, "group: no memory");
    if (rc == LTD_OK) rc = check(expect_note(m), "MPI_Irecv", err);
    if (rc < 0) {
        close_group(&m->group, false);
        return rc;
    }
    *ret = &m->group;
    return LTD_OK;
}

int ltd_group_open(ltd_group **ret, ltd_err *err)
{
    const char *name;
    int32_t size = ltd_group_launched(&name);
    *ret = NULL;
    if (size == 1) return LTD_OK;
    if (strncmp(name, "OMPI_", 5) == 0) return join(ret, err);
    return ltd_fail(err, LTD_EUNSUPPORTED,
                    "started as one of %d processes (%s), but not by OpenMPI's mpirun", size, name);
}
