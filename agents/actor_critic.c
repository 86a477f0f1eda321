/* Parameters live in two flat arrays of ours (values, gradients); the tensors are views.  So the
 * optimizer, clipping and checkpoints are plain loops, and the twins are synced without libtorch.
 */
#include "agents/actor_critic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/orthogonal.h"
#include "base/mem.h"
#include "models/torch/ltd_torch.h"

enum { MAX_PARAMS = 4 * LTD_MLP_MAX_LAYERS };

/* A net is a row of layers; layer i's weight is params[at[i]], its bias the next. */
struct net {
    int32_t n_layers;
    int32_t at[LTD_MLP_MAX_LAYERS];
    int32_t dims[LTD_MLP_MAX_LAYERS + 1];
};

struct ltd_actor_critic {
    ltd_actor_critic_options opt;
    struct net actor, critic;
    int32_t n_params;
    int64_t size;
    float *data, *grad;
    ltd_param params[MAX_PARAMS];
    char names[MAX_PARAMS][64];
    ltd_tensor *tensors[MAX_PARAMS];
};

static int check(const ltd_actor_critic_options *o, ltd_err *err)
{
    if (o->obs_dim < 1 || o->obs_dim > LTD_MLP_MAX_DIM || o->n_actions < 1 ||
        o->n_actions > LTD_MLP_MAX_DIM)
        return ltd_fail(err, LTD_EINVAL, "actor-critic: found %d inputs and %d actions", o->obs_dim,
                        o->n_actions);
    if (o->n_pi < 0 || o->n_pi > LTD_ACTOR_CRITIC_MAX_HIDDEN || o->n_vf < 0 ||
        o->n_vf > LTD_ACTOR_CRITIC_MAX_HIDDEN)
        return ltd_fail(err, LTD_EINVAL,
                        "actor-critic: found %d and %d hidden layers, expected 0 to %d", o->n_pi,
                        o->n_vf, LTD_ACTOR_CRITIC_MAX_HIDDEN);
    for (int32_t i = 0; i < o->n_pi + o->n_vf; i++) {
        int32_t n = i < o->n_pi ? o->pi[i] : o->vf[i - o->n_pi];
        if (n < 1 || n > LTD_MLP_MAX_DIM)
            return ltd_fail(err, LTD_EINVAL, "actor-critic: a hidden layer has size %d", n);
    }
    if (!ltd_activation_name(o->activation))
        return ltd_fail(err, LTD_EINVAL, "actor-critic: no activation has number %d",
                        (int)o->activation);
    return LTD_OK;
}

static void add_param(ltd_actor_critic *ac, const char *layer, const char *what, int64_t out,
                      int64_t in)
{
    ltd_param *p = &ac->params[ac->n_params];
    snprintf(ac->names[ac->n_params], sizeof ac->names[0], "%s.%s", layer, what);
    p->name = ac->names[ac->n_params++];
    p->n_dims = in ? 2 : 1;
    p->dims[0] = out;
    p->dims[1] = in ? in : 1;
    p->offset = ac->size;
    p->count = out * p->dims[1];
    ac->size += p->count;
}

/* Layer i of a net, whose SB3 name is `layer`. */
static void add_layer(ltd_actor_critic *ac, struct net *net, int32_t i, const char *layer)
{
    net->at[i] = ac->n_params;
    add_param(ac, layer, "weight", net->dims[i + 1], net->dims[i]);
    add_param(ac, layer, "bias", net->dims[i + 1], 0);
}

/* SB3's order: both bodies, then both heads.  Numbers go up by two: activations count. */
static void lay_out(ltd_actor_critic *ac)
{
    const ltd_actor_critic_options *o = &ac->opt;
    struct net *nets[2] = {&ac->actor, &ac->critic};
    static const char *const bodies[2] = {"policy_net", "value_net"};
    static const char *const heads[2] = {"action_net", "value_net"};
    for (int k = 0; k < 2; k++) {
        const int32_t *hidden = k ? o->vf : o->pi;
        nets[k]->n_layers = (k ? o->n_vf : o->n_pi) + 1;
        nets[k]->dims[0] = o->obs_dim;
        for (int32_t i = 1; i < nets[k]->n_layers; i++) nets[k]->dims[i] = hidden[i - 1];
        nets[k]->dims[nets[k]->n_layers] = k ? 1 : o->n_actions;
    }
    for (int k = 0; k < 2; k++)
        for (int32_t i = 0; i + 1 < nets[k]->n_layers; i++) {
            char layer[48];
            snprintf(layer, sizeof layer, "mlp_extractor.%s.%d", bodies[k], 2 * i);
            add_layer(ac, nets[k], i, layer);
        }
    for (int k = 0; k < 2; k++) add_layer(ac, nets[k], nets[k]->n_layers - 1, heads[k]);
}

