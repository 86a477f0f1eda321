/* A cycle's tree as text for a terminal: what was drafted, what was verified, what was accepted. */
#ifndef LTD_ENV_RENDER_H
#define LTD_ENV_RENDER_H

#include <stdbool.h>

#include "base/str.h"
#include "env/ltd_env.h"
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

/* Append the cycle that ended last in `env`: a line of what it did; the verified tree, or over
 * compiled records, which have none, the tokens that it added.
 *   info  of its terminated step, before the next reset */
void ltd_render_cycle(const ltd_env *env, const ltd_info *info, const ltd_tokenizer *tok,
                      bool colour, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
