#include "env/tree_new.h"

#include <stdlib.h>

#include "base/mem.h"
#include "env/tree_priv.h"

static int check_limits(int32_t top_k, int32_t max_forwards, int32_t max_chain, int32_t max_size,
                        ltd_err *err)
{
    if (top_k < 1 || top_k > LTD_TREE_MAX_TOP_K)
        return ltd_fail(err, LTD_EINVAL, "tree: top_k is %d, expected 1 to %d", top_k,
                        LTD_TREE_MAX_TOP_K);
    if (max_forwards < 0 || max_forwards > LTD_TREE_MAX_DEPTH)
        return ltd_fail(err, LTD_EINVAL, "tree: max_forwards is %d, expected 0 to %d", max_forwards,
                        LTD_TREE_MAX_DEPTH);
    if (max_chain < 0 || max_chain > LTD_TREE_MAX_DEPTH)
        return ltd_fail(err, LTD_EINVAL, "tree: max_chain is %d, expected 0 to %d", max_chain,
                        LTD_TREE_MAX_DEPTH);
    if (max_size < 0 || max_size > (1 << 20))
        return ltd_fail(err, LTD_EINVAL, "tree: max_size is %d, expected 0 to %d", max_size,
                        1 << 20);
    return LTD_OK;
}

int ltd_tree_new(ltd_tree **ret, int32_t top_k, int32_t max_forwards, int32_t max_chain,
                 int32_t max_size, ltd_err *err)
{
    *ret = NULL;
    int status = check_limits(top_k, max_forwards, max_chain, max_size, err);
    if (status < 0) return status;
    ltd_tree *tree = ltd_mem_zeros(1, sizeof *tree);
    if (!tree) return ltd_fail(err, LTD_ENOMEM, "tree: no memory");
    tree->k = top_k;
    tree->max_forwards = max_forwards;
    tree->max_chain = max_chain;
    tree->max_size = max_size;
    size_t bytes = ltd_tree_bytes(tree);
    void *storage = ltd_mem_aligned(1, bytes);
    if (!storage) {
        free(tree);
        return ltd_fail(err, LTD_ENOMEM, "tree: no memory for %zu bytes", bytes);
    }
    ltd_tree_place(tree, storage);
    *ret = tree;
    return LTD_OK;
}

size_t ltd_tree_storage(int32_t top_k, int32_t max_forwards, int32_t max_chain, int32_t max_size)
{
    ltd_tree tree = {
        .k = top_k, .max_forwards = max_forwards, .max_chain = max_chain, .max_size = max_size};
    return ltd_tree_bytes(&tree);
}

void ltd_tree_free(ltd_tree *tree)
{
    if (!tree) return;
    free(tree->nodes); /* the first array begins the storage */
    free(tree);
}
