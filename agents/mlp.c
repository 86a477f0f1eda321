/* Layout: a layer's outputs are cut into panels of 32; a panel holds its weights input by input
 * ([panel][in][32]), so that one pass streams memory in order, keeps its sums in registers and puts
 * outputs in the lanes.  Outputs are padded to whole panels with zero weights.  Inputs that are 0
 * (unused scores of a shallow tree, ReLU) are left out: their list is made once a layer. */
#include "agents/mlp.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agents/mlp_priv.h"
#include "base/mem.h"

struct layer {
    size_t n_in, n_out, panels;
    float *weight; /* [panels, n_in, PANEL] */
    float *bias;   /* [panels, PANEL] */
};

struct ltd_mlp {
    int32_t n_layers;
    int32_t dims[LTD_MLP_MAX_LAYERS + 1];
    ltd_activation act;
    size_t widest; /* floats of the widest padded vector */
    const ltd_mlp_isa *isa;
    float *scratch;
    struct layer layers[LTD_MLP_MAX_LAYERS];
};

static const char *const activation_names[LTD_ACT_COUNT] = {"tanh", "relu"};

const char *ltd_activation_name(ltd_activation act)
{
    return (unsigned)act < LTD_ACT_COUNT ? activation_names[act] : NULL;
}

int ltd_activation_parse(ltd_activation *ret, const char *name, ltd_err *err)
{
    for (int i = 0; i < LTD_ACT_COUNT; i++) {
        if (strcmp(name, activation_names[i]) != 0) continue;
        *ret = (ltd_activation)i;
        return LTD_OK;
    }
    return ltd_fail(err, LTD_EINVAL, "activation: found '%s', expected tanh or relu", name);
}

static size_t round_up(size_t n)
{
    return (n + LTD_MLP_PANEL - 1) / LTD_MLP_PANEL * LTD_MLP_PANEL;
}

static int check_dims(const int32_t *dims, int32_t n_layers, ltd_activation act, ltd_err *err)
{
    if (n_layers < 1 || n_layers > LTD_MLP_MAX_LAYERS)
        return ltd_fail(err, LTD_EINVAL, "net: found %d layers, expected 1 to %d", n_layers,
                        LTD_MLP_MAX_LAYERS);
    for (int32_t i = 0; i <= n_layers; i++)
        if (dims[i] < 1 || dims[i] > LTD_MLP_MAX_DIM)
            return ltd_fail(err, LTD_EINVAL, "net: size %d is %d, expected 1 to %d", i, dims[i],
                            LTD_MLP_MAX_DIM);
    if (!ltd_activation_name(act))
        return ltd_fail(err, LTD_EINVAL, "net: no activation has number %d", (int)act);
    return LTD_OK;
}

int ltd_mlp_new(ltd_mlp **ret, const int32_t *dims, int32_t n_layers, ltd_activation act,
                ltd_err *err)
{
    *ret = NULL;
    int rc = check_dims(dims, n_layers, act, err);
    if (rc < 0) return rc;
    ltd_mlp *mlp = ltd_mem_zeros(1, sizeof *mlp);
    if (!mlp) return ltd_fail(err, LTD_ENOMEM, "net: out of memory");
    mlp->n_layers = n_layers;
    memcpy(mlp->dims, dims, ((size_t)n_layers + 1) * sizeof *dims);
    mlp->act = act;
    for (int i = 0; ltd_mlp_isa_at(i); i++) mlp->isa = ltd_mlp_isa_at(i);
    bool ok = true;
    for (int32_t i = 0; i < n_layers; i++) {
        struct layer *l = &mlp->layers[i];
        l->n_in = (size_t)dims[i];
        l->n_out = (size_t)dims[i + 1];
        l->panels = round_up(l->n_out) / LTD_MLP_PANEL;
        if (round_up(l->n_in) > mlp->widest) mlp->widest = round_up(l->n_in);
        if (round_up(l->n_out) > mlp->widest) mlp->widest = round_up(l->n_out);
        l->weight = ltd_mem_aligned(l->panels * l->n_in, LTD_MLP_PANEL * sizeof(float));
        l->bias = ltd_mem_aligned(l->panels, LTD_MLP_PANEL * sizeof(float));
        if (!l->weight || !l->bias) ok = false;
    }
    mlp->scratch = ltd_mem_aligned(ltd_mlp_scratch(mlp), sizeof(float));
    if (!ok || !mlp->scratch) {
        ltd_mlp_free(mlp);
        return ltd_fail(err, LTD_ENOMEM, "net: out of memory");
    }
    *ret = mlp;
    return LTD_OK;
}

