/* A tree (tree.h) on the heap. */
#ifndef LTD_ENV_TREE_NEW_H
#define LTD_ENV_TREE_NEW_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "env/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A pool for beams of `top_k` [1, LTD_TREE_MAX_TOP_K], up to `max_forwards` draft forwards and
 * chains up to max_chain [both 0, LTD_TREE_MAX_DEPTH], and selections up to max_size [0, ...].
 * LTD_EINVAL, LTD_ENOMEM.  *ret owned. */
int ltd_tree_new(ltd_tree **ret, int32_t top_k, int32_t max_forwards, int32_t max_chain,
                 int32_t max_size, ltd_err *err);
void ltd_tree_free(ltd_tree *tree);

/* Bytes of the arrays of such a tree, for who brings the storage along (exports). */
size_t ltd_tree_storage(int32_t top_k, int32_t max_forwards, int32_t max_chain, int32_t max_size);

#ifdef __cplusplus
}
#endif
#endif
