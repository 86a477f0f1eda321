/* The safetensors of a checkpoint folder as one: model.safetensors, or the files that
 * model.safetensors.index.json names.  Private to models/files. */
#ifndef LTD_MODELS_FILES_SHARDS_PRIV_H
#define LTD_MODELS_FILES_SHARDS_PRIV_H

#include "models/files/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_shards ltd_shards;

/* LTD_EIO, LTD_EFORMAT (nothing to read, a bad index).  *ret owned. */
int ltd_shards_open(ltd_shards **ret, const char *folder, ltd_err *err);
void ltd_shards_close(ltd_shards *shards);
void ltd_shards_forget(const ltd_shards *shards);

/* *ret is NULL when the name is nowhere; LTD_EFORMAT when it is in two files, or not in the one
 * that the index names. */
int ltd_shards_tensor(const ltd_shards *shards, const char *name, const ltd_tensor_view **ret,
                      ltd_err *err);

/* All tensors of all files, file by file. */
size_t ltd_shards_tensor_count(const ltd_shards *shards);
const ltd_tensor_view *ltd_shards_tensor_at(const ltd_shards *shards, size_t i);

/* The first file, and the bytes of all. */
const char *ltd_shards_path(const ltd_shards *shards);
uint64_t ltd_shards_bytes(const ltd_shards *shards);

#ifdef __cplusplus
}
#endif
#endif
