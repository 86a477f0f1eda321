#include "agents/export/bundle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/export/manifest.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* Where a net stands in a bundle and in a policy. */
static const char *turn_of(ltd_net net)
{
    return net < LTD_NET_SIZE ? "depth." : "size.";
}

static bool is_critic(ltd_net net)
{
    return net == LTD_NET_DEPTH_CRITIC || net == LTD_NET_SIZE_CRITIC;
}

static void nets_of(ltd_mlp **ret[LTD_NETS], ltd_policy *p)
{
    ret[LTD_NET_DEPTH] = &p->depth;
    ret[LTD_NET_DEPTH_CRITIC] = &p->depth_critic;
    ret[LTD_NET_SIZE] = &p->size;
    ret[LTD_NET_SIZE_CRITIC] = &p->size_critic;
}

const char *ltd_bundle_layer(char ret[LTD_BUNDLE_NAME], bool critic, int32_t layer, int32_t layers,
                             const char *part)
{
    if (layer + 1 == layers)
        snprintf(ret, LTD_BUNDLE_NAME, "%s.%s", critic ? "value_net" : "action_net", part);
    else
        snprintf(ret, LTD_BUNDLE_NAME, "mlp_extractor.%s_net.%d.%s", critic ? "value" : "policy",
                 2 * layer, part);
    return ret;
}

/* --- the container --- */

int ltd_bundle_new(ltd_bundle **ret, const char *manifest, size_t n, ltd_err *err)
{
    *ret = NULL;
    ltd_bundle *b = ltd_mem_zeros(1, sizeof *b);
    if (!b || !(b->manifest = ltd_mem_zeros(n + 1, 1))) {
        free(b);
        return ltd_fail(err, LTD_ENOMEM, "bundle: no memory");
    }
    memcpy(b->manifest, manifest, n);
    *ret = b;
    return LTD_OK;
}

void ltd_bundle_free(ltd_bundle *b)
{
    if (!b) return;
    for (size_t i = 0; i < b->n_tensors; i++) {
        free((char *)b->tensors[i].name);
        free((void *)b->tensors[i].data);
    }
    free(b->tensors);
    free(b->manifest);
    free(b);
}

const ltd_tensor_view *ltd_bundle_find(const ltd_bundle *b, const char *name)
{
    for (size_t i = 0; i < b->n_tensors; i++)
        if (strcmp(b->tensors[i].name, name) == 0) return &b->tensors[i];
    return NULL;
}

int ltd_bundle_add(ltd_bundle *b, const char *prefix, const ltd_tensor_view *t, ltd_err *err)
{
    char name[LTD_BUNDLE_NAME];
    if (snprintf(name, sizeof name, "%s%s", prefix, t->name) >= (int)sizeof name)
        return ltd_fail(err, LTD_EFORMAT, "tensor %.70s: the name is longer than %d bytes", t->name,
                        LTD_BUNDLE_NAME - 1);
    if (t->dtype != LTD_DTYPE_F32 || t->n_dims > 2)
        return ltd_fail(err, LTD_EFORMAT,
                        "tensor %s: found %s with %d dimensions, expected F32 with 1 or 2", name,
                        ltd_dtype_name(t->dtype), t->n_dims);
    if (b->n_tensors == LTD_BUNDLE_MAX)
        return ltd_fail(err, LTD_EFORMAT, "tensor %s: is one more than %d", name, LTD_BUNDLE_MAX);
    if (ltd_bundle_find(b, name))
        return ltd_fail(err, LTD_EFORMAT, "tensor %s: is there twice", name);
    if (!ltd_mem_reserve((void **)&b->tensors, &b->room, b->n_tensors + 1, sizeof *b->tensors))
        return ltd_fail(err, LTD_ENOMEM, "bundle: no memory");
    ltd_tensor_view copy = *t;
    char *own = ltd_mem_strdup(name);
    void *data = ltd_mem_aligned(t->bytes, 1);
    if (!own || !data) {
        free(own);
        free(data);
        return ltd_fail(err, LTD_ENOMEM, "bundle: no memory");
    }
    if (t->bytes) memcpy(data, t->data, t->bytes);
    copy.name = own;
    copy.data = data;
    b->tensors[b->n_tensors++] = copy;
    return LTD_OK;
}

