/* Whole files: mapped for reading, written atomically, hashed.
 *
 *     ltd_file f;
 *     if (ltd_file_map(&f, path, &err) < 0) return err.code;
 *     ... f.data[0 .. f.size) ...
 *     ltd_file_unmap(&f); */
#ifndef LTD_BASE_FILE_H
#define LTD_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_file {
    const uint8_t *data; /* NULL for an empty file */
    size_t size;
} ltd_file;

/* Map `path` read-only.  LTD_EIO when it can't be opened or is no regular file.  *ret is zeroed on
 * failure, so that ltd_file_unmap() is always legal. */
int ltd_file_map(ltd_file *ret, const char *path, ltd_err *err);
void ltd_file_unmap(ltd_file *file);

/* Tell the kernel that the pages won't be needed soon: they leave our resident set. */
void ltd_file_forget(const ltd_file *file);

/* Tell the kernel that bytes of a map will be read soon: it may fetch them meanwhile. */
void ltd_file_expect(const void *data, size_t size);

/* Write size bytes to path.tmp, fsync, rename to path, fsync the folder: path is the old file or
 * the new one, never a part.  LTD_EIO names the step that failed; path.tmp is then removed. */
int ltd_file_write(const char *path, const void *data, size_t size, ltd_err *err);

/* rename(tmp, path) after fsync of tmp, then fsync of the folder. */
int ltd_file_commit(const char *tmp, const char *path, ltd_err *err);

/* Make a folder and its parents; it may exist. */
int ltd_file_mkdirs(const char *path, ltd_err *err);
/* The same for the folder that the file `path` lies in. */
int ltd_file_mkdirs_for(const char *path, ltd_err *err);

/* SHA-256 as 64 lower-case hex digits and a NUL. */
void ltd_file_sha256(char hex[65], const void *data, size_t size);

#ifdef __cplusplus
}
#endif
#endif
