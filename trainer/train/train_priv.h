/* State of a training run, shared by trainer/train*.c. */
#ifndef LTD_TRAINER_TRAIN_PRIV_H
#define LTD_TRAINER_TRAIN_PRIV_H

#include "agents/table.h"
#include "env/positions.h"
#include "env/trace.h"
#include "trainer/checkpoint/observations.h"
#include "trainer/metrics/metrics.h"
#include "trainer/ppo/joint.h"
#include "trainer/ppo/learner.h"
#include "trainer/train/action_map.h"
#include "trainer/train/histograms.h"
#include "trainer/train/train.h"

/* Records of the prompts, where there are any that serve (train_records.c). */
typedef struct ltd_train_records {
    ltd_trace trace;
    ltd_positions *train, *valid;         /* compiled; NULL: none */
    ltd_prompts *prompts, *valid_prompts; /* the recorded ones, where positions can't serve */
    ltd_env **env, *valid_env;            /* [n_envs] over positions or cycles, for PPO */
    ltd_cycle **cycle;                    /* [n_envs + 1] the last is for validation; NULL: none */
    int32_t n_envs;
} ltd_train_records;

struct ltd_planner_result;
struct ltd_train_mark;

/* What a checkpoint holds of one environment. */
typedef struct ltd_train_env {
    ltd_env_state_save state;
    ltd_rng explore;
} ltd_train_env;

typedef struct ltd_trainer {
    ltd_setup *setup;
    const ltd_train_options *options;
    char checkpoints[LTD_CONFIG_TEXT]; /* folder */
    ltd_prompts *prompts, *valid_prompts;
    ltd_cycle *cycle;
    ltd_env *env, *valid_env; /* share the cycle: never used in the same moment */
    ltd_train_records records;
    ltd_learner *depth, *size;
    ltd_joint joint;
    ltd_metrics *metrics;
    ltd_histograms *histograms;
    ltd_metrics *plan; /* of passes over records, while they last; NULL: nobody asks */
    int plan_rc;       /* of the first row of it that could not be written */
    ltd_err plan_err;
    ltd_run valid_run; /* of the last validation */
    ltd_rng *explore;  /* of each environment of this process; owned */
    ltd_rng minibatch;
    ltd_train_env *saved; /* [n_saved] environments of all processes, for the checkpoint; owned */
    int32_t n_saved;
    struct ltd_train_mark *mark; /* train_mark.c */
    bool depth_updates;          /* in this iteration */
    bool planned;                /* both policies have learned from records */
    ltd_table *table;            /* ... and this was fitted to them; NULL: none */
    ltd_observations met;        /* by the policies, for who compares them with others */
    /* counters */
    int64_t cycles, decisions, updates;
    int32_t stage;           /* mode stages: which; all of them: over */
    int64_t stage_decisions; /* of its learner */
    int64_t last_save, last_valid;
    double seconds;     /* before this process */
    double now_seconds; /* ltd_trainer_seconds() of rank 0, as it was told last */
    double best_valid, last_valid_value;
    uint64_t started_ns;
} ltd_trainer;

/* --- who learns next, where, and for how long (train_stages.c) --- */

/* Does any of the run's cycles take place over records?  Do the next ones? */
bool ltd_train_uses_records(const ltd_config *c);
bool ltd_train_on_records(const ltd_trainer *t);
/* How much of ltd_train_length() is done; is all of it? */
int64_t ltd_train_done(const ltd_trainer *t);
bool ltd_train_over(const ltd_trainer *t);
/* What the rollout under way adds to it so far. */
int64_t ltd_train_rollout_done(const ltd_trainer *t, const ltd_joint_stats *stats);
/* Share of the run, or of the stage, that is done: by cycles or decisions; joint: by time when that
 * ends it sooner. */
double ltd_train_share(const ltd_trainer *t);
/* Cycles of the next rollout at most. */
int64_t ltd_train_longest_rollout(const ltd_trainer *t);
/* Set the roles of the next rollout. */
void ltd_train_choose(ltd_trainer *t);
/* What the next rollout teaches, and on what: "both policies, live", "stage 2 of 4: depth, over
 * records".  Cut at size; returns ret. */
const char *ltd_train_what(const ltd_trainer *t, char *ret, size_t size);
/* A rollout is done; after its updates: does the next stage begin? */
void ltd_train_count(ltd_trainer *t, const ltd_joint_stats *stats);
void ltd_train_next_stage(ltd_trainer *t);
/* Has the policy learned anything so far?  Else another one plays in its place. */
bool ltd_train_has_learned(const ltd_trainer *t, bool depth);

