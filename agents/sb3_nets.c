#include "agents/sb3_nets.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NAME = 64 };

typedef struct reader {
    const char *path; /* "FILE: policy.pth" is what messages begin with */
    const ltd_ptzip *file;
    ltd_err *err;
} reader;

/* Names of one net: hidden layers are number 0, 2, 4... of a Sequential, with activations between
 * them. */
typedef struct net_names {
    const char *hidden, *last;
} net_names;

static const net_names actor_names = {"mlp_extractor.policy_net", "action_net"};
static const net_names critic_names = {"mlp_extractor.value_net", "value_net"};

static void tensor_name(char ret[MAX_NAME], const net_names *names, int32_t layer, bool last,
                        const char *part)
{
    if (last)
        snprintf(ret, MAX_NAME, "%s.%s", names->last, part);
    else
        snprintf(ret, MAX_NAME, "%s.%d.%s", names->hidden, 2 * layer, part);
}

/* --- one tensor --- */

static void shape_text(char ret[64], const ltd_tensor_view *t)
{
    size_t at = 0;
    ret[0] = 0;
    for (int i = 0; i < t->n_dims && at < 64; i++)
        at += (size_t)snprintf(ret + at, 64 - at, "%s%lld", i ? " x " : "", (long long)t->dims[i]);
}

static int check_numbers(const reader *r, const ltd_tensor_view *t)
{
    const float *v = t->data;
    for (int64_t i = 0; i < ltd_tensor_view_count(t); i++)
        if (!isfinite(v[i]))
            return ltd_fail(r->err, LTD_EFORMAT,
                            "%s: tensor %s: value %lld is %g, expected a finite number", r->path,
                            t->name, (long long)i, (double)v[i]);
    return LTD_OK;
}

/* A tensor of f32 with so many dims, of which those that aren't 0 are as given. */
static int read_tensor(const reader *r, const char *name, int n_dims, const int64_t *dims,
                       const ltd_tensor_view **ret)
{
    const ltd_tensor_view *t = ltd_ptzip_tensor(r->file, name);
    if (!t) return ltd_fail(r->err, LTD_EFORMAT, "%s: tensor %s: missing", r->path, name);
    if (t->dtype != LTD_DTYPE_F32)
        return ltd_fail(r->err, LTD_EUNSUPPORTED, "%s: tensor %s: found %s, expected F32", r->path,
                        name, ltd_dtype_name(t->dtype));
    bool fits = t->n_dims == n_dims;
    for (int i = 0; fits && i < n_dims; i++)
        fits = dims[i] ? t->dims[i] == dims[i] : t->dims[i] >= 1 && t->dims[i] <= LTD_MLP_MAX_DIM;
    if (!fits) {
        char found[64], expected[64] = "a matrix";
        shape_text(found, t);
        if (n_dims == 1)
            snprintf(expected, sizeof expected, "%lld", (long long)dims[0]);
        else if (dims[1])
            snprintf(expected, sizeof expected, "inputs from %lld outputs", (long long)dims[1]);
        return ltd_fail(r->err, LTD_EFORMAT, "%s: tensor %s: shape is %s, expected %s", r->path,
                        name, found[0] ? found : "a scalar", expected);
    }
    *ret = t;
    return check_numbers(r, t);
}

/* --- a net --- */

static int32_t count_hidden(const reader *r, const net_names *names)
{
    char name[MAX_NAME];
    for (int32_t n = 0;; n++) {
        tensor_name(name, names, n, false, "weight");
        if (!ltd_ptzip_tensor(r->file, name)) return n;
    }
}

typedef struct layers {
    const ltd_tensor_view *weight[LTD_MLP_MAX_LAYERS], *bias[LTD_MLP_MAX_LAYERS];
    int32_t dims[LTD_MLP_MAX_LAYERS + 1], n;
} layers;

static int read_layers(const reader *r, const net_names *names, layers *l)
{
    char name[MAX_NAME];
    l->n = count_hidden(r, names) + 1;
    if (l->n > LTD_MLP_MAX_LAYERS)
        return ltd_fail(r->err, LTD_EUNSUPPORTED, "%s: %s has %d layers, expected 1 to %d", r->path,
                        names->hidden, l->n, LTD_MLP_MAX_LAYERS);
    for (int32_t i = 0; i < l->n; i++) {
        const int64_t shape[2] = {0, i ? l->dims[i] : 0};
        tensor_name(name, names, i, i + 1 == l->n, "weight");
        int rc = read_tensor(r, name, 2, shape, &l->weight[i]);
        if (rc < 0) return rc;
        l->dims[i] = (int32_t)l->weight[i]->dims[1];
        l->dims[i + 1] = (int32_t)l->weight[i]->dims[0];
        tensor_name(name, names, i, i + 1 == l->n, "bias");
        rc = read_tensor(r, name, 1, (const int64_t[]){l->dims[i + 1]}, &l->bias[i]);
        if (rc < 0) return rc;
    }
    return LTD_OK;
}

