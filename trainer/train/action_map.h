/* What a policy does against how far it has drafted and how likely the draft is: actions.csv.
 *
 *     ltd_action_map map = {0};
 *     ltd_witness w = ltd_action_map_witness(&map);
 *     ltd_evaluate(env, agent, 24, NULL, NULL, &w, &e, &err);
 *     ltd_action_map_csv(&map, &text);
 *
 *     forwards,confidence_from,confidence_to,asked,went_on,stopped,nodes
 *
 * A line for each number of draft forwards so far and each tenth of confidence (agents/table.h)
 * that any cycle came by: DEPTH turns, those that went on, cycles that ended with this question or
 * that of the size, and the mean of the nodes that these verified (empty without any).
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_ACTION_MAP_H
#define LTD_TRAINER_ACTION_MAP_H

#include "base/str.h"
#include "trainer/bench/run_prompt.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_ACTION_CLASSES = 10 };

typedef struct ltd_action_cell {
    int64_t asked, went_on, stopped, nodes;
} ltd_action_cell;

typedef struct ltd_action_map {
    ltd_action_cell cell[LTD_TREE_MAX_DEPTH + 1][LTD_ACTION_CLASSES];
    ltd_action_cell *last; /* of the cycle under way: where it was asked, after so many forwards */
    int32_t forwards;
} ltd_action_map;

/* Fills it; the map is borrowed.  Of cycles over compiled records confidence is known to policies
 * of the ltd contracts alone; decisions of others are passed over. */
ltd_witness ltd_action_map_witness(ltd_action_map *map);
void ltd_action_map_csv(const ltd_action_map *map, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
