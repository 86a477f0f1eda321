/* Classifiers: the rule's own agent is asked at every turn, so that it keeps its state, and is
 * overruled as soon as the head has its turn: all forwards are made. */
#include "trainer/tune/rule_train.h"

#include <stdlib.h>
#include <string.h>

#include "agents/fixed.h"
#include "base/mem.h"
#include "env/cycle.h"
#include "env/trace.h"
#include "trainer/tune/rule_fit.h"

enum { VERIFIED = 8 };

void ltd_rule_train_params(const ltd_rule *rule, float *param)
{
    ltd_rule_defaults(rule, param);
    for (int32_t i = 0; i < rule->n_params; i++) {
        if (strcmp(rule->param[i].name, "g") == 0) param[i] = 10;
        if (strcmp(rule->param[i].name, "keep") == 0 && rule->net.lesson == LTD_RULE_SETTINGS)
            param[i] = 10;
    }
}

/* --- samples --- */

typedef struct collector {
    ltd_rule_samples *out;
    ltd_env *env;
    ltd_agent *agent;
    const ltd_rule *rule;
    const ltd_trace_text *text;
    ltd_step step;
    int32_t level; /* of this cycle, noted last */
    bool right;    /* so was that level */
} collector;

/* Does the path to the node spell the text?  -1: the record ends before. */
static int is_right(const collector *c, int32_t node)
{
    const ltd_obs_state *s = ltd_env_state(c->env);
    const ltd_node *nodes = ltd_tree_nodes(s->tree);
    const int32_t *next = c->text->token + s->context;
    if (s->context + nodes[node].depth >= c->text->n) return -1;
    for (; node >= 0; node = nodes[node].parent)
        if (nodes[node].token != next[nodes[node].depth]) return 0;
    return 1;
}

static int push(ltd_rule_samples *s, const float *x, bool yes, ltd_err *err)
{
    size_t n = (size_t)s->n, inputs = (size_t)s->inputs;
    void *px = s->x, *py = s->yes;
    bool fits = ltd_mem_reserve(&px, &s->room_x, (n + 1) * inputs, sizeof *s->x) &&
                ltd_mem_reserve(&py, &s->room_yes, n + 1, sizeof *s->yes);
    s->x = px;
    s->yes = py;
    if (!fits) return ltd_fail(err, LTD_ENOMEM, "rules: no memory for %lld samples", (long long)n);
    memcpy(s->x + n * inputs, x, inputs * sizeof *x);
    s->yes[n] = yes;
    s->n++;
    return LTD_OK;
}

/* A level is worth a sample as long as the one before was right: a rule has stopped by then, or
 * what it does no longer matters. */
static int note(collector *c, ltd_err *err)
{
    float x[LTD_RULE_LOOKS * LTD_RULE_INPUTS];
    int32_t node[LTD_RULE_LOOKS], level = ltd_env_forwards(c->env);
    bool levels = c->rule->net.lesson == LTD_RULE_LEVELS;
    int32_t n = ltd_rule_look(c->agent, c->env, x, node);
    int rc = LTD_OK;
    if (levels ? level == c->level || !c->right : c->step.turn != LTD_TURN_SIZE) return rc;
    for (int32_t i = 0; rc == LTD_OK && i < n; i++) {
        int yes = is_right(c, node[i]);
        if (yes >= 0) rc = push(c->out, x + i * c->rule->net.inputs, yes > 0, err);
        c->right = yes > 0;
    }
    c->level = level;
    return rc;
}

static int32_t overrule(collector *c, int32_t action)
{
    if (ltd_env_forwards(c->env) == 0) return action;
    if (c->step.turn == LTD_TURN_SIZE) return ltd_agent_size_action(c->env, &c->step, VERIFIED);
    return c->step.mask[LTD_DEPTH_CONTINUE] ? LTD_DEPTH_CONTINUE : action;
}

