/* Zips as torch.save writes them, and others that it never would, for tests; what fails ends the
 * running test.
 *
 *     size_t size;
 *     void *bytes = torchzip_tensors(&size, tensors, n);       owned: free()
 *
 * meson: name `torchzip` among the dependencies. */
#ifndef LTD_TESTS_SUPPORT_TORCHZIP_H
#define LTD_TESTS_SUPPORT_TORCHZIP_H

#include <stddef.h>

#include "models/files/dtype.h"

typedef struct torchzip_entry {
    const char *name; /* in the zip, with its folder */
    const void *data;
    size_t size;
    int method; /* of libzip; 0 = stored, 8 = deflated */
} torchzip_entry;

/* A zip of these entries; owned. */
void *torchzip_entries(size_t *size, const torchzip_entry *entries, size_t n);

/* torch.save({name: tensor, ...}): a storage each, entries stored; owned. */
void *torchzip_tensors(size_t *size, const ltd_tensor_view *tensors, size_t n);

#endif
