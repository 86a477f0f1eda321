/* Entries of a zip in memory, read whole and checked: sizes of the central directory, CRC-32, and a
 * bound on all that a file may unfold to.  Private to models/files.
 *
 *     ltd_zip z = {.path = path, .err = err};
 *     int rc = ltd_zip_open(&z, data, size, 16, 64 << 20);
 *     if (rc == LTD_OK) rc = ltd_zip_read(&z, i, name, &bytes, &n);
 *     ltd_zip_close(&z);
 *
 * Thread rule: one thread. */
#ifndef LTD_MODELS_FILES_ZIP_PRIV_H
#define LTD_MODELS_FILES_ZIP_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include <zip.h>

#include "base/status.h"

typedef struct ltd_zip {
    const char *path; /* for messages, borrowed */
    ltd_err *err;     /* borrowed */
    zip_t *zip;
    size_t times, spare; /* what is told when there is no more room */
    size_t room;         /* bytes that may still be allocated */
} ltd_zip;

/* `data` is borrowed until _close, which is legal whatever the outcome.  All entries together may
 * take `times` the file and `spare` bytes, whole MiB.  LTD_EFORMAT, LTD_EUNSUPPORTED, LTD_ENOMEM.
 */
int ltd_zip_open(ltd_zip *z, const void *data, size_t size, size_t times, size_t spare);
void ltd_zip_close(ltd_zip *z);

/* Count bytes that `what` is going to take.  LTD_EUNSUPPORTED: there is no room. */
int ltd_zip_take(ltd_zip *z, size_t bytes, const char *what);
/* Entry i whole, stored or deflated; *data owned, at least one byte long. */
int ltd_zip_read(ltd_zip *z, zip_uint64_t i, const char *name, uint8_t **data, size_t *size);
/* LTD_ENOMEM and its message. */
int ltd_zip_no_memory(const ltd_zip *z);

#endif
