/* Parents precede children in a selection, so each walk is one pass: below the last accepted entry
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

int32_t ltd_accept_always(const ltd_selection *selection, const int32_t *argmax, int32_t *path,
                          int32_t *next)
{
    int32_t n = 0;
    path[n++] = 0;
    for (int32_t i = 1; i < selection->n; i++)
        if (selection->parent[i] == path[n - 1]) path[n++] = i;
    *next = argmax[path[n - 1]];
    return n;
}

/* The distribution after an entry. */
static int look(const ltd_chance *c, int32_t entry, ltd_err *err)
{
    return ltd_sampler_set(c->sampler, c->logits(c->rows, entry), err);
}

static int32_t draw(const ltd_chance *c)
{
    return ltd_sampler_draw(c->sampler, c->uniform(c->numbers));
}

int32_t ltd_accept_drawn(const ltd_selection *selection, const ltd_chance *chance, int32_t *path,
                         int32_t *next, ltd_err *err)
{
    int32_t at = 0, n = 0;
    int rc = look(chance, 0, err);
    if (rc < 0) return rc;
    path[n++] = 0;
    int32_t token = draw(chance);
    for (int32_t i = 1; i < selection->n; i++) {
        if (selection->parent[i] != at || selection->token[i] != token) continue;
        at = i;
        path[n++] = i;
        rc = look(chance, at, err);
        if (rc < 0) return rc;
        token = draw(chance);
    }
    *next = token;
    return n;
}

/* One number decides on a child.  The only token left can't be taken out: rounding alone refused
 * it. */
static bool takes(const ltd_chance *c, int32_t token)
{
    return c->uniform(c->numbers) < ltd_sampler_p(c->sampler, token) ||
           !ltd_sampler_remove(c->sampler, token);
}

int32_t ltd_accept_sampled(const ltd_selection *selection, const ltd_chance *chance, int32_t *path,
                           int32_t *next, ltd_err *err)
{
    int32_t at = 0, n = 0;
    int rc = look(chance, 0, err);
    if (rc < 0) return rc;
    path[n++] = 0;
    for (int32_t i = 1; i < selection->n; i++) {
        if (selection->parent[i] != at || !takes(chance, selection->token[i])) continue;
        at = i;
        path[n++] = i;
        rc = look(chance, at, err);
        if (rc < 0) return rc;
    }
    *next = draw(chance);
    return n;
}
