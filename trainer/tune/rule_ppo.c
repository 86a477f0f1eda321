/* An update plays all prompts with the policy as it stands, choices drawn from it, and learns from
 * the choices that were paid.  There is nothing behind a choice's own reward, so the advantage is
 * the reward less what the critic expected. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agents/categorical.h"
#include "base/mem.h"
#include "trainer/tune/rule_fit.h"
#include "trainer/tune/rule_train.h"
#include "trainer/tune/rule_tune.h"

enum { UPDATES = 60, EPOCHS = 4, BATCH = 128, TRIAL = 5 };
static const float clip_coef = 0.2f, ent_coef = 0.01f;
static const double lr_first = 2e-3;

typedef struct choice {
    float x[LTD_RULE_INPUTS];
    int32_t action;
    float logprob, reward, advantage;
} choice;

typedef struct course {
    ltd_env *env;
    const ltd_rule *rule;
    int32_t inputs, outputs;
    ltd_fit *actor, *critic;
    ltd_rng explore, order;
    choice *choice; /* [n] paid; one more may be under way */
    size_t n, room;
    bool failed; /* no memory for more */
    ltd_mlp *best;
    double best_pace;
} course;

static const uint8_t every[LTD_RULE_OUTPUTS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                                1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

/* --- playing --- */

static int32_t draw(void *ctx, const float *x, const float *y)
{
    course *c = ctx;
    void *p = c->choice;
    if (!ltd_mem_reserve(&p, &c->room, c->n + 1, sizeof *c->choice)) {
        c->failed = true;
        return 0;
    }
    c->choice = p;
    choice *now = &c->choice[c->n];
    memcpy(now->x, x, (size_t)c->inputs * sizeof *x);
    now->action = ltd_categorical_sample(y, every, c->outputs, &c->explore, &now->logprob);
    return now->action;
}

static void pay(void *ctx, double reward)
{
    course *c = ctx;
    if (!c->failed) c->choice[c->n++].reward = (float)reward;
}

/* All prompts; with a tutor, or as the policy thinks best. */
static int play(course *c, const ltd_rule_tutor *tutor, double *pace, ltd_mlp **ret, ltd_err *err)
{
    float param[LTD_RULE_PARAMS];
    ltd_agent *agent = NULL;
    ltd_mlp *net;
    int rc = ltd_fit_mlp(c->actor, &net, err);
    if (rc < 0) return rc;
    ltd_rule_train_params(c->rule, param);
    rc = ltd_agent_trained_new(&agent, c->rule, param, net, err);
    if (rc == LTD_OK) ltd_rule_set_tutor(agent, tutor);
    if (rc == LTD_OK) rc = ltd_rule_pace(c->env, agent, pace, err);
    ltd_agent_free(agent);
    if (rc == LTD_OK && c->failed) rc = ltd_fail(err, LTD_ENOMEM, "rules: no memory for choices");
    if (rc == LTD_OK && ret) {
        *ret = net;
        return LTD_OK;
    }
    ltd_mlp_free(net);
    return rc;
}

/* --- learning --- */

static void weigh(course *c)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < c->n; i++) {
        float expected;
        ltd_fit_forward(c->critic, c->choice[i].x, &expected);
        c->choice[i].advantage = c->choice[i].reward - expected;
        sum += (double)c->choice[i].advantage;
        squares += (double)c->choice[i].advantage * (double)c->choice[i].advantage;
    }
    double mean = sum / (double)c->n, deviation = sqrt(squares / (double)c->n - mean * mean);
    for (size_t i = 0; i < c->n; i++)
        c->choice[i].advantage =
            (float)(((double)c->choice[i].advantage - mean) / (deviation + 1e-8));
}

