/* What a run of training would do, told without doing it: `ltd train --dry-run`.
 *
 *     ltd_forecast f;
 *     if (ltd_forecast_make(&f, &setup, "runs/a", &err) < 0) ...
 *     ltd_forecast_text(&f, &out);
 *
 * How often a policy goes on is not known before it is trained: cycles are counted as policies
 * that choose at random play them, which is how untrained ones begin.  Times of cycles come from
 * the cost table of this machine and model, where there is one; those of decisions and gradient
 * steps are measured here, in a second or so.  Prefill and validation are not counted. Thread rule:
 * one thread. */
#ifndef LTD_TRAINER_FORECAST_H
#define LTD_TRAINER_FORECAST_H

#include "base/status.h"
#include "base/str.h"
#include "env/ltd_env.h"
#include "trainer/config/setup.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_FORECAST_STAGES = LTD_CONFIG_STRINGS + 2 };
enum { LTD_FORECAST_DEPTH, LTD_FORECAST_SIZE, LTD_FORECAST_POLICIES };

/* A cycle of policies that choose at random, in the mean. */
typedef struct ltd_forecast_pace {
    double decisions[LTD_FORECAST_POLICIES];
    double forwards, nodes;
    double ms; /* by the cost table at the middle context, decisions included; 0: no table */
} ltd_forecast_pace;

/* A part of the run in which the same policies learn. */
typedef struct ltd_forecast_stage {
    const char *name;
    bool live;        /* its cycles take their time; else over records, by the cost table */
    int64_t passes;   /* over records, without cycles */
    int64_t cycles;   /* all that follows is 0 where there are none */
    double decisions; /* of both policies */
    int64_t updates;  /* rollout + update */
    int64_t gradient_steps[LTD_FORECAST_POLICIES];
} ltd_forecast_stage;

typedef struct ltd_forecast_net {
    int32_t inputs, outputs;
    const ltd_ints *hidden, *critic_hidden; /* borrowed from the configuration */
    int64_t actor, critic;                  /* parameters */
    double decision_ms;                     /* the actor's */
    double minibatch_ms;                    /* a gradient step */
} ltd_forecast_net;

typedef struct ltd_forecast {
    const ltd_setup *setup; /* borrowed */
    char dir[LTD_CONFIG_TEXT];
    char calibration[LTD_CONFIG_TEXT]; /* path, whether it is there or not */
    ltd_forecast_pace pace;
    ltd_forecast_stage stage[LTD_FORECAST_STAGES];
    int32_t n_stages;
    ltd_forecast_net net[LTD_FORECAST_POLICIES];
    /* bytes */
    size_t model, head, kv, features, nets, optimizer, rollouts;
    size_t checkpoint;
} ltd_forecast;

/* What depends on the schedule, and on nothing but configuration and pace (forecast_stages.c). */
int32_t ltd_forecast_stages(const ltd_config *c, const ltd_forecast_pace *pace,
                            ltd_forecast_stage ret[LTD_FORECAST_STAGES]);
/* cost may be NULL; head: whether there is one. */
ltd_forecast_pace ltd_forecast_pace_of(const ltd_config *c, const ltd_cost *cost, bool head);

/* setup->cost: used where it is.  Nothing is written.  LTD_ENOMEM, LTD_ETORCH. */
int ltd_forecast_make(ltd_forecast *ret, ltd_setup *setup, const char *dir, ltd_err *err);

/* Seconds of a stage's cycles (NaN: no table) and of its gradient steps. */
double ltd_forecast_cycles_s(const ltd_forecast *f, const ltd_forecast_stage *s);
double ltd_forecast_updates_s(const ltd_forecast *f, const ltd_forecast_stage *s);

/* Append it for people, and as one JSON object. */
void ltd_forecast_text(const ltd_forecast *f, ltd_str *out);
void ltd_forecast_json(const ltd_forecast *f, const char *command, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
