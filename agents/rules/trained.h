/* Rules that decide by a small trained net besides their parameters: what it is shown, what it
 * learns, and how a trainer watches such a rule play.
 *
 *     ltd_agent_trained_new(&agent, ltd_rule_find("disco"), param, net, &err);     to play
 *
 *     n = ltd_rule_look(agent, env, x, node);       to learn, after agent->decide() was asked
 *
 * What the net is shown comes from the agent that plays by it, so training and play can't differ.
 * Thread rule: as rules.h; a net may serve several agents of one thread. */
#ifndef LTD_AGENTS_RULES_TRAINED_H
#define LTD_AGENTS_RULES_TRAINED_H

#include "agents/mlp.h"
#include "agents/rules/rules.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_RULE_INPUTS = 64, LTD_RULE_OUTPUTS = 32, LTD_RULE_LOOKS = 64 };

/* An agent that plays the rule with param[n_params] (copied) and the net (borrowed; NULL for a rule
 * without one).  LTD_EINVAL: as ltd_agent_rule_new(); no net, or one of another shape. */
int ltd_agent_trained_new(ltd_agent **ret, const ltd_rule *rule, const float *param, ltd_mlp *net,
                          ltd_err *err);
/* Does the net have the rule's shape? */
bool ltd_rule_net_fits(const ltd_rule *rule, const ltd_mlp *net);

/* What the net is shown where the cycle stands: rows of x[rows][net.inputs], room for
 * LTD_RULE_LOOKS; node[rows] the pool node each is about, in LTD_RULE_LEVELS the best of the beam.
 * Returns the rows: none when the head has no say in this cycle, or before its first forward. */
int32_t ltd_rule_look(ltd_agent *agent, const ltd_env *env, float *x, int32_t *node);

/* Who takes the choices of a LTD_RULE_SETTINGS rule over, to explore and to hear what they came to.
 */
typedef struct ltd_rule_tutor {
    void *ctx;
    /* A setting [0, net.outputs), from what the net is shown and what it says.  Both are borrowed
     * until it returns. */
    int32_t (*choose)(void *ctx, const float *x, const float *y);
    /* What the choice before came to: tokens of its cycles by their time in plain steps. */
    void (*pay)(void *ctx, double reward);
} ltd_rule_tutor;
/* Borrowed as long as the agent lives. */
void ltd_rule_set_tutor(ltd_agent *agent, const ltd_rule_tutor *tutor);

#ifdef __cplusplus
}
#endif
#endif
