/* The processes that train one run together, started by an MPI launcher: who am I among how many,
 * sums and copies between them, and a way out when one of them is gone.
 *
 *     ltd_group *g;
 *     ltd_group_open(&g, &err);                       NULL: alone, which every function takes
 *     ltd_group_sum(g, grad, n, stats, 6, &err);
 *     ltd_group_close(g, true);
 *
 * sum, gather, share and barrier are made by all processes, the same ones in the same order.  None
 * waits for ever: each ends when the flag of ltd_group_heed() is set here, or when another process
 * says that it leaves.  From then on all calls fail with that error, and what is left to do is
 * ltd_group_part().  Results have the same bits in every process, in every run.
 *
 * Knows nothing of learning, and there is no mpi.h in it.  Thread rule: one thread. */
#ifndef LTD_TRAINER_GROUP_H
#define LTD_TRAINER_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_group ltd_group;

/* The processes that the launcher started; *ret owned, NULL when this is the only one.
 * LTD_EUNSUPPORTED: there are others, but this program can't talk to them. */
int ltd_group_open(ltd_group **ret, ltd_err *err);
/* `together`: all processes get here, and wait for each other.  Else nobody is waited for, and the
 * program ends next: MPI is not to be used again. */
void ltd_group_close(ltd_group *g, bool together);
/* From here on *stop (borrowed) ends every wait with LTD_ECANCELED. */
void ltd_group_heed(ltd_group *g, const volatile int *stop);

int32_t ltd_group_rank(const ltd_group *g); /* [0, size) */
int32_t ltd_group_size(const ltd_group *g);

/* v[n] and w[m] become the sums over all processes, added in double, in the order of ranks. */
int ltd_group_sum(ltd_group *g, float *v, size_t n, double *w, size_t m, ltd_err *err);
/* all[size x bytes]: `mine` of every process, in the order of ranks; untouched on failure. */
int ltd_group_gather(ltd_group *g, const void *mine, size_t bytes, void *all, ltd_err *err);
/* v[bytes] becomes that of rank 0; untouched on failure. */
int ltd_group_share(ltd_group *g, void *v, size_t bytes, ltd_err *err);
int ltd_group_barrier(ltd_group *g, ltd_err *err);

/* Of the processes on this machine, which is this one?  *most: how many the fullest machine has. */
int ltd_group_turn(ltd_group *g, int32_t *mine, int32_t *most, ltd_err *err);

/* Does it go on?  LTD_ECANCELED: *stop is set, or another process was told so; LTD_EIO: another
 * one failed, and *err says which, of what.  Cheap: for loops that make no other call. */
int ltd_group_poll(ltd_group *g, ltd_err *err);

/* Leave before the end: tell the others why, which is in *err, and hear from them.  Rank 0 has
 * saved by then what there is to save: the others wait for its word a second at most, it for theirs
 * half a second.  Returns why the group really ends: LTD_EIO with the rank where one failed or does
 * not answer; the message is empty where rank 0 has told it to people already. */
int ltd_group_part(ltd_group *g, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
