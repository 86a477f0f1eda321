/* Policies that were made for one machine, played on others: who loses how much against the policy
 * that was trained there.
 *
 *     ltd_transfer *t;
 *     ltd_transfer_new(&t, machines, n, prompts, &err);
 *     ltd_transfer_add(t, "ltd", home, LTD_COSTS_HOME, &row, &err);
 *     ltd_transfer_rates(positions of machine j, visits, ltd_transfer_at(t, row, j), &err);
 *     ltd_transfer_plain(positions of machine j, t->plain + j * t->prompts);
 *     ltd_transfer_fold(t, resamples, seed, &err);
 *     ltd_transfer_table(t, out);
 *
 * A walk over positions doesn't depend on times: cycles that were chosen under one machine's table
 * take what another's says.  trainer/train/transfer_run.h fills all of it from records.
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_TRANSFER_H
#define LTD_TRAINER_TRANSFER_H

#include "base/str.h"
#include "trainer/bench/stats.h"
#include "trainer/train/planner.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_TRANSFER_MACHINES = 8, LTD_TRANSFER_ROWS = 4 * LTD_TRANSFER_MACHINES + 1 };

/* By whose costs a row decides. */
typedef enum ltd_transfer_costs {
    LTD_COSTS_HERE, /* of the machine it plays on: it is told of the change */
    LTD_COSTS_HOME, /* of the machine it comes from: only the clock is the other's */
    LTD_COSTS_COUNT
} ltd_transfer_costs;

typedef struct ltd_transfer_machine {
    char name[64], cpu[96];
    double rate;  /* of the policy that was trained there, see obs.h; 0: not told */
    double valid; /* its speed-up over plain decoding on held-out prompts; 0: not told */
} ltd_transfer_machine;

typedef struct ltd_transfer_row {
    char policy[32], detail[96];
    int32_t home; /* machine it was made for; -1: none, it goes by the costs it finds */
    ltd_transfer_costs costs;
    ltd_rate *rate;                        /* [n_machines, prompts] owned */
    ltd_ratio cell[LTD_TRANSFER_MACHINES]; /* speed over that of row ltd of the machine itself */
} ltd_transfer_row;

typedef struct ltd_transfer {
    int32_t n_machines, prompts, n_rows;
    ltd_transfer_machine machine[LTD_TRANSFER_MACHINES];
    ltd_rate *plain;                         /* [n_machines, prompts] plain decoding; owned */
    ltd_ratio native[LTD_TRANSFER_MACHINES]; /* row ltd of the machine itself over it */
    ltd_transfer_row row[LTD_TRANSFER_ROWS];
} ltd_transfer;

/* Names are copied.  LTD_EINVAL: fewer than two machines, too many, two of one name; LTD_ENOMEM.
 * *ret owned. */
int ltd_transfer_new(ltd_transfer **ret, const char *const *machines, int32_t n, int32_t prompts,
                     ltd_err *err);
void ltd_transfer_free(ltd_transfer *t);

/* A row, whose rates are to be filled: *row is its number.  LTD_EINVAL, LTD_ENOMEM. */
int ltd_transfer_add(ltd_transfer *t, const char *policy, int32_t home, ltd_transfer_costs costs,
                     int32_t *row, ltd_err *err);
/* Its rates on a machine: [prompts]. */
ltd_rate *ltd_transfer_at(const ltd_transfer *t, int32_t row, int32_t machine);

/* Tokens and seconds of every text, when the cycles of `visits`, a play of these texts, take what
 * the table of `clock` says: ret[texts].  The play may have been under another table.  LTD_EINVAL:
 * it is not one of these texts. */
int ltd_transfer_rates(const ltd_positions *clock, const ltd_visits *visits, ltd_rate *ret,
                       ltd_err *err);
/* The same of plain decoding. */
void ltd_transfer_plain(const ltd_positions *clock, ltd_rate *ret);

/* Fill native and all cells; 95 % intervals of a paired bootstrap over prompts.  LTD_EINVAL: a
 * machine without a row ltd of its own; LTD_ENOMEM. */
int ltd_transfer_fold(ltd_transfer *t, int32_t resamples, uint64_t seed, ltd_err *err);

/* Append a table for people, 100 columns; the JSON object of docs/formats.md. */
void ltd_transfer_table(const ltd_transfer *t, ltd_str *out);
void ltd_transfer_json(const ltd_transfer *t, const char *command, uint64_t seed, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
