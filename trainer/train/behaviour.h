/* What policies do over records: how often which choice.  A policy that always chooses the same is
 * a setting, and should be called one.
 *
 *     ltd_behaviour b = ltd_behaviour_of(positions, &visits);
 *     ltd_behaviour_text(&b, &text);
 *
 * Pure functions. */
#ifndef LTD_TRAINER_BEHAVIOUR_H
#define LTD_TRAINER_BEHAVIOUR_H

#include "base/str.h"
#include "trainer/train/planner.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_BEHAVIOUR_COLUMNS = 6 }; /* classes of confidence (agents/table.h) */

/* Decisions after some number of forwards at some confidence. */
typedef struct ltd_behaviour_cell {
    int64_t asked, went_on;
    double nodes; /* sum over those that stopped */
} ltd_behaviour_cell;

typedef struct ltd_behaviour {
    int64_t cycles;
    double forwards[LTD_TREE_MAX_DEPTH + 1]; /* share of cycles with so many */
    double sizes[LTD_POSITIONS_SIZES];       /* with this entry of the table */
    int32_t table[LTD_POSITIONS_SIZES], n_sizes;
    double entropy; /* of the pair (forwards, size) over cycles [bits] */
    /* the pair chosen most often */
    int32_t most_forwards, most_size; /* size: nodes */
    double most;                      /* its share */
    ltd_behaviour_cell cell[LTD_TREE_MAX_DEPTH + 1][LTD_BEHAVIOUR_COLUMNS];
    double depth_entropy, size_entropy; /* mean over decisions [nats]; 0 until they are measured */
} ltd_behaviour;

ltd_behaviour ltd_behaviour_of(const ltd_positions *p, const ltd_visits *visits);
/* Fill the entropies: how sure both nets were in the cycles of their play. */
void ltd_behaviour_measure(ltd_behaviour *b, const ltd_positions *p, const ltd_visits *visits,
                           ltd_mlp *depth, ltd_mlp *size);
/* Hardly anything but one choice? */
bool ltd_behaviour_is_constant(const ltd_behaviour *b);
/* Append a line: "0 forwards 12 %, 1 30 %, ...; nodes 2: 10 %, ...; 2.9 bits". */
void ltd_behaviour_text(const ltd_behaviour *b, ltd_str *out);
/* Append lines: a row for each number of forwards, a column for each class of confidence, in a cell
 * the share that goes on and the mean of nodes where it stops; "." where nobody was asked. */
void ltd_behaviour_table(const ltd_behaviour *b, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
