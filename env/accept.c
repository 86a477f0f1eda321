/* Parents precede children in a selection, so the walk is one pass: below the last accepted entry
 * only later entries can match. */
#include "env/accept.h"

int32_t ltd_accept_greedy(const ltd_selection *selection, const int32_t *argmax, int32_t *path,
                          int32_t *next)
{
    int32_t at = 0, n = 0;
    path[n++] = 0;
    for (int32_t i = 1; i < selection->n; i++) {
        if (selection->parent[i] != at || selection->token[i] != argmax[at]) continue;
        at = i;
        path[n++] = i;
    }
    *next = argmax[at];
    return n;
}
