/* A policy as a table that can be read, printed and copied by hand: what to do by draft forwards so
 * far, confidence and lookup match.
 *
 *     const ltd_table_class *class = ltd_table_at(table, forwards, confidence, match);
 *     class->go       one more draft forward?
 *     class->nodes    else verify so many
 *
 * Confidence is how likely the text is to pass through the best node that the next forward would
 * expand: the survival of its score (env/survival.h), 1 before the first forward.  Match is the
 * length of the lookup match, 0 without one.
 *
 * Tables are fitted by trainer/train/table_fit.h.  Thread rule: immutable once made; an agent
 * belongs to one thread. */
#ifndef LTD_AGENTS_TABLE_H
#define LTD_AGENTS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/agent.h"
#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_TABLE_CONFIDENCES = 12, /* classes */
    LTD_TABLE_MATCHES = 8,
    LTD_TABLE_FORWARDS = LTD_TREE_MAX_DEPTH + 1,
    LTD_TABLE_MOST_NODES = 1 << 16
};

typedef struct ltd_table_class {
    bool go;        /* where it is allowed */
    int32_t nodes;  /* else */
    int64_t cycles; /* that came by while it was fitted */
} ltd_table_class;

typedef struct ltd_table {
    int32_t max_forwards;
    float confidence[LTD_TABLE_CONFIDENCES - 1]; /* class c holds [c - 1] <= x < [c]; ascending */
    int32_t match[LTD_TABLE_MATCHES - 1];
    ltd_table_class at[LTD_TABLE_FORWARDS][LTD_TABLE_CONFIDENCES][LTD_TABLE_MATCHES];
} ltd_table;

/* The usual classes; plain decoding everywhere. */
void ltd_table_init(ltd_table *table, int32_t max_forwards);
/* Is it a table: ascending classes, forwards that end, nothing negative?  LTD_EFORMAT, for files.
 */
int ltd_table_check(const ltd_table *table, ltd_err *err);
/* Class numbers. */
int32_t ltd_table_confidence(const ltd_table *table, float confidence);
int32_t ltd_table_match(const ltd_table *table, int32_t match);
/* More forwards than the table has: the last ones, which stop. */
const ltd_table_class *ltd_table_at(const ltd_table *table, int32_t forwards, float confidence,
                                    int32_t match);
/* Is its speed as good as that of the nets it is fitted to, within 0.5 %? */
static inline bool ltd_table_does(double table, double nets)
{
    return table >= 0.995 * nets;
}
/* Classes that any cycle came by. */
int32_t ltd_table_entries(const ltd_table *table);
/* Append those as CSV: forwards, confidence_from, confidence_to, match_from, match_to (empty: no
 * end), action, nodes, cycles. */
void ltd_table_csv(const ltd_table *table, ltd_str *out);

/* What is asked of a cycle under way: confidence as above. */
float ltd_table_confidence_of(const ltd_tree *tree);

/* An agent that plays it (borrowed): nodes become the largest legal size that isn't above.
 * LTD_EINVAL: an empty name; LTD_ENOMEM.  *ret owned: ltd_agent_free(). */
int ltd_agent_table_new(ltd_agent **ret, const char *name, const ltd_table *table, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
