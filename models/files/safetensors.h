/* safetensors files: named tensors behind a JSON header, mapped, nothing copied; and a writer.
 * The header is checked in full at open: 100 MB cap, offsets inside the file, without holes or
 * overlaps, dtype x shape == bytes, unique names.
 *
 *     ltd_safetensors *file;
 *     if (ltd_safetensors_open(&file, "model.safetensors", &err) < 0) ...
 *     const ltd_tensor_view *t = ltd_safetensors_tensor(file, "fc.weight");
 *
 * Thread rule: immutable once open.  Source: the safetensors format page (Hugging Face). */
#ifndef LTD_MODELS_FILES_SAFETENSORS_H
#define LTD_MODELS_FILES_SAFETENSORS_H

#include <stddef.h>

#include "base/status.h"
#include "models/files/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_safetensors ltd_safetensors;

int ltd_safetensors_open(ltd_safetensors **ret, const char *path, ltd_err *err);
/* Over memory, borrowed until close; `name` is used in messages. */
int ltd_safetensors_parse(ltd_safetensors **ret, const void *data, size_t size, const char *name,
                          ltd_err *err);
void ltd_safetensors_close(ltd_safetensors *file);
void ltd_safetensors_forget(const ltd_safetensors *file);

const char *ltd_safetensors_path(const ltd_safetensors *file);
size_t ltd_safetensors_size(const ltd_safetensors *file); /* bytes of the file */

size_t ltd_safetensors_tensor_count(const ltd_safetensors *file);
const ltd_tensor_view *ltd_safetensors_tensor_at(const ltd_safetensors *file, size_t i);
/* NULL when absent. */
const ltd_tensor_view *ltd_safetensors_tensor(const ltd_safetensors *file, const char *name);
/* A string of __metadata__, NULL when absent; borrowed. */
const char *ltd_safetensors_metadata(const ltd_safetensors *file, const char *key);

/* Write tensors[n] (in the given order, without holes, the first one 8-byte aligned) with string
 * metadata {keys[i]: values[i]} to `path`, atomically.  LTD_EIO, LTD_ENOMEM, LTD_EINVAL (a
 * duplicate name, bytes that don't match dtype and dims). */
int ltd_safetensors_write(const char *path, const ltd_tensor_view *tensors, size_t n,
                          const char *const *keys, const char *const *values, size_t n_metadata,
                          ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
