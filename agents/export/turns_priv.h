/* What formats with a file for each turn share.  Private to agents/export. */
#ifndef LTD_AGENTS_EXPORT_TURNS_PRIV_H
#define LTD_AGENTS_EXPORT_TURNS_PRIV_H

#include "agents/export/bundle.h"
#include "agents/export/manifest.h"

/* The shapes that a manifest gives the nets of "depth." or "size.": actor, critic. */
int ltd_turn_shapes(ltd_net_shape ret[2], const char *manifest, size_t n, const char *turn,
                    const char *name, ltd_err *err);

/* *io NULL: a new bundle of this manifest; else it must be the one that *io has.  LTD_EFORMAT. */
int ltd_turn_begin(ltd_bundle **io, const char *manifest, size_t n, const char *name, ltd_err *err);

#endif