/* --- what is left in the folder (train_files.c) --- */

/* metrics, histograms; config.yaml, run.json, calibration.json. */
int ltd_train_open_files(ltd_trainer *t, ltd_err *err);
/* table.csv, actions.csv. */
int ltd_train_save_table(const ltd_trainer *t, ltd_err *err);
int ltd_train_save_actions(const ltd_trainer *t, const ltd_action_map *map, ltd_err *err);
/* plan/: metrics of passes over records.  What could not be written is told when it is closed. */
int ltd_train_open_plan(ltd_trainer *t, ltd_err *err);
void ltd_train_note_pass(ltd_trainer *t, const struct ltd_planner_progress *p);
int ltd_train_close_plan(ltd_trainer *t, ltd_err *err);

/* --- together with others (train_group.c) --- */

bool ltd_train_is_first(const ltd_trainer *t);
/* Number of this process's environment 0 among those of all, when each has n. */
int64_t ltd_train_first_env(const ltd_trainer *t, int32_t n);
/* Do all train the same?  Then take the survival curves of rank 0.  LTD_EINVAL. */
int ltd_train_agree(ltd_trainer *t, ltd_err *err);
/* What time is it? */
int ltd_train_tell_time(ltd_trainer *t, ltd_err *err);
/* Take over what rank 0 learned from records. */
int ltd_train_share_plan(ltd_trainer *t, ltd_err *err);
/* Bring the state of all environments to rank 0: t->saved. */
int ltd_train_gather_envs(ltd_trainer *t, ltd_err *err);

/* --- what to save when an iteration is broken off (train_mark.c) --- */

/* Remember the state of the run, in rank 0 of a group. */
int ltd_train_set_mark(ltd_trainer *t, ltd_err *err);
/* Return to it; false: there is none. */
bool ltd_train_go_back(ltd_trainer *t);
void ltd_train_mark_free(struct ltd_train_mark *mark);

/* --- the rest --- */

/* The environments of the next cycles [*n]. */
ltd_env **ltd_train_envs(ltd_trainer *t, int32_t *n);
/* Load them, and compile those of training; planning, or environments, those of validation.
 * LTD_EINVAL: train.record_cycles asks for what there isn't. */
int ltd_train_open_records(ltd_trainer *t, ltd_err *err);
/* Compile the recorded ones of the prompts, at the rate of the moment, in place of *ret. */
int ltd_train_compile(ltd_trainer *t, const ltd_prompts *prompts, ltd_positions **ret,
                      ltd_err *err);
int ltd_train_open_record_envs(ltd_trainer *t, ltd_err *err);
void ltd_train_close_records(ltd_trainer *t);
int ltd_train_open_prompts(ltd_trainer *t, ltd_err *err);
/* The live environments, of training and validation. */
int ltd_train_open_envs(ltd_trainer *t, ltd_err *err);
/* The random streams: one of actions for each environment, whichever process has it. */
int ltd_train_open_streams(ltd_trainer *t, ltd_err *err);
/* The nets of the configuration, as they begin. */
int ltd_train_open_learners(ltd_trainer *t, ltd_err *err);
/* Learn from them by planning, and say nothing of it: nets and env.rate.  LTD_EINVAL: nets that
 * can't be planned with. */
int ltd_train_plan_nets(ltd_trainer *t, struct ltd_planner_result *ret, ltd_err *err);
/* The same, where there are any; what was learned is told, and a table is fitted to it. */
int ltd_train_plan(ltd_trainer *t, ltd_err *err);
/* Keep some of the observations of the rollouts that were learned from; of positions, for what was
 * learned by planning. */
int ltd_train_keep_rollouts(ltd_trainer *t, ltd_err *err);
void ltd_train_keep_positions(ltd_trainer *t);
/* Write a checkpoint of everything to `path`; of the environments, what t->saved has. */
int ltd_trainer_save(ltd_trainer *t, const char *path, ltd_err *err);
/* Take counters and policies from one; then, with environments open, their state. */
int ltd_trainer_load(ltd_trainer *t, const char *path, ltd_err *err);
int ltd_trainer_load_envs(ltd_trainer *t, const char *path, ltd_err *err);
double ltd_trainer_seconds(const ltd_trainer *t);

#endif
