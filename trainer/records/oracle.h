/* The best that could be: how fast an answer can be decoded by one who knows it, by the cost table.
 *
 *     ltd_plan plan;
 *     ltd_oracle_best(outcomes, &options, text, &plan, &err);
 *
 * Thread rule: any; nothing is changed. */
#ifndef LTD_TRAINER_ORACLE_H
#define LTD_TRAINER_ORACLE_H

#include "env/cost.h"
#include "trainer/records/outcomes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What may be chosen: any number of nodes and forwards up to these.  Not only the sizes of a table:
 * no policy shall be faster, and where a measured table has a dent a size between may be. */
typedef struct ltd_oracle_options {
    const ltd_cost *cost;
    int32_t max_size, max_forwards;
    bool lookup;     /* may be chosen, too, cycle by cycle */
    int32_t max_new; /* tokens of an answer; 0: all that are recorded */
} ltd_oracle_options;

/* Positions of a text at which a cycle begins: tokens to decode after its first one. */
int32_t ltd_oracle_positions(const ltd_outcomes *o, const ltd_oracle_options *options,
                             int32_t text);

/* What a way to decode an answer comes to. */
typedef struct ltd_plan {
    double ms; /* by the cost table */
    int64_t cycles, accepted, forwards, nodes;
} ltd_plan;

/* The least time in which an answer can be decoded by one that knows it: by dynamic programming
 * from its end.  LTD_ENOMEM. */
int ltd_oracle_best(const ltd_outcomes *o, const ltd_oracle_options *options, int32_t text,
                    ltd_plan *ret, ltd_err *err);
/* The same by one who, cycle by cycle, takes what gives most tokens a millisecond. */
ltd_plan ltd_oracle_greedy(const ltd_outcomes *o, const ltd_oracle_options *options, int32_t text);
/* A setting that never changes; what may be chosen is not looked at. */
ltd_plan ltd_oracle_static(const ltd_outcomes *o, const ltd_oracle_options *options, int32_t text,
                           bool lookup, int32_t forwards, int32_t size);

#ifdef __cplusplus
}
#endif
#endif
