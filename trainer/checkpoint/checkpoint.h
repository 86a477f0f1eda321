/* Checkpoints: a tree of named arrays and texts in one HDF5 file, whole or absent.
 *
 *     ltd_checkpoint_writer *w;
 *     ltd_checkpoint_create(&w, "runs/a/checkpoints/last.h5", &err);
 *     ltd_checkpoint_put_f32(w, "policy/depth/actor/0.weight", data, dims, 2);
 *     ltd_checkpoint_put_u64(w, "rng/explore", rng.s, 4);
 *     rc = ltd_checkpoint_finish(w, &err);
 *
 * Two digests guard a file.  Its first 512 bytes (the HDF5 user block) are our own header with the
 * SHA-256 of all bytes that follow; it is checked before libhdf5, which may crash on damaged files,
 * sees a byte.  The root attribute `sha256` covers names, types, shapes and values, and is what two
 * equal runs share.  No times are stored: equal content gives equal files.
 *
 * Knows nothing of policies.  Thread rule: one thread at a time (libhdf5 is not re-entrant). */
#ifndef LTD_TRAINER_CHECKPOINT_H
#define LTD_TRAINER_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_CHECKPOINT_VERSION = 1, LTD_CHECKPOINT_MAX_DIMS = 4, LTD_CHECKPOINT_MAX_NAME = 128 };

/* Entry (u64 [1]) that orders the checkpoints of a run; every writer of a run puts it. */
#define LTD_CHECKPOINT_STEP "counters/cycles"

typedef struct ltd_checkpoint_writer ltd_checkpoint_writer;
typedef struct ltd_checkpoint ltd_checkpoint;

typedef enum ltd_checkpoint_type {
    LTD_CHECKPOINT_F32,
    LTD_CHECKPOINT_F64,
    LTD_CHECKPOINT_I64,
    LTD_CHECKPOINT_U64,
    LTD_CHECKPOINT_TEXT,
    LTD_CHECKPOINT_I32,
    LTD_CHECKPOINT_TYPE_COUNT
} ltd_checkpoint_type;

/* What `ltd info` lists; borrowed from the checkpoint. */
typedef struct ltd_checkpoint_entry {
    const char *name; /* "policy/depth/actor/0.weight" */
    ltd_checkpoint_type type;
    int n_dims;
    int64_t dims[LTD_CHECKPOINT_MAX_DIMS]; /* text: its length */
    const void *data;                      /* row-major; text is NUL-terminated */
    size_t bytes;                          /* without that NUL */
} ltd_checkpoint_entry;

/* --- writing --- */

/* Begin `path`; nothing appears there before finish.  LTD_EIO, LTD_ENOMEM.  *ret owned: finish or
 * abort it. */
int ltd_checkpoint_create(ltd_checkpoint_writer **ret, const char *path, ltd_err *err);

/* Add an entry; data is copied to the file at once.  Names are '/'-separated parts of letters,
 * digits and "_-.", each given once.  dims[n_dims] >= 0, n_dims [1, LTD_CHECKPOINT_MAX_DIMS].  A
 * put that fails is remembered and reported by finish, so that callers check once. */
void ltd_checkpoint_put_f32(ltd_checkpoint_writer *w, const char *name, const float *v,
                            const int64_t *dims, int n_dims);
void ltd_checkpoint_put_i32(ltd_checkpoint_writer *w, const char *name, const int32_t *v,
                            const int64_t *dims, int n_dims);
void ltd_checkpoint_put_f64(ltd_checkpoint_writer *w, const char *name, const double *v, size_t n);
void ltd_checkpoint_put_i64(ltd_checkpoint_writer *w, const char *name, const int64_t *v, size_t n);
void ltd_checkpoint_put_u64(ltd_checkpoint_writer *w, const char *name, const uint64_t *v,
                            size_t n);
void ltd_checkpoint_put_text(ltd_checkpoint_writer *w, const char *name, const char *text);

/* Arrays that follow are stored in compressed chunks (shuffle, deflate) where they are large: for
 * records rather than for weights. */
void ltd_checkpoint_compress(ltd_checkpoint_writer *w);

/* Write the digests, sync, rename into place.  `w` is taken, even on failure; on failure the file
 * that was at the path is untouched. */
int ltd_checkpoint_finish(ltd_checkpoint_writer *w, ltd_err *err);
/* Drop everything; NULL is fine. */
void ltd_checkpoint_abort(ltd_checkpoint_writer *w);

/* --- reading --- */

/* Read and verify a whole checkpoint into memory.  LTD_EIO; LTD_EFORMAT: no checkpoint of ours,
 * truncated, damaged; LTD_EUNSUPPORTED: a newer version.  *ret owned. */
int ltd_checkpoint_open(ltd_checkpoint **ret, const char *path, ltd_err *err);
void ltd_checkpoint_close(ltd_checkpoint *c);

/* Copy an entry of exactly this type and shape.  LTD_EFORMAT "checkpoint run.h5: policy/depth/
 * 0.weight: shape 512x100, expected 512x128", "... missing"; `ret` is then untouched. */
int ltd_checkpoint_get_f32(const ltd_checkpoint *c, const char *name, float *ret,
                           const int64_t *dims, int n_dims, ltd_err *err);
int ltd_checkpoint_get_i32(const ltd_checkpoint *c, const char *name, int32_t *ret,
                           const int64_t *dims, int n_dims, ltd_err *err);
int ltd_checkpoint_get_f64(const ltd_checkpoint *c, const char *name, double *ret, size_t n,
                           ltd_err *err);
int ltd_checkpoint_get_i64(const ltd_checkpoint *c, const char *name, int64_t *ret, size_t n,
                           ltd_err *err);
int ltd_checkpoint_get_u64(const ltd_checkpoint *c, const char *name, uint64_t *ret, size_t n,
                           ltd_err *err);
/* *ret borrowed until close. */
int ltd_checkpoint_get_text(const ltd_checkpoint *c, const char *name, const char **ret,
                            ltd_err *err);

/* NULL when there is none of that name: an entry of unknown shape, or a test for presence. */
const ltd_checkpoint_entry *ltd_checkpoint_find(const ltd_checkpoint *c, const char *name);
/* Entries in ascending order of name. */
size_t ltd_checkpoint_count(const ltd_checkpoint *c);
const ltd_checkpoint_entry *ltd_checkpoint_at(const ltd_checkpoint *c, size_t i);
/* Digest of the content, 64 hex digits. */
const char *ltd_checkpoint_sha256(const ltd_checkpoint *c);
/* Its LTD_CHECKPOINT_STEP, 0 without one. */
uint64_t ltd_checkpoint_step(const ltd_checkpoint *c);
/* "f32", "text"...; static storage. */
const char *ltd_checkpoint_type_name(ltd_checkpoint_type type);

/* --- a run's folder --- */

/* Path of the loadable checkpoint with the highest step among dir/ *.h5 and dir/checkpoints/ *.h5;
 * damaged ones are passed over, the last damage is the message when none is left.  LTD_EIO when
 * there is none at all.  `path` has `size` bytes. */
int ltd_checkpoint_newest(const char *dir, char *path, size_t size, ltd_err *err);
/* "dir/step_0000012000.h5". */
int ltd_checkpoint_step_path(char *path, size_t size, const char *dir, uint64_t step, ltd_err *err);
/* Delete all but the `keep` highest step_*.h5 of dir, keep 0 keeps all; and what a writer that was
 * killed has left of one, step_*.h5.tmp: nobody may be writing there. */
int ltd_checkpoint_prune(const char *dir, int32_t keep, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