static int walk(collector *c, int32_t prompt, ltd_err *err)
{
    const ltd_trace *trace = ltd_cycle_get_options(ltd_env_cycle(c->env))->trace;
    const ltd_prompt *p = ltd_prompts_at(ltd_env_get_options(c->env)->prompts, (size_t)prompt);
    ltd_reset first = {.new_prompt = true, .prompt = prompt};
    int32_t text = ltd_trace_find(trace, p->ids, p->n);
    if (text < 0) return ltd_fail(err, LTD_EINVAL, "rules: prompt %d is not recorded", prompt);
    c->text = &trace->text[text];
    int rc = ltd_env_reset(c->env, &first, &c->step, err);
    while (rc == LTD_OK) {
        c->level = 0;
        c->right = true;
        while (rc == LTD_OK && !c->step.terminated) {
            int32_t action = c->agent->decide(c->agent, c->env, &c->step, NULL);
            rc = note(c, err);
            if (rc == LTD_OK) rc = ltd_env_step(c->env, overrule(c, action), &c->step, err);
        }
        if (rc < 0 || c->step.info.prompt_done) break;
        rc = ltd_env_reset(c->env, NULL, &c->step, err);
    }
    return rc < 0 ? rc : LTD_OK;
}

int ltd_rule_samples_collect(ltd_rule_samples *ret, ltd_env *env, const ltd_rule *rule,
                             ltd_err *err)
{
    const int32_t dims[] = {rule->net.inputs, rule->net.hidden, rule->net.outputs};
    float param[LTD_RULE_PARAMS];
    ltd_mlp *net = NULL;
    collector c = {.out = ret, .env = env, .rule = rule};
    *ret = (ltd_rule_samples){.inputs = rule->net.inputs};
    if (!ltd_cycle_get_options(ltd_env_cycle(env))->trace)
        return ltd_fail(err, LTD_EINVAL, "rules: nets are trained over records");
    ltd_rule_train_params(rule, param);
    int rc = ltd_mlp_new(&net, dims, 2, LTD_ACT_TANH, err);
    if (rc == LTD_OK) rc = ltd_agent_trained_new(&c.agent, rule, param, net, err);
    uint8_t mask[LTD_MAX_SIZES];
    c.step = (ltd_step){.mask = mask};
    int32_t n = (int32_t)ltd_prompts_count(ltd_env_get_options(env)->prompts);
    for (int32_t i = 0; rc == LTD_OK && i < n; i++) rc = walk(&c, i, err);
    ltd_agent_free(c.agent);
    ltd_mlp_free(net);
    return rc;
}

void ltd_rule_samples_fini(ltd_rule_samples *s)
{
    free(s->x);
    free(s->yes);
    *s = (ltd_rule_samples){0};
}

/* --- training --- */

static int train_classifier(ltd_mlp **ret, ltd_env *env, const ltd_rule *rule, uint64_t seed,
                            ltd_err *err)
{
    const int32_t dims[] = {rule->net.inputs, rule->net.hidden, rule->net.outputs};
    const ltd_fit_options options = LTD_FIT_DEFAULTS;
    ltd_rule_samples s;
    ltd_fit *fit = NULL;
    int rc = ltd_rule_samples_collect(&s, env, rule, err);
    if (rc == LTD_OK && s.n == 0)
        rc = ltd_fail(err, LTD_EINVAL, "rule %s: the records show it nothing to learn", rule->name);
    if (rc == LTD_OK) rc = ltd_fit_new(&fit, dims, 2, seed, err);
    ltd_fit_samples lesson = {s.n, s.x, s.yes, rule->net.weight_of_no};
    if (rc == LTD_OK) rc = ltd_fit_classify(fit, &lesson, &options, seed, err);
    if (rc == LTD_OK) rc = ltd_fit_mlp(fit, ret, err);
    ltd_fit_free(fit);
    ltd_rule_samples_fini(&s);
    return rc;
}

int ltd_rule_train(ltd_mlp **ret, ltd_env *env, const ltd_rule *rule, uint64_t seed, ltd_err *err)
{
    *ret = NULL;
    if (!rule->net.inputs)
        return ltd_fail(err, LTD_EINVAL, "rule %s: it has no net to train", rule->name);
    if (rule->net.lesson == LTD_RULE_SETTINGS) return ltd_rule_train_ppo(ret, env, rule, seed, err);
    return train_classifier(ret, env, rule, seed, err);
}
