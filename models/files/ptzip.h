/* Files of torch.save (pytorch_model.bin, *.pt): named tensors in a zip, described by a pickle.
 * The pickle is read by an interpreter of our own that knows containers, numbers, text and the five
 * names that a dict of tensors needs.  It executes nothing: whatever else the pickle asks for
 * is refused with its name.
 *
 *     ltd_ptzip *file;
 *     if (ltd_ptzip_open(&file, "pytorch_model.bin", &err) < 0) ...
 *     const ltd_tensor_view *t = ltd_ptzip_tensor(file, "fc.weight");
 *
 * Everything is read and checked at open: sizes are those of the zip's central directory, CRC-32 of
 * each entry that is used, every view inside its storage.  Whatever the file says, memory is at
 * most 64 MiB and 16 times the file, and during open 70 times the pickle, which may have 8 MiB.  A
 * view that is not row-major is copied into that order.
 * Not read: the format before torch 1.6 (no zip), pickle protocols other than 2, big-endian data,
 * tensors with more than 8 dimensions.
 * Thread rule: immutable once open.  Source: files written by torch 2.15; our reading of them. */
#ifndef LTD_MODELS_FILES_PTZIP_H
#define LTD_MODELS_FILES_PTZIP_H

#include <stddef.h>

#include "base/status.h"
#include "models/files/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_ptzip ltd_ptzip;

/* LTD_EIO, LTD_EFORMAT (damaged, or no such file), LTD_EUNSUPPORTED (asks for something that we
 * don't do, hostile or not), LTD_ENOMEM.  *ret owned. */
int ltd_ptzip_open(ltd_ptzip **ret, const char *path, ltd_err *err);
/* The same from memory, which is copied and not needed afterwards; `name` is used in messages. */
int ltd_ptzip_parse(ltd_ptzip **ret, const void *data, size_t size, const char *name, ltd_err *err);
void ltd_ptzip_close(ltd_ptzip *file);

const char *ltd_ptzip_path(const ltd_ptzip *file);

/* Tensors in the order of the pickle.  Named by their keys; where dicts and lists hold others, by
 * the way to them, joined with dots.  When the outermost dict has a dict `state_dict`, names begin
 * inside it. */
size_t ltd_ptzip_tensor_count(const ltd_ptzip *file);
const ltd_tensor_view *ltd_ptzip_tensor_at(const ltd_ptzip *file, size_t i);
/* NULL when absent. */
const ltd_tensor_view *ltd_ptzip_tensor(const ltd_ptzip *file, const char *name);

/* A further entry FOLDER/name of such a zip, which torch.load passes over: *text owned, with a NUL
 * behind its n bytes.  `file` opens messages.  LTD_EFORMAT: damaged, or there is none;
 * LTD_EUNSUPPORTED; LTD_ENOMEM. */
int ltd_ptzip_text(char **text, size_t *n, const void *data, size_t size, const char *name,
                   const char *file, ltd_err *err);

/* Write what torch.save writes for a dict of tensors[n] (F32, the data aligned as torch's own), and
 * texts {names[i]: texts[i]} as further entries, atomically.  Equal content gives equal files.
 * LTD_EINVAL: another type, more than 2^31 elements or 8 dimensions; LTD_EIO, LTD_ENOMEM. */
int ltd_ptzip_write(const char *path, const ltd_tensor_view *tensors, size_t n,
                    const char *const *names, const char *const *texts, size_t n_texts,
                    ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
