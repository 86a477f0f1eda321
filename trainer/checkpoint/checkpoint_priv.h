/* What writer and reader of checkpoints share.  Private to trainer/checkpoint*.c.
 *
 * File = 512 bytes of header, then an HDF5 file (the header is its user block, so that h5py and
 * h5dump open it as it is).  The header, text padded with zeros:
 *
 *     ltd checkpoint 1\n
 *     sha256 <64 hex digits: all bytes behind the header>\n
 *     bytes <file size>\n
 *
 * Content digest (root attribute `sha256`): SHA-256 over the entries' SHA-256 in ascending order of
 * name, each over type, name, shape and little-endian values. */
#ifndef LTD_TRAINER_CHECKPOINT_PRIV_H
#define LTD_TRAINER_CHECKPOINT_PRIV_H

#include <nettle/sha2.h>

#include "trainer/checkpoint/checkpoint.h"

enum { LTD_CHECKPOINT_HEADER = 512 };

/* An entry's name and digest, for the content digest. */
typedef struct ltd_checkpoint_leaf {
    char name[LTD_CHECKPOINT_MAX_NAME];
    uint8_t sha[SHA256_DIGEST_SIZE];
} ltd_checkpoint_leaf;

/* The header of a file of `size` bytes whose bytes behind the header are data[size - 512]. */
void ltd_checkpoint_header(char ret[LTD_CHECKPOINT_HEADER], const uint8_t *data, size_t size);
/* Digest of one entry. */
void ltd_checkpoint_leaf_init(ltd_checkpoint_leaf *ret, const ltd_checkpoint_entry *entry);
/* Sort leaves by name and digest them. */
void ltd_checkpoint_content(char hex[65], ltd_checkpoint_leaf *leaves, size_t n);
/* Bytes of one element. */
size_t ltd_checkpoint_element(ltd_checkpoint_type type);

#endif
