/* Made-up records (made_trace.h) with a cost table, ready for positions, environments and planners.
 *
 * meson: name `made_positions` among the dependencies. */
#ifndef LTD_TESTS_SUPPORT_MADE_POSITIONS_H
#define LTD_TESTS_SUPPORT_MADE_POSITIONS_H

#include "env/ltd_env.h"
#include "env/positions.h"
#include "env/trace.h"

enum { MADE_SIZES = 6, MADE_MAX_NEW = 60 };

typedef struct made_positions {
    ltd_trace trace;
    ltd_cost cost;
    ltd_prompts *prompts;
    int32_t sizes[MADE_SIZES];
    ltd_positions *positions;
} made_positions;

/* *m is zero or made.  `texts` texts of MADE_MAX_NEW - 1 positions, three forwards. */
void made_positions_open(made_positions *m, uint64_t seed, int32_t texts, float rate);
void made_positions_close(made_positions *m);
/* Put the cost table of a machine where speculation can't gain in its place: so many rows take so
 * many plain steps, and drafts come on top.  Positions are made anew. */
void made_positions_linear(made_positions *m);
/* Of a cycle over the record. */
ltd_cycle_options made_positions_cycle(made_positions *m);
/* An environment over it, times by the table; with its cycle.  Both owned. */
ltd_env *made_positions_env(made_positions *m, ltd_cycle **cycle);

#endif
