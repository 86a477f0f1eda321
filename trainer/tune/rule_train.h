/* Training of the nets of rules (agents/rules/trained.h) over records, on the cycles that the rule
 * meets when it plays: an environment over the records of the training prompts is all there is to
 * it, as for the search of parameters (rule_tune.h).
 *
 *     ltd_mlp *net;
 *     ltd_rule_train(&net, env, ltd_rule_find("disco"), seed, &err);
 *
 * The same records and seed give the same bytes.  Thread rule: one thread. */
#ifndef LTD_TRAINER_RULE_TRAIN_H
#define LTD_TRAINER_RULE_TRAIN_H

#include "agents/rules/trained.h"
#include "env/ltd_env.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Train the net of a rule that has one.  While it learns, matches of 10 tokens or more are left to
 * prompt lookup (g 10), as tuned rules leave them.  LTD_EINVAL: the environment plays no
 * record, or the head never gets its turn.  *ret owned. */
int ltd_rule_train(ltd_mlp **ret, ltd_env *env, const ltd_rule *rule, uint64_t seed, ltd_err *err);

/* --- its parts --- */

/* Parameters a rule is trained with. */
void ltd_rule_train_params(const ltd_rule *rule, float *param);

/* What a classifier learns from: all forwards are made in each cycle and 8 nodes verified, so that
 * cycles begin where cycles begin, and every level is seen. */
typedef struct ltd_rule_samples {
    int64_t n;
    int32_t inputs;
    float *x;     /* [n, inputs] owned */
    uint8_t *yes; /* [n] owned; is what was looked at right? */
    size_t room_x, room_yes;
} ltd_rule_samples;

/* *ret is zeroed first, so that fini is always legal. */
int ltd_rule_samples_collect(ltd_rule_samples *ret, ltd_env *env, const ltd_rule *rule,
                             ltd_err *err);
void ltd_rule_samples_fini(ltd_rule_samples *s);

/* PPO (Schulman et al. 2017, arXiv 1707.06347) for a rule that chooses among settings; each choice
 * is an episode of its own.  Keeps the policy that plays fastest of those on the way. */
int ltd_rule_train_ppo(ltd_mlp **ret, ltd_env *env, const ltd_rule *rule, uint64_t seed,
                       ltd_err *err);

#ifdef __cplusplus
}
#endif
#endif
