/* Parameters of the rules (agents/rules) for this machine: searched over the records of the
 * training prompts by the cost table, without the model's work; and the nets of those that have
 * one.
 *
 *     ltd_rule_set set;
 *     ltd_rules_open(&set, &s, &replay, names, n, &watch, &err);
 *     const ltd_rule_setting *best = ltd_rules_find(&set, "switch");
 *     ltd_agent_trained_new(&agent, best->rule, best->param, best->net, &err);
 *     ltd_rules_fini(&set);                                after the agents
 *
 * The search climbs from the defaults and from the best of some random settings: one parameter at a
 * time through all of its values, over all parameters until none changes or after three passes.
 * What it maximises is tokens by table milliseconds, so the same records give the same parameters.
 * Thread rule: one thread. */
#ifndef LTD_TRAINER_RULE_TUNE_H
#define LTD_TRAINER_RULE_TUNE_H

#include "agents/rules/trained.h"
#include "env/ltd_env.h"
#include "trainer/bench/run_prompt.h"
#include "trainer/config/setup.h"
#include "trainer/records/replay.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_RULES_MAX = 32,    /* rules of a set */
    LTD_RULES_SEED = 1,    /* of the nets' training */
    LTD_RULES_PROMPTS = 96 /* prompts of a search, taken evenly from those that are recorded */
};

typedef struct ltd_rule_setting {
    const ltd_rule *rule;
    float param[LTD_RULE_PARAMS];
    double speedup; /* over plain decoding on the prompts of the search; 0: not tuned */
    double before;  /* the same with the defaults */
    int32_t tries;  /* settings that were played */
    ltd_mlp *net;   /* of a trained rule, owned */
} ltd_rule_setting;

/* Settings of some rules, and what they hold for.  Not to be copied: it owns nets. */
typedef struct ltd_rule_set {
    int32_t n;
    ltd_rule_setting rule[LTD_RULES_MAX];
    char identity[640];
    char tuned_on[256]; /* in words */
} ltd_rule_set;

/* Free the nets; legal on a set that is zero, or has begun. */
void ltd_rules_fini(ltd_rule_set *set);
/* NULL when it isn't among them. */
const ltd_rule_setting *ltd_rules_find(const ltd_rule_set *set, const char *name);

/* The environment rules play in: that of the configuration, with the sizes that the search for the
 * static setting looks at, and 0. */
void ltd_rule_env_options(const ltd_setup *s, ltd_env_options *ret);

/* --- the search --- */

/* Play all prompts of an environment with the rule's settings, many times; a net is trained first
 * (rule_train.h).  The environment's cost table is what counts.  LTD_EINVAL: it has none.  ret->net
 * is the caller's. */
int ltd_rule_search(ltd_env *env, const ltd_rule *rule, ltd_rule_setting *ret, ltd_err *err);
/* Table milliseconds that a token takes with an agent. */
int ltd_rule_pace(ltd_env *env, ltd_agent *agent, double *ret, ltd_err *err);

/* Tune `names[n]` over the records and put the results into the set, in place of what it knows of
 * them.  Errors of ltd_replay_prompts and of the environment; LTD_ECANCELED. */
int ltd_rules_tune(ltd_rule_set *set, const ltd_replay *replay, const char *const *names, int32_t n,
                   const ltd_watch *watch, ltd_err *err);
/* The same without the search: nets are trained, parameters stay the defaults. */
int ltd_rules_train(ltd_rule_set *set, const ltd_replay *replay, const char *const *names,
                    int32_t n, const ltd_watch *watch, ltd_err *err);
/* The kept set; those of `names[n]` that it lacks are tuned and kept with it.  `replay` NULL:
 * nothing is recorded, and what isn't kept stays out of the set. */
int ltd_rules_open(ltd_rule_set *ret, const ltd_setup *s, const ltd_replay *replay,
                   const char *const *names, int32_t n, const ltd_watch *watch, ltd_err *err);

/* --- the file --- */

/* *ret (not read) becomes an empty set for this machine, model, head and configuration. */
void ltd_rules_begin(ltd_rule_set *ret, const ltd_setup *s);
/* "rules-<12 hex digits>.json" beside the calibration; the digits are a hash of the identity. */
int ltd_rules_path(const ltd_setup *s, char *ret, size_t size, ltd_err *err);
/* Append the JSON object of docs/formats.md. */
void ltd_rules_json(const ltd_rule_set *set, ltd_str *out);
int ltd_rules_save(const ltd_rule_set *set, const char *path, ltd_err *err);
/* Fill a set that has begun and is empty.  Rules that are not known here, or whose parameters have
 * changed, are passed over.  LTD_EIO, LTD_EFORMAT; LTD_EINVAL: the file holds for something else.
 */
int ltd_rules_load(ltd_rule_set *set, const char *path, ltd_err *err);
/* Append a table for people: rule, parameters, speed-ups. */
void ltd_rules_table(const ltd_rule_set *set, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