static int by_name(const void *a, const void *b)
{
    const ltd_tensor_view *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

void ltd_bundle_digest(const ltd_bundle *b, char hex[65])
{
    const ltd_tensor_view *sorted[LTD_BUNDLE_MAX];
    char text[LTD_BUNDLE_MAX * (LTD_BUNDLE_NAME + 128)], sha256[65];
    size_t at = 0;
    for (size_t i = 0; i < b->n_tensors; i++) sorted[i] = &b->tensors[i];
    qsort(sorted, b->n_tensors, sizeof *sorted, by_name);
    for (size_t i = 0; i < b->n_tensors; i++) {
        const ltd_tensor_view *t = sorted[i];
        ltd_file_sha256(sha256, t->data, t->bytes);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s", t->name);
        for (int d = 0; d < t->n_dims; d++)
            at += (size_t)snprintf(text + at, sizeof text - at, " %lld", (long long)t->dims[d]);
        at += (size_t)snprintf(text + at, sizeof text - at, " %s\n", sha256);
    }
    ltd_file_sha256(hex, text, at);
}

/* --- from a policy --- */

static int add_layer(ltd_bundle *b, ltd_net net, const ltd_mlp *mlp, int32_t layer, ltd_err *err)
{
    char name[LTD_BUNDLE_NAME];
    int32_t layers = ltd_mlp_layers(mlp);
    int64_t out = ltd_mlp_dim(mlp, layer + 1), in = ltd_mlp_dim(mlp, layer);
    float *weight = ltd_mem_zeros((size_t)(out * in), sizeof *weight);
    float *bias = ltd_mem_zeros((size_t)out, sizeof *bias);
    int rc = weight && bias ? ltd_mlp_get(mlp, layer, weight, bias, err)
                            : ltd_fail(err, LTD_ENOMEM, "bundle: no memory");
    ltd_tensor_view w = {.dtype = LTD_DTYPE_F32, .n_dims = 2, .dims = {out, in, 1, 1, 1, 1, 1, 1}};
    w.name = ltd_bundle_layer(name, is_critic(net), layer, layers, "weight");
    w.data = weight;
    w.bytes = (size_t)(out * in) * sizeof *weight;
    if (rc == LTD_OK) rc = ltd_bundle_add(b, turn_of(net), &w, err);
    w.name = ltd_bundle_layer(name, is_critic(net), layer, layers, "bias");
    w.data = bias;
    w.n_dims = 1;
    w.dims[1] = 1;
    w.bytes = (size_t)out * sizeof *bias;
    if (rc == LTD_OK) rc = ltd_bundle_add(b, turn_of(net), &w, err);
    free(weight);
    free(bias);
    return rc;
}

static int check_critic(const char *what, const ltd_mlp *actor, const ltd_mlp *critic, ltd_err *err)
{
    if (!critic) return LTD_OK;
    if (!actor) return ltd_fail(err, LTD_EINVAL, "policy: a %s critic, but no actor", what);
    if (ltd_mlp_activation(actor) == ltd_mlp_activation(critic)) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "policy: the %s actor has activation %s, its critic %s", what,
                    ltd_activation_name(ltd_mlp_activation(actor)),
                    ltd_activation_name(ltd_mlp_activation(critic)));
}

static int add_manifest(ltd_bundle *b, const ltd_policy *policy, ltd_err *err)
{
    char sha256[65];
    ltd_str text = LTD_STR_INIT;
    ltd_bundle_digest(b, sha256);
    ltd_manifest_write(policy, sha256, &text);
    free(b->manifest);
    b->manifest = ltd_str_take(&text);
    return b->manifest ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "bundle: no memory");
}

int ltd_bundle_from_policy(ltd_bundle **ret, const ltd_policy *policy, ltd_err *err)
{
    *ret = NULL;
    if (!policy->depth && !policy->size)
        return ltd_fail(err, LTD_EINVAL, "policy: neither a depth nor a size net to export");
    ltd_bundle *b = NULL;
    const ltd_mlp *const nets[LTD_NETS] = {policy->depth, policy->depth_critic, policy->size,
                                           policy->size_critic};
    int rc = check_critic("depth", policy->depth, policy->depth_critic, err);
    if (rc == LTD_OK) rc = check_critic("size", policy->size, policy->size_critic, err);
    if (rc == LTD_OK) rc = ltd_bundle_new(&b, "", 0, err);
    for (int i = 0; i < LTD_NETS; i++)
        for (int32_t k = 0; rc == LTD_OK && nets[i] && k < ltd_mlp_layers(nets[i]); k++)
            rc = add_layer(b, (ltd_net)i, nets[i], k, err);
    if (rc == LTD_OK) rc = add_manifest(b, policy, err);
    if (rc < 0) {
        ltd_bundle_free(b);
        return rc;
    }
    *ret = b;
    return LTD_OK;
}

/* --- to a policy --- */

static void shape_text(char ret[48], const ltd_tensor_view *t)
{
    if (t->n_dims == 2)
        snprintf(ret, 48, "%lld x %lld", (long long)t->dims[0], (long long)t->dims[1]);
    else
        snprintf(ret, 48, "%lld", (long long)(t->n_dims ? t->dims[0] : 1));
}

