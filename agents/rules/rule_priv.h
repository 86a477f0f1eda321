/* What the rules of this folder share: the agent around a rule, the lookup source in front of it,
 * signals of the draft tree.  Private to agents/rules. */
#ifndef LTD_AGENTS_RULES_RULE_PRIV_H
#define LTD_AGENTS_RULES_RULE_PRIV_H

#include "agents/rules/rules.h"
#include "agents/rules/trained.h"
#include "env/ltd_env.h"

/* A rule's own agent begins with this. */
typedef struct rule_agent {
    ltd_agent agent; /* first: the two are cast into each other */
    const ltd_rule *rule;
    float param[LTD_RULE_PARAMS];
    int32_t chain; /* tokens of the lookup chain this cycle verifies, -1 = the head decides */
    bool begun;    /* it has played a cycle before */
    ltd_mlp *net;  /* borrowed; NULL: the rule has none */
    const ltd_rule_tutor *tutor; /* borrowed, NULL: it chooses by itself */
} rule_agent;

/* A cycle goes: begin, chain, go until it says no, size.  All but go may be NULL. */
typedef struct ltd_rule_ops {
    size_t bytes; /* of the rule's agent, 0 = a rule_agent */
    int (*open)(rule_agent *a, ltd_err *err);
    void (*close)(rule_agent *a);
    /* A cycle begins; `last` is the one before it, NULL in the agent's first. */
    void (*begin)(rule_agent *a, const ltd_env *env, const ltd_info *last);
    /* Chain tokens to verify without a draft forward, -1 = ask the head.  NULL: by g and m. */
    int32_t (*chain)(rule_agent *a, const ltd_env *env);
    /* One more draft forward? */
    bool (*go)(rule_agent *a, const ltd_env *env);
    /* Nodes to verify.  NULL: V. */
    int32_t (*size)(rule_agent *a, const ltd_env *env);
    /* Of a rule with a net: see ltd_rule_look(), which asks only after a forward. */
    int32_t (*look)(rule_agent *a, const ltd_env *env, float *x, int32_t *node);
} ltd_rule_ops;

/* The first parameters of a rule without a `chain` of its own, and what follows: V where there is
 * no `size`, or nodes a forward, or the two thresholds. */
enum { RULE_G, RULE_M, RULE_V, RULE_PER = RULE_V, RULE_A = RULE_V, RULE_B, RULE_MOST };

/* clang-format off */
#define RULE_SOURCES \
    {"g", "least match that is verified without a draft forward; 0: never", 6, {0, 2, 3, 4, 6, 10}}, \
    {"m", "tokens of such a match that are verified", 7, {6, 2, 3, 4, 8, 12, 16}}
#define RULE_SIZE {"V", "nodes verified", 8, {4, 2, 3, 6, 8, 12, 16, 60}}
#define RULE_NODES {"per", "nodes verified a draft forward", 6, {2, 1, 1.5f, 3, 4, 10}}
#define RULE_THRESHOLDS \
    {"a", "survival of the best frontier node that is worth a forward", 8, \
     {0.5f, 0.2f, 0.3f, 0.4f, 0.6f, 0.7f, 0.8f, 0.9f}}, \
    {"b", "survival of a node that is worth verifying", 8, \
     {0.15f, 0.03f, 0.06f, 0.1f, 0.2f, 0.25f, 0.3f, 0.4f}}, \
    {"most", "nodes verified at most", 6, {8, 3, 4, 6, 12, 16}}
/* clang-format on */

static inline int32_t rule_int(const rule_agent *a, int32_t param)
{
    return (int32_t)a->param[param];
}

/* Draft forwards so far. */
static inline int32_t rule_forwards(const ltd_env *env)
{
    return ltd_env_forwards(env);
}

/* --- signals (signals.c); before the resync the text is certain: all are 1 --- */

/* The head's p of its likeliest token in the last forward's top row. */
float ltd_rule_top(const ltd_env *env);
/* Sum of the head's own p over the frontier. */
float ltd_rule_mass(const ltd_env *env);
/* Survival of the frontier's best node, by the survival curve. */
float ltd_rule_best(const ltd_env *env);
/* Expected tokens of verifying the best `size` nodes: 1 + sum of their survivals. */
float ltd_rule_expected(const ltd_env *env, int32_t size);
/* How many nodes survive with more than p, up to `most`. */
int32_t ltd_rule_likely(const ltd_env *env, float p, int32_t most);
/* A cycle's cost with these forwards and nodes [ms]; in plain steps where there is no cost table.
 */
double ltd_rule_ms(const ltd_env *env, int32_t forwards, int32_t size);
/* What the cycle that ended last cost by the same measure: the same live and over records. */
double ltd_rule_last_ms(const ltd_env *env, const ltd_info *last);

/* --- what nets are shown, and what they say (trained.c) --- */

enum { RULE_TOP = 10 }; /* candidates of the top row */

/* ret[RULE_TOP] <- the head's p of the top row's candidates, 0 where there are fewer. */
void ltd_rule_top_row(const ltd_env *env, float *ret);
/* ln p between 0 and 1: 1 - p's distance from 1 in steps of e, 0 at e^-8 and below. */
float ltd_rule_scaled(float logp);
/* The best node of the beam. */
int32_t ltd_rule_best_node(const ltd_env *env);
/* Probability by a net of one output. */
float ltd_rule_judge(rule_agent *a, const float *x);

/* Nodes of a rule with parameter RULE_PER: so many a forward. */
int32_t ltd_rule_per_forward(rule_agent *a, const ltd_env *env);
/* The two thresholds, at RULE_A. */
bool ltd_rule_two_threshold_go(rule_agent *a, const ltd_env *env);
int32_t ltd_rule_two_threshold_size(rule_agent *a, const ltd_env *env);

extern const ltd_rule ltd_rule_lookup, ltd_rule_two_threshold, ltd_rule_switch, ltd_rule_goodput,
    ltd_rule_ddd, ltd_rule_svip, ltd_rule_conf, ltd_rule_adaedl, ltd_rule_opt_tree, ltd_rule_ema,
    ltd_rule_hf, ltd_rule_gammatune, ltd_rule_bandit, ltd_rule_eps, ltd_rule_tapout,
    ltd_rule_specdecpp, ltd_rule_disco, ltd_rule_c2t, ltd_rule_resps;

#endif