static int init_net(ltd_actor_critic *ac, const struct net *net, double head_gain, ltd_rng *rng,
                    ltd_err *err)
{
    int rc = LTD_OK;
    for (int32_t i = 0; i < net->n_layers && rc == LTD_OK; i++) {
        ltd_param *w = &ac->params[net->at[i]];
        double gain = i + 1 < net->n_layers ? sqrt(2.0) : head_gain;
        rc = ltd_orthogonal_fill(w->data, w->dims[0], w->dims[1], gain, rng, err);
    }
    return rc;
}

static int make_tensors(ltd_actor_critic *ac, ltd_err *err)
{
    for (int32_t i = 0; i < ac->n_params; i++) {
        ltd_param *p = &ac->params[i];
        p->data = ac->data + p->offset;
        p->grad = ac->grad + p->offset;
        int rc = ltd_tensor_view_f32(&ac->tensors[i], p->data, p->dims, p->n_dims, err);
        if (rc < 0) return rc;
        ltd_tensor_keep(ac->tensors[i]); /* whatever scope the caller is in */
        rc = ltd_tensor_require_grad(ac->tensors[i], p->grad, err);
        if (rc < 0) return rc;
    }
    return LTD_OK;
}

int ltd_actor_critic_new(ltd_actor_critic **ret, const ltd_actor_critic_options *options,
                         ltd_rng *rng, ltd_err *err)
{
    *ret = NULL;
    int rc = check(options, err);
    if (rc < 0) return rc;
    ltd_actor_critic *ac = ltd_mem_zeros(1, sizeof *ac);
    if (!ac) return ltd_fail(err, LTD_ENOMEM, "actor-critic: out of memory");
    ac->opt = *options;
    lay_out(ac);
    ac->data = ltd_mem_aligned((size_t)ac->size, sizeof *ac->data);
    ac->grad = ltd_mem_aligned((size_t)ac->size, sizeof *ac->grad);
    if (!ac->data || !ac->grad)
        rc = ltd_fail(err, LTD_ENOMEM, "actor-critic: no memory for %lld parameters",
                      (long long)ac->size);
    if (rc == LTD_OK) rc = make_tensors(ac, err);
    if (rc == LTD_OK && rng) rc = init_net(ac, &ac->actor, 0.01, rng, err);
    if (rc == LTD_OK && rng) rc = init_net(ac, &ac->critic, 1.0, rng, err);
    if (rc < 0) {
        ltd_actor_critic_free(ac);
        return rc;
    }
    *ret = ac;
    return LTD_OK;
}

void ltd_actor_critic_free(ltd_actor_critic *ac)
{
    if (!ac) return;
    for (int32_t i = 0; i < ac->n_params; i++) ltd_tensor_free(ac->tensors[i]);
    free(ac->data);
    free(ac->grad);
    free(ac);
}

const ltd_actor_critic_options *ltd_actor_critic_get_options(const ltd_actor_critic *ac)
{
    return &ac->opt;
}

int32_t ltd_actor_critic_param_count(const ltd_actor_critic *ac)
{
    return ac->n_params;
}

const ltd_param *ltd_actor_critic_param(const ltd_actor_critic *ac, int32_t i)
{
    return i >= 0 && i < ac->n_params ? &ac->params[i] : NULL;
}

const ltd_param *ltd_actor_critic_param_named(const ltd_actor_critic *ac, const char *name)
{
    for (int32_t i = 0; i < ac->n_params; i++)
        if (strcmp(ac->params[i].name, name) == 0) return &ac->params[i];
    return NULL;
}

int64_t ltd_actor_critic_size(const ltd_actor_critic *ac)
{
    return ac->size;
}

float *ltd_actor_critic_data(ltd_actor_critic *ac)
{
    return ac->data;
}

float *ltd_actor_critic_grad(ltd_actor_critic *ac)
{
    return ac->grad;
}

