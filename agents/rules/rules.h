/* The methods that others have published for deciding how much to draft and to verify, as agents:
 * hand rules with a few parameters, tuned on the machine and the model they play on, some of them
 * with a small net that is trained there (trained.h).
 *
 *     const ltd_rule *rule = ltd_rule_find("two-threshold");
 *     float param[LTD_RULE_PARAMS];
 *     ltd_rule_defaults(rule, param);
 *     ltd_agent_rule_new(&agent, rule, param, &err);
 *
 * A rule reads ltd_env_state(), and ltd_env_last() when it goes by history; scores of the tree are
 * taken as ln of the probability that a node survives.  It is blind, and always legal.  Where a
 * method knows the draft head alone it is given prompt lookup as well, by parameters g and m: a
 * match of g tokens or more is verified, m tokens of it, without a draft forward.
 * Parameters are searched by trainer/tune/rule_tune.h.  Thread rule: an agent belongs to one
 * thread. */
#ifndef LTD_AGENTS_RULES_RULES_H
#define LTD_AGENTS_RULES_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "agents/agent.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LTD_RULE_PARAMS = 8, /* most of a rule */
    LTD_RULE_VALUES = 8  /* most to search of a parameter */
};

typedef struct ltd_rule_param {
    const char *name;
    const char *meaning;
    int32_t n;                    /* values; 1: nothing to search */
    float value[LTD_RULE_VALUES]; /* to search; the first is the default */
} ltd_rule_param;

/* What a rule's net learns from records. */
typedef enum ltd_rule_lesson {
    LTD_RULE_LEVELS,   /* one output: is the best node of the last level right, given that the one
                          before was? */
    LTD_RULE_NODES,    /* one output: is this node right? */
    LTD_RULE_SETTINGS, /* an output for each setting: the larger, the sooner it is taken */
} ltd_rule_lesson;

/* The net of a trained rule (trained.h); inputs 0: the rule has none. */
typedef struct ltd_rule_net {
    ltd_rule_lesson lesson;
    int32_t inputs, hidden, outputs;
    float weight_of_no; /* of samples that are not right, those that are have 1 */
} ltd_rule_net;

struct ltd_rule_ops;

typedef struct ltd_rule {
    const char *name;    /* row of the bench */
    const char *formula; /* the decision in a line */
    const char *source;  /* paper or project, arXiv number */
    int32_t n_params;
    ltd_rule_param param[LTD_RULE_PARAMS];
    ltd_rule_net net;
    const struct ltd_rule_ops *ops; /* private to the folder */
} ltd_rule;

/* All of them, in the order of docs/opponents.md.  Static storage. */
int32_t ltd_rule_count(void);
const ltd_rule *ltd_rule_at(int32_t i);
/* NULL when there is none. */
const ltd_rule *ltd_rule_find(const char *name);
/* param[n_params] <- the first value of each. */
void ltd_rule_defaults(const ltd_rule *rule, float *param);
/* "g 3, m 4, V 6".  Cut at size; returns ret. */
char *ltd_rule_text(const ltd_rule *rule, const float *param, char *ret, size_t size);

/* An agent that plays the rule with param[n_params] (copied).  LTD_EINVAL: a parameter that is no
 * finite number, or a rule that needs a net (trained.h); LTD_ENOMEM.  *ret owned: ltd_agent_free().
 */
int ltd_agent_rule_new(ltd_agent **ret, const ltd_rule *rule, const float *param, ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
