/* The table (agents/table.h) that is worth most over records: what is left of a learned policy when
 * it may look at three figures only.
 *
 *     ltd_table table;
 *     ltd_table_fit(&table, positions, depth, size, window, &speed, &err);
 *
 * As the planner (planner.h) it maximises tokens c - time, c being the time that a token takes
 * hereabouts: of the policies at first, then of the table itself.  Each class takes what is best in
 * the sum over the positions that come by, those with most forwards first, since what going on is
 * worth depends on them; which come by depends on those with fewer, so this is repeated.  Classes
 * that few come by lean on those of other matches.
 *
 * Nothing here reads a clock or draws a number.  Thread rule: one thread. */
#ifndef LTD_TRAINER_TABLE_FIT_H
#define LTD_TRAINER_TABLE_FIT_H

#include "agents/table.h"
#include "trainer/train/planner.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Play all texts by the table.  LTD_ENOMEM. */
int ltd_table_play(const ltd_positions *p, const ltd_table *table, ltd_visits *ret, ltd_err *err);

/* Fit to positions, beginning with what tokens take the policies; *speed: tokens a T_ar of the
 * table there.  window as ltd_planner_options.  LTD_ENOMEM. */
int ltd_table_fit(ltd_table *ret, const ltd_positions *p, ltd_mlp *depth, ltd_mlp *size,
                  int32_t window, double *speed, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
