#include "trainer/train/prior.h"

#include <stdio.h>
#include <string.h>

#include "env/ltd_env.h"

static int check(const ltd_actor_critic_options *o, const ltd_prior_path *paths, int32_t n,
                 ltd_err *err)
{
    if (o->activation != LTD_ACT_RELU || o->n_pi < 1)
        return ltd_fail(err, LTD_EINVAL,
                        "prior: expected policy.activation relu and a hidden layer, found %s and "
                        "%d",
                        ltd_activation_name(o->activation), o->n_pi);
    for (int32_t i = 0; i < o->n_pi; i++)
        if (o->pi[i] < 2 * n)
            return ltd_fail(err, LTD_EINVAL,
                            "prior: a hidden layer of %d units, expected %d or more for %d paths",
                            o->pi[i], 2 * n, n);
    for (int32_t k = 0; k < n; k++)
        if (paths[k].input < 0 || paths[k].input >= o->obs_dim || paths[k].action < 0 ||
            paths[k].action >= o->n_actions)
            return ltd_fail(err, LTD_EINVAL, "prior: path from input %d to action %d",
                            paths[k].input, paths[k].action);
    return LTD_OK;
}

static const ltd_param *hidden(const ltd_actor_critic *ac, int32_t layer, const char *part)
{
    char name[64];
    snprintf(name, sizeof name, "mlp_extractor.policy_net.%d.%s", 2 * layer, part);
    return ltd_actor_critic_param_named(ac, name);
}

/* Unit 2k is x, unit 2k + 1 is -x; the others see inputs in units of their spread. */
static void set_first(const ltd_actor_critic *ac, const ltd_prior_path *paths, int32_t n,
                      const float *mean, const float *spread)
{
    const ltd_param *w = hidden(ac, 0, "weight"), *b = hidden(ac, 0, "bias");
    int64_t in = w->dims[1];
    for (int64_t u = 0; u < w->dims[0]; u++) {
        float *row = w->data + u * in, shift = 0;
        if (u < 2 * n) {
            memset(row, 0, (size_t)in * sizeof *row);
            row[paths[u / 2].input] = u % 2 ? -1.0f : 1.0f;
        } else {
            for (int64_t i = 0; i < in; i++) {
                row[i] /= spread[i];
                shift -= row[i] * mean[i];
            }
        }
        b->data[u] = shift;
    }
}

static void pass_on(const ltd_actor_critic *ac, int32_t layer, int32_t n)
{
    const ltd_param *w = hidden(ac, layer, "weight");
    for (int64_t u = 0; u < 2 * n; u++) {
        memset(w->data + u * w->dims[1], 0, (size_t)w->dims[1] * sizeof *w->data);
        w->data[u * w->dims[1] + u] = 1;
    }
}

static void set_last(const ltd_actor_critic *ac, const ltd_prior_path *paths, int32_t n)
{
    const ltd_param *w = ltd_actor_critic_param_named(ac, "action_net.weight");
    for (int64_t a = 0; a < w->dims[0]; a++)
        memset(w->data + a * w->dims[1], 0, (size_t)(2 * n) * sizeof *w->data);
    for (int32_t k = 0; k < n; k++) {
        float *row = w->data + paths[k].action * w->dims[1];
        row[2 * k] = paths[k].weight;
        row[2 * k + 1] = -paths[k].weight;
    }
}

int ltd_prior_set(ltd_actor_critic *ac, const ltd_prior_path *paths, int32_t n, const float *mean,
                  const float *spread, ltd_err *err)
{
    const ltd_actor_critic_options *o = ltd_actor_critic_get_options(ac);
    int rc = check(o, paths, n, err);
    if (rc < 0) return rc;
    set_first(ac, paths, n, mean, spread);
    for (int32_t layer = 1; layer < o->n_pi; layer++) pass_on(ac, layer, n);
    set_last(ac, paths, n);
    return LTD_OK;
}

int ltd_prior_set_worth(ltd_actor_critic *depth, ltd_actor_critic *size, float weight, float margin,
                        const float *mean, const float *spread, ltd_err *err)
{
    ltd_prior_path go = {LTD_OBS_AT_GO, LTD_DEPTH_CONTINUE, weight}, worth[LTD_OBS_SIZES];
    int32_t n = ltd_actor_critic_get_options(size)->n_actions;
    if (n > LTD_OBS_SIZES) n = LTD_OBS_SIZES;
    for (int32_t i = 0; i < n; i++) worth[i] = (ltd_prior_path){LTD_OBS_AT_WORTH + i, i, weight};
    int rc = ltd_prior_set(depth, &go, 1, mean, spread, err);
    if (rc < 0) return rc;
    ltd_actor_critic_param_named(depth, "action_net.bias")->data[LTD_DEPTH_CONTINUE] =
        -weight * margin;
    return ltd_prior_set(size, worth, n, mean, spread, err);
}