/* d loss / d logits of the clipped objective and the entropy bonus. */
static void actor_slope(const course *c, const choice *at, const float *y, float *slope)
{
    float p[LTD_RULE_OUTPUTS];
    ltd_categorical_probs(p, y, every, c->outputs);
    float logprob = ltd_categorical_logprob(y, every, c->outputs, at->action);
    float entropy = ltd_categorical_entropy(y, every, c->outputs);
    float ratio = expf(logprob - at->logprob), a = at->advantage;
    bool clipped = a > 0 ? ratio > 1 + clip_coef : ratio < 1 - clip_coef;
    float pull = clipped ? 0 : -a * ratio;
    for (int32_t i = 0; i < c->outputs; i++) {
        float lnp = logf(p[i] > 1e-20f ? p[i] : 1e-20f);
        slope[i] = pull * ((i == at->action) - p[i]) + ent_coef * p[i] * (lnp + entropy);
    }
}

static void learn_one(course *c, const choice *at)
{
    float y[LTD_RULE_OUTPUTS], slope[LTD_RULE_OUTPUTS], value;
    ltd_fit_forward(c->actor, at->x, y);
    actor_slope(c, at, y, slope);
    ltd_fit_backward(c->actor, slope);
    ltd_fit_forward(c->critic, at->x, &value);
    value -= at->reward;
    ltd_fit_backward(c->critic, &value);
}

static int learn(course *c, double lr, ltd_err *err)
{
    int32_t *order = ltd_mem_zeros(c->n, sizeof *order);
    if (!order) return ltd_fail(err, LTD_ENOMEM, "rules: no memory for choices");
    for (size_t i = 0; i < c->n; i++) order[i] = (int32_t)i;
    weigh(c);
    for (int e = 0; e < EPOCHS; e++) {
        int32_t done = 0;
        ltd_rng_shuffle(&c->order, order, c->n);
        for (size_t i = 0; i < c->n; i++) {
            learn_one(c, &c->choice[order[i]]);
            if (++done < BATCH && i + 1 < c->n) continue;
            ltd_fit_step(c->actor, done, lr);
            ltd_fit_step(c->critic, done, lr);
            done = 0;
        }
    }
    free(order);
    return LTD_OK;
}

/* --- the course --- */

/* How fast is the policy when it doesn't explore? */
static int try_policy(course *c, ltd_err *err)
{
    double pace;
    ltd_mlp *net;
    int rc = play(c, NULL, &pace, &net, err);
    if (rc < 0) return rc;
    if (c->best && pace >= c->best_pace) {
        ltd_mlp_free(net);
        return LTD_OK;
    }
    ltd_mlp_free(c->best);
    c->best = net;
    c->best_pace = pace;
    return LTD_OK;
}

static int update(course *c, int32_t i, ltd_err *err)
{
    const ltd_rule_tutor tutor = {c, draw, pay};
    double pace;
    c->n = 0;
    int rc = play(c, &tutor, &pace, NULL, err);
    if (rc == LTD_OK && c->n == 0)
        return ltd_fail(err, LTD_EINVAL, "rule %s: the records show it nothing to learn",
                        c->rule->name);
    if (rc == LTD_OK) rc = learn(c, lr_first * (1 - (double)i / UPDATES), err);
    if (rc == LTD_OK && (i + 1) % TRIAL == 0) rc = try_policy(c, err);
    return rc;
}

int ltd_rule_train_ppo(ltd_mlp **ret, ltd_env *env, const ltd_rule *rule, uint64_t seed,
                       ltd_err *err)
{
    const int32_t actor[] = {rule->net.inputs, rule->net.hidden, rule->net.outputs};
    const int32_t critic[] = {rule->net.inputs, rule->net.hidden, 1};
    course c = {.env = env, .rule = rule, .inputs = actor[0], .outputs = actor[2]};
    *ret = NULL;
    ltd_rng_seed(&c.explore, seed, LTD_STREAM_EXPLORE);
    ltd_rng_seed(&c.order, seed, LTD_STREAM_MINIBATCH);
    int rc = ltd_fit_new(&c.actor, actor, 2, seed, err);
    if (rc == LTD_OK) rc = ltd_fit_new(&c.critic, critic, 2, seed + 1, err);
    for (int32_t i = 0; rc == LTD_OK && i < UPDATES; i++) rc = update(&c, i, err);
    if (rc == LTD_OK)
        *ret = c.best;
    else
        ltd_mlp_free(c.best);
    ltd_fit_free(c.actor);
    ltd_fit_free(c.critic);
    free(c.choice);
    return rc;
}