void ltd_mlp_free(ltd_mlp *mlp)
{
    if (!mlp) return;
    for (int32_t i = 0; i < mlp->n_layers; i++) {
        free(mlp->layers[i].weight);
        free(mlp->layers[i].bias);
    }
    free(mlp->scratch);
    free(mlp);
}

static int check_layer(const ltd_mlp *mlp, int32_t layer, ltd_err *err)
{
    if (layer >= 0 && layer < mlp->n_layers) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "net: no layer %d, it has %d", layer, mlp->n_layers);
}

/* Where weight [o, i] of torch's order is. */
static size_t place(const struct layer *l, size_t o, size_t i)
{
    return (o / LTD_MLP_PANEL * l->n_in + i) * LTD_MLP_PANEL + o % LTD_MLP_PANEL;
}

int ltd_mlp_set(ltd_mlp *mlp, int32_t layer, const float *weight, const float *bias, ltd_err *err)
{
    int rc = check_layer(mlp, layer, err);
    if (rc < 0) return rc;
    struct layer *l = &mlp->layers[layer];
    for (size_t o = 0; o < l->n_out; o++)
        for (size_t i = 0; i < l->n_in; i++) l->weight[place(l, o, i)] = weight[o * l->n_in + i];
    memcpy(l->bias, bias, l->n_out * sizeof *bias);
    return LTD_OK;
}

int ltd_mlp_get(const ltd_mlp *mlp, int32_t layer, float *weight, float *bias, ltd_err *err)
{
    int rc = check_layer(mlp, layer, err);
    if (rc < 0) return rc;
    const struct layer *l = &mlp->layers[layer];
    for (size_t o = 0; o < l->n_out; o++)
        for (size_t i = 0; i < l->n_in; i++) weight[o * l->n_in + i] = l->weight[place(l, o, i)];
    memcpy(bias, l->bias, l->n_out * sizeof *bias);
    return LTD_OK;
}

/* Scratch: two activations in turn, the inputs that aren't 0, and where they are. */
size_t ltd_mlp_scratch(const ltd_mlp *mlp)
{
    return 4 * mlp->widest;
}

void ltd_mlp_forward_with(const ltd_mlp *mlp, const float *x, float *y, float *scratch)
{
    float *buffer[2] = {scratch, scratch + mlp->widest};
    float *packed = scratch + 2 * mlp->widest;
    uint32_t *at = (uint32_t *)(void *)(scratch + 3 * mlp->widest);
    for (int32_t k = 0; k < mlp->n_layers; k++) {
        const struct layer *l = &mlp->layers[k];
        size_t n = 0;
        for (size_t i = 0; i < l->n_in; i++) {
            packed[n] = x[i];
            at[n] = (uint32_t)i;
            n += x[i] != 0.0f; /* no branch: ReLU's zeros can't be predicted */
        }
        float *out = buffer[k % 2];
        for (size_t p = 0; p < l->panels; p++)
            mlp->isa->panel(out + p * LTD_MLP_PANEL, l->weight + p * l->n_in * LTD_MLP_PANEL,
                            l->bias + p * LTD_MLP_PANEL, packed, at, n);
        if (k + 1 == mlp->n_layers) {
            memcpy(y, out, l->n_out * sizeof *y);
        } else if (mlp->act == LTD_ACT_TANH) {
            mlp->isa->tanh(out, l->panels * LTD_MLP_PANEL);
        } else {
            for (size_t i = 0; i < l->n_out; i++) out[i] = out[i] < 0.0f ? 0.0f : out[i];
        }
        x = out;
    }
}

void ltd_mlp_forward(ltd_mlp *mlp, const float *x, float *y)
{
    ltd_mlp_forward_with(mlp, x, y, mlp->scratch);
}

int32_t ltd_mlp_layers(const ltd_mlp *mlp)
{
    return mlp->n_layers;
}

int32_t ltd_mlp_dim(const ltd_mlp *mlp, int32_t i)
{
    return i >= 0 && i <= mlp->n_layers ? mlp->dims[i] : 0;
}

ltd_activation ltd_mlp_activation(const ltd_mlp *mlp)
{
    return mlp->act;
}

void ltd_mlp_isa_set(ltd_mlp *mlp, const ltd_mlp_isa *isa)
{
    mlp->isa = isa;
}

void ltd_mlp_tanh(float *x, size_t n)
{
    const ltd_mlp_isa *isa = ltd_mlp_isa_at(0);
    size_t whole = n / LTD_MLP_TANH_BLOCK * LTD_MLP_TANH_BLOCK;
    isa->tanh(x, whole);
    float tail[LTD_MLP_TANH_BLOCK] = {0};
    memcpy(tail, x + whole, (n - whole) * sizeof *x);
    isa->tanh(tail, LTD_MLP_TANH_BLOCK);
    memcpy(x + whole, tail, (n - whole) * sizeof *x);
}
