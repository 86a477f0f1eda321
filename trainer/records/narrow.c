/* Both trees are grown side by side over a position: the wide one as it was recorded, the narrow
 * one from those rows of the wide beam that its own nodes have there. */
#include "trainer/records/narrow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/tree.h"
#include "env/tree_new.h"

enum { NONE = -1 }; /* a node that the wide beam lost; a token that nobody proposes */

typedef struct narrower {
    const ltd_trace *wide;
    int32_t k, forwards;
    ltd_tree *from, *to;
    int32_t *twin; /* [pool of `to`] the same node in `from`, or NONE */
} narrower;

/* Row of the wide beam that a narrow node has; the root's is the only one of the resync. */
static int32_t row_of(const narrower *n, int32_t node)
{
    if (node < 0) return 0;
    const int32_t *beam = ltd_tree_beam_node(n->from);
    for (int32_t r = 0; n->twin[node] != NONE && r < n->wide->top_k; r++)
        if (beam[r] == n->twin[node]) return r;
    return NONE;
}

/* Does the path to this node say what follows the root?  next[n] */
static bool is_true(const ltd_tree *tree, int32_t node, const int32_t *next, int32_t n)
{
    const ltd_node *nodes = ltd_tree_nodes(tree);
    for (; node >= 0; node = nodes[node].parent)
        if (nodes[node].depth > n || nodes[node].token != next[nodes[node].depth - 1]) return false;
    return true;
}

/* Children of a narrow row; `first` is the pool index that the first of them will have. */
static void take_row(narrower *n, int32_t row, const int32_t *token, const float *logp,
                     int32_t first, int32_t *to_token, float *to_logp)
{
    int32_t at = row * n->wide->top_k, drafted = ltd_tree_count(n->from);
    for (int32_t c = 0; c < n->k; c++) {
        to_token[c] = row == NONE ? NONE : token[at + c];
        to_logp[c] = row == NONE ? -INFINITY : logp[at + c];
        n->twin[first + c] = row == NONE ? NONE : drafted + at + c;
    }
}

/* One position: token, logp and their narrow ones are all of its rows.  *in_doubt is set where a
 * true node has no known children. */
static int narrow_position(narrower *n, const int32_t *next, int32_t n_next, const int32_t *token,
                           const float *logp, int32_t *to_token, float *to_logp, bool *in_doubt,
                           ltd_err *err)
{
    int32_t k = n->k, wide = n->wide->top_k;
    int rc = LTD_OK;
    ltd_tree_reset(n->from);
    ltd_tree_reset(n->to);
    for (int32_t f = 0; rc == LTD_OK && f < n->forwards; f++) {
        int32_t rows = f == 0 ? 1 : k, count = ltd_tree_count(n->to);
        for (int32_t j = 0; j < rows; j++) {
            int32_t node = f == 0 ? -1 : ltd_tree_beam_node(n->to)[j], row = row_of(n, node);
            take_row(n, row, token, logp, count + j * k, to_token + j * k, to_logp + j * k);
            if (row == NONE && is_true(n->to, node, next, n_next)) *in_doubt = true;
        }
        if (ltd_tree_grow(n->from, token, logp) != 0 ||
            ltd_tree_grow(n->to, to_token, to_logp) != 0)
            rc = ltd_fail(err, LTD_EINVAL, "narrower beam: more than %d forwards", f);
        token += f == 0 ? wide : wide * wide;
        logp += f == 0 ? wide : wide * wide;
        to_token += rows * k;
        to_logp += rows * k;
    }
    return rc;
}

static int narrow_text(narrower *n, const ltd_trace_text *t, ltd_trace *ret, ltd_narrowed *told,
                       ltd_err *err)
{
    size_t rows = (size_t)ltd_trace_rows(ret), wide = (size_t)ltd_trace_rows(n->wide);
    ltd_trace_text own = *t;
    own.token = ltd_mem_zeros((size_t)t->n, sizeof *own.token);
    own.draft_token = ltd_mem_zeros((size_t)t->positions * rows, sizeof *own.draft_token);
    own.draft_logp = ltd_mem_zeros((size_t)t->positions * rows, sizeof *own.draft_logp);
    if (!own.token || !own.draft_token || !own.draft_logp) {
        ltd_trace_text_fini(&own);
        return ltd_fail(err, LTD_ENOMEM, "narrower records: no memory");
    }
    memcpy(own.token, t->token, (size_t)t->n * sizeof *own.token);
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < t->positions; i++) {
        bool in_doubt = false;
        int32_t root = t->prompt + i;
        rc = narrow_position(n, t->token + root + 1, t->n - root - 1,
                             t->draft_token + (size_t)i * wide, t->draft_logp + (size_t)i * wide,
                             own.draft_token + (size_t)i * rows, own.draft_logp + (size_t)i * rows,
                             &in_doubt, err);
        told->positions++;
        told->in_doubt += in_doubt;
    }
    if (rc == LTD_OK) return ltd_trace_add(ret, &own, err);
    ltd_trace_text_fini(&own);
    return rc;
}

int ltd_trace_narrow(ltd_trace *ret, const ltd_trace *wide, int32_t top_k, ltd_narrowed *told,
                     ltd_err *err)
{
    *ret = (ltd_trace){0};
    if (top_k < 1 || top_k > wide->top_k)
        return ltd_fail(err, LTD_EINVAL,
                        "narrower records: a beam of %d, expected 1 to the recorded %d", top_k,
                        wide->top_k);
    narrower n = {.wide = wide, .k = top_k, .forwards = wide->max_forwards};
    size_t pool = (size_t)ltd_tree_pool(n.forwards, top_k);
    ltd_trace made = *wide;
    made.text = NULL;
    made.n = 0;
    made.top_k = top_k;
    *told = (ltd_narrowed){0};
    n.twin = ltd_mem_zeros(pool ? pool : 1, sizeof *n.twin);
    int rc = n.twin ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "narrower records: no memory");
    if (rc == LTD_OK) rc = ltd_tree_new(&n.from, wide->top_k, n.forwards, 0, 1, err);
    if (rc == LTD_OK) rc = ltd_tree_new(&n.to, top_k, n.forwards, 0, 1, err);
    for (int32_t t = 0; rc == LTD_OK && t < wide->n; t++)
        rc = narrow_text(&n, &wide->text[t], &made, told, err);
    ltd_tree_free(n.from);
    ltd_tree_free(n.to);
    free(n.twin);
    if (rc == LTD_OK)
        *ret = made;
    else
        ltd_trace_fini(&made);
    return rc;
}
