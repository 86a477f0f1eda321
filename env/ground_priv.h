/* What an environment's cycles take place on, behind its turns: a cycle (cycle.h: the engine, or a
 * record of it), or compiled positions (positions.h).  A ground belongs to one environment. */
#ifndef LTD_ENV_GROUND_PRIV_H
#define LTD_ENV_GROUND_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "env/cycle.h"
#include "env/ltd_env.h"

typedef struct ltd_ground ltd_ground;

struct ltd_ground {
    /* Begin the text of prompt `index` of the options: root, room. */
    int (*prompt)(ltd_ground *g, int32_t index, ltd_err *err);
    /* Begin a cycle: forwards, pool, context, and what of *state is the ground's. */
    int (*begin)(ltd_ground *g, ltd_obs_state *state, ltd_err *err);
    int (*draft)(ltd_ground *g, ltd_err *err);
    void (*observe)(const ltd_ground *g, ltd_contract contract, const ltd_obs_state *state,
                    float *ret);
    /* End the cycle: the result is the ground's until the next call. */
    int (*verify)(ltd_ground *g, int32_t size, const ltd_cycle_result **ret, ltd_err *err);
    /* By the cost table [ms]: a plain step where the cycle that ended began, and all of it. */
    void (*times)(const ltd_ground *g, const ltd_cost_work *work, double *ar, double *cycle);
    bool (*is_end)(const ltd_ground *g, int32_t token);
    void (*free)(ltd_ground *g);
    ltd_cycle *cycle;   /* NULL: none */
    ltd_phases *phases; /* NULL: no clock runs */
    bool has_head;
    int32_t top_k;
    int32_t root, room;              /* of the text */
    int32_t context, forwards, pool; /* of the cycle under way */
};

/* *ret owned.  The options have been checked.  LTD_ENOMEM. */
int ltd_ground_cycle(ltd_ground **ret, const ltd_env_options *options, ltd_err *err);
int ltd_ground_positions(ltd_ground **ret, const ltd_env_options *options, ltd_err *err);

/* Can an environment be opened with these options?  LTD_EINVAL names the one that can't be.  What
 * positions decide is filled in. */
int ltd_env_check_options(ltd_env_options *options, ltd_err *err);

#endif
