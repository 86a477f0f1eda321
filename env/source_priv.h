/* Where a text, its drafts and the target's word on them come from, behind a cycle: the engine
 * (live.c), or a record of what it said (replay.c).  A source belongs to one cycle. */
#ifndef LTD_ENV_SOURCE_PRIV_H
#define LTD_ENV_SOURCE_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "env/cycle.h"
#include "env/trace.h"

typedef struct ltd_source ltd_source;

struct ltd_source {
    /* Begin a text; *root becomes its next token. */
    int (*prompt)(ltd_source *s, const int32_t *ids, int32_t n, int32_t *root, ltd_err *err);
    /* One more forward of the head, the tree tells which: what ltd_tree_grow() takes. */
    int (*draft)(ltd_source *s, ltd_tree *tree, const int32_t **token, const float **logp,
                 ltd_err *err);
    /* The target's forward over the nodes. */
    int (*verify)(ltd_source *s, const ltd_selection *nodes, ltd_err *err);
    /* path and *next as of ltd_accept_greedy(). */
    int32_t (*accept)(ltd_source *s, const ltd_selection *nodes, int32_t *path, int32_t *next,
                      ltd_err *err);
    /* Keep path[n]; tokens[n] follow its entries. */
    int (*commit)(ltd_source *s, const int32_t *path, const int32_t *tokens, int32_t n,
                  ltd_err *err);
    bool (*is_end)(const ltd_source *s, int32_t token);
    void (*free)(ltd_source *s);
    bool drafts;               /* there is a head */
    int32_t length;            /* committed tokens */
    uint64_t seed;             /* of texts that begin from now on */
    double target_ms, head_ms; /* of the last prompt */
};

int ltd_source_live(ltd_source **ret, const ltd_cycle_options *options, ltd_err *err);
int ltd_source_replay(ltd_source **ret, const ltd_cycle_options *options, ltd_err *err);

#endif