static int forward_net(const ltd_actor_critic *ac, const struct net *net, const ltd_tensor *x,
                       ltd_tensor **ret, ltd_err *err)
{
    ltd_tensor *y = NULL;
    for (int32_t i = 0; i < net->n_layers; i++) {
        const ltd_tensor *weight = ac->tensors[net->at[i]], *bias = ac->tensors[net->at[i] + 1];
        int rc = ltd_tensor_linear(&y, x, weight, bias, err);
        if (rc == LTD_OK && i + 1 < net->n_layers)
            rc = ac->opt.activation == LTD_ACT_TANH ? ltd_tensor_tanh(&y, y, err)
                                                    : ltd_tensor_relu(&y, y, err);
        if (rc < 0) return rc;
        x = y;
    }
    *ret = y;
    return LTD_OK;
}

int ltd_actor_critic_logits(const ltd_actor_critic *ac, const ltd_tensor *obs, ltd_tensor **logits,
                            ltd_err *err)
{
    return forward_net(ac, &ac->actor, obs, logits, err);
}

int ltd_actor_critic_forward(const ltd_actor_critic *ac, const ltd_tensor *obs,
                             const ltd_tensor *mask, ltd_tensor **logp, ltd_tensor **value,
                             ltd_err *err)
{
    ltd_tensor *logits = NULL, *v = NULL;
    int64_t column = -1;
    *logp = NULL;
    *value = NULL;
    int rc = forward_net(ac, &ac->actor, obs, &logits, err);
    /* Illegal: sb3-contrib's -1e8, whose exponential is 0. */
    if (rc == LTD_OK && mask) rc = ltd_tensor_where(&logits, mask, logits, -1e8, err);
    if (rc == LTD_OK) rc = ltd_tensor_log_softmax(&logits, logits, -1, err);
    if (rc == LTD_OK) rc = forward_net(ac, &ac->critic, obs, &v, err);
    if (rc == LTD_OK) rc = ltd_tensor_reshape(&v, v, &column, 1, err);
    if (rc < 0) return rc;
    *logp = logits;
    *value = v;
    return LTD_OK;
}

static int check_twin(const ltd_actor_critic *ac, const struct net *net, const ltd_mlp *mlp,
                      ltd_err *err)
{
    bool same = ltd_mlp_layers(mlp) == net->n_layers &&
                (net->n_layers == 1 || ltd_mlp_activation(mlp) == ac->opt.activation);
    for (int32_t i = 0; same && i <= net->n_layers; i++) same = ltd_mlp_dim(mlp, i) == net->dims[i];
    if (same) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "%s: the other net has a different shape or activation",
                    net == &ac->actor ? "actor" : "critic");
}

static int sync_net(const ltd_actor_critic *ac, const struct net *net, ltd_mlp **mlp, ltd_err *err)
{
    int rc = LTD_OK;
    if (!*mlp) rc = ltd_mlp_new(mlp, net->dims, net->n_layers, ac->opt.activation, err);
    if (rc == LTD_OK) rc = check_twin(ac, net, *mlp, err);
    for (int32_t i = 0; i < net->n_layers && rc == LTD_OK; i++)
        rc =
            ltd_mlp_set(*mlp, i, ac->params[net->at[i]].data, ac->params[net->at[i] + 1].data, err);
    return rc;
}

int ltd_actor_critic_sync(const ltd_actor_critic *ac, ltd_mlp **actor, ltd_mlp **critic,
                          ltd_err *err)
{
    int rc = LTD_OK;
    if (actor) rc = sync_net(ac, &ac->actor, actor, err);
    if (rc == LTD_OK && critic) rc = sync_net(ac, &ac->critic, critic, err);
    return rc;
}

static int load_net(ltd_actor_critic *ac, const struct net *net, const ltd_mlp *mlp, ltd_err *err)
{
    int rc = check_twin(ac, net, mlp, err);
    for (int32_t i = 0; i < net->n_layers && rc == LTD_OK; i++)
        rc = ltd_mlp_get(mlp, i, ac->params[net->at[i]].data, ac->params[net->at[i] + 1].data, err);
    return rc;
}

int ltd_actor_critic_load_mlp(ltd_actor_critic *ac, const ltd_mlp *actor, const ltd_mlp *critic,
                              ltd_err *err)
{
    int rc = LTD_OK;
    if (actor) rc = load_net(ac, &ac->actor, actor, err);
    if (rc == LTD_OK && critic) rc = load_net(ac, &ac->critic, critic, err);
    return rc;
}