static int read_net(const reader *r, const net_names *names, ltd_activation act, ltd_mlp **ret,
                    int32_t *tensors)
{
    layers l = {.n = 0};
    int rc = read_layers(r, names, &l);
    if (rc == LTD_OK) rc = ltd_mlp_new(ret, l.dims, l.n, act, r->err);
    for (int32_t i = 0; rc == LTD_OK && i < l.n; i++)
        rc = ltd_mlp_set(*ret, i, l.weight[i]->data, l.bias[i]->data, r->err);
    *tensors += 2 * l.n;
    return rc;
}

static bool starts_with(const char *name, const char *with)
{
    size_t n = strlen(with);
    return strncmp(name, with, n) == 0 && name[n] == '.';
}

/* Tensors of other names would belong to a policy that computes otherwise. */
static int check_names(const reader *r)
{
    for (size_t i = 0; i < ltd_ptzip_tensor_count(r->file); i++) {
        const char *name = ltd_ptzip_tensor_at(r->file, i)->name;
        if (starts_with(name, actor_names.hidden) || starts_with(name, actor_names.last) ||
            starts_with(name, critic_names.hidden) || starts_with(name, critic_names.last))
            continue;
        return ltd_fail(r->err, LTD_EUNSUPPORTED,
                        "%s: tensor %.60s: not part of an MlpPolicy over discrete actions "
                        "(mlp_extractor.policy_net, action_net, and the critic's)",
                        r->path, name);
    }
    return LTD_OK;
}

static int check_nets(const reader *r, const ltd_sb3_nets *nets, int32_t taken)
{
    size_t n = ltd_ptzip_tensor_count(r->file);
    if ((size_t)taken != n)
        return ltd_fail(r->err, LTD_EUNSUPPORTED,
                        "%s: holds %zu tensors, of which %d form nets: a layer is missing between "
                        "others",
                        r->path, n, taken);
    const ltd_mlp *actor = nets->actor, *critic = nets->critic;
    if (!critic) return LTD_OK;
    int32_t in = ltd_mlp_dim(critic, 0), out = ltd_mlp_dim(critic, ltd_mlp_layers(critic));
    if (in == ltd_mlp_dim(actor, 0) && out == 1) return LTD_OK;
    return ltd_fail(r->err, LTD_EFORMAT, "%s: its critic is %d -> %d, expected %d -> 1", r->path,
                    in, out, ltd_mlp_dim(actor, 0));
}

/* --- the activation --- */

static int choose_activation(ltd_activation *ret, char why[128], const ltd_sb3 *file,
                             const ltd_activation *told, ltd_err *err)
{
    const char *class = ltd_sb3_activation(file), *source = ltd_sb3_activation_source(file);
    if (!class[0] && !told)
        return ltd_fail(err, LTD_EINVAL,
                        "%s: its activation is not known (%s): say it with --activation tanh or "
                        "relu",
                        ltd_sb3_path(file), source);
    if (!class[0]) {
        *ret = *told;
        snprintf(why, 128, "as --activation says; %s", source);
        return LTD_OK;
    }
    if (strcmp(class, "Tanh") != 0 && strcmp(class, "ReLU") != 0)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: its activation is %.60s (%s), expected Tanh or ReLU",
                        ltd_sb3_path(file), class, source);
    *ret = class[0] == 'T' ? LTD_ACT_TANH : LTD_ACT_RELU;
    if (told && *told != *ret)
        return ltd_fail(err, LTD_EINVAL, "%s: its activation is %s (%s), --activation says %s",
                        ltd_sb3_path(file), class, source, ltd_activation_name(*told));
    snprintf(why, 128, "%s", source);
    return LTD_OK;
}

int ltd_sb3_nets_read(ltd_sb3_nets *ret, const ltd_sb3 *file, const ltd_activation *told,
                      ltd_err *err)
{
    const reader r = {ltd_ptzip_path(ltd_sb3_weights(file)), ltd_sb3_weights(file), err};
    ltd_activation act = LTD_ACT_TANH;
    int32_t taken = 0;
    *ret = (ltd_sb3_nets){0};
    int rc = choose_activation(&act, ret->why, file, told, err);
    if (rc == LTD_OK) rc = check_names(&r);
    if (rc == LTD_OK) rc = read_net(&r, &actor_names, act, &ret->actor, &taken);
    bool critic = ltd_ptzip_tensor(r.file, "value_net.weight") || count_hidden(&r, &critic_names);
    if (rc == LTD_OK && critic) rc = read_net(&r, &critic_names, act, &ret->critic, &taken);
    if (rc == LTD_OK) rc = check_nets(&r, ret, taken);
    if (rc < 0) ltd_sb3_nets_fini(ret);
    return rc;
}

void ltd_sb3_nets_fini(ltd_sb3_nets *nets)
{
    ltd_mlp_free(nets->actor);
    ltd_mlp_free(nets->critic);
    *nets = (ltd_sb3_nets){0};
}
