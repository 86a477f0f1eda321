/* A cycle's tree as text for a terminal: what was drafted, what was verified, what was accepted. */
#ifndef LTD_ENV_RENDER_H
#define LTD_ENV_RENDER_H

#include <stdbool.h>

#include "base/str.h"
#include "env/tree.h"
#include "models/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Append the verified tree, depth first, a node a line: p given its parent, p of the branch, source
 * ("lookup", "head N" = draft forward N), token.  The accepted path is green when `colour`, marked
 * with '*' otherwise.
 *   path, n_path   entries of `selection` that were accepted, root first */
void ltd_render_tree(const ltd_tree *tree, const ltd_selection *selection, const int32_t *path,
                     int32_t n_path, const ltd_tokenizer *tok, bool colour, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