/* The tensor `part` of a layer, of this shape (in 0: a bias) and finite. */
static int get_tensor(const ltd_bundle *b, const char *file, const char *name, int64_t out,
                      int64_t in, const ltd_tensor_view **ret, ltd_err *err)
{
    char found[48], expected[48];
    const ltd_tensor_view *t = ltd_bundle_find(b, name);
    if (!t) return ltd_fail(err, LTD_EFORMAT, "%s: tensor %s: missing", file, name);
    ltd_tensor_view want = {.n_dims = in ? 2 : 1, .dims = {out, in}};
    if (t->n_dims != want.n_dims || t->dims[0] != out || (in && t->dims[1] != in)) {
        shape_text(found, t);
        shape_text(expected, &want);
        return ltd_fail(err, LTD_EFORMAT, "%s: tensor %s: shape is %s, expected %s", file, name,
                        found, expected);
    }
    const float *v = t->data;
    for (size_t i = 0; i < t->bytes / sizeof *v; i++)
        if (!isfinite(v[i]))
            return ltd_fail(err, LTD_EFORMAT,
                            "%s: tensor %s: value %zu is %g, expected a finite number", file, name,
                            i, (double)v[i]);
    *ret = t;
    return LTD_OK;
}

/* "depth.action_net.bias" */
static void full_name(char ret[2 * LTD_BUNDLE_NAME], ltd_net net, int32_t layer, int32_t layers,
                      const char *part)
{
    char name[LTD_BUNDLE_NAME];
    ltd_bundle_layer(name, is_critic(net), layer, layers, part);
    snprintf(ret, 2 * LTD_BUNDLE_NAME, "%s%s", turn_of(net), name);
}

/* All tensors are looked at before a net of that shape is made. */
static int read_net(const ltd_bundle *b, const char *file, ltd_net net, const ltd_net_shape *s,
                    ltd_mlp **ret, ltd_err *err)
{
    const ltd_tensor_view *weight[LTD_MLP_MAX_LAYERS], *bias[LTD_MLP_MAX_LAYERS];
    char name[2 * LTD_BUNDLE_NAME];
    int rc = LTD_OK;
    for (int32_t i = 0; rc == LTD_OK && i < s->n_layers; i++) {
        int32_t out = s->dims[i + 1], in = s->dims[i];
        full_name(name, net, i, s->n_layers, "weight");
        rc = get_tensor(b, file, name, out, in, &weight[i], err);
        full_name(name, net, i, s->n_layers, "bias");
        if (rc == LTD_OK) rc = get_tensor(b, file, name, out, 0, &bias[i], err);
    }
    if (rc == LTD_OK && s->n_layers)
        rc = ltd_mlp_new(ret, s->dims, s->n_layers, s->activation, err);
    for (int32_t i = 0; rc == LTD_OK && i < s->n_layers; i++)
        rc = ltd_mlp_set(*ret, i, weight[i]->data, bias[i]->data, err);
    return rc;
}

/* Every tensor belongs to a net. */
static int check_rest(const ltd_bundle *b, const char *file, const ltd_net_shape shapes[LTD_NETS],
                      ltd_err *err)
{
    char name[2 * LTD_BUNDLE_NAME];
    for (size_t k = 0; k < b->n_tensors; k++) {
        bool known = false;
        for (int n = 0; n < LTD_NETS; n++)
            for (int32_t i = 0; !known && i < 2 * shapes[n].n_layers; i++) {
                full_name(name, (ltd_net)n, i / 2, shapes[n].n_layers, i % 2 ? "bias" : "weight");
                known = strcmp(b->tensors[k].name, name) == 0;
            }
        if (!known)
            return ltd_fail(err, LTD_EFORMAT, "%s: tensor %s: is in no net of its manifest", file,
                            b->tensors[k].name);
    }
    return LTD_OK;
}

static int check_digest(const ltd_bundle *b, const char *file, const char *expected, ltd_err *err)
{
    char found[65];
    ltd_bundle_digest(b, found);
    if (strcmp(found, expected) == 0) return LTD_OK;
    return ltd_fail(
        err, LTD_EFORMAT,
        "%s: its weights have SHA-256 %.12s, its manifest says %.12s: they were altered, "
        "or are of another export",
        file, found, expected);
}

int ltd_bundle_to_policy(ltd_policy **ret, const ltd_bundle *b, const char *name, ltd_err *err)
{
    *ret = NULL;
    ltd_policy *p;
    ltd_manifest_nets about;
    ltd_mlp **nets[LTD_NETS];
    int rc = ltd_manifest_read(&p, &about, b->manifest, strlen(b->manifest), name, err);
    if (rc < 0) return rc;
    nets_of(nets, p);
    for (int i = 0; rc == LTD_OK && i < LTD_NETS; i++)
        rc = read_net(b, name, (ltd_net)i, &about.shapes[i], nets[i], err);
    if (rc == LTD_OK) rc = check_rest(b, name, about.shapes, err);
    if (rc == LTD_OK) rc = check_digest(b, name, about.weights_sha256, err);
    if (rc < 0) {
        ltd_policy_free(p);
        return rc;
    }
    *ret = p;
    return LTD_OK;
}
