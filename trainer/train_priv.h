/* State of a training run, shared by train.c and train_state.c. */
#ifndef LTD_TRAINER_TRAIN_PRIV_H
#define LTD_TRAINER_TRAIN_PRIV_H

#include "agents/table.h"
#include "trainer/joint.h"
#include "trainer/learner.h"
#include "trainer/metrics.h"
#include "trainer/train.h"

typedef struct ltd_trainer {
    ltd_setup *setup;
    const ltd_train_options *options;
    char checkpoints[LTD_CONFIG_TEXT]; /* folder */
    ltd_prompts *prompts, *valid_prompts;
    ltd_cycle *cycle;
    ltd_env *env, *valid_env; /* share the cycle: never used in the same moment */
    ltd_learner *depth, *size;
    ltd_joint joint;
    ltd_metrics *metrics;
    ltd_rng explore, minibatch;
    bool depth_updates; /* in this iteration */
    bool planned;       /* both policies have learned from records */
    ltd_table *table;   /* ... and this was fitted to them; NULL: none */
    /* counters */
    int64_t cycles, decisions, updates;
    int64_t last_save, last_valid;
    double seconds; /* before this process */
    double best_valid, last_valid_value;
    uint64_t started_ns;
} ltd_trainer;

/* Learn from records, where there are any that serve: nets and env.rate. */
int ltd_train_plan(ltd_trainer *t, ltd_err *err);
/* Write a checkpoint of everything to `path`. */
int ltd_trainer_save(const ltd_trainer *t, const char *path, ltd_err *err);
/* Take everything from one. */
int ltd_trainer_load(ltd_trainer *t, const char *path, ltd_err *err);
double ltd_trainer_seconds(const ltd_trainer *t);

#endif
