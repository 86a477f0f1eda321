#include "trainer/distill/head_net.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const part_names[LTD_HEAD_PARTS] = {
    "fc", "q", "kv", "out", "gate_up", "down", "input_norm", "hidden_norm", "post_norm", "norm"};

const char *ltd_head_part_name(ltd_head_part part)
{
    return part_names[part];
}

ltd_head_shape ltd_head_shape_of(const ltd_llama *model, int32_t ffn)
{
    const ltd_llm_config *c = ltd_llama_config(model);
    return (ltd_head_shape){.hidden = c->hidden,
                            .ffn = ffn ? ffn : c->ffn,
                            .heads = c->n_heads,
                            .kv_heads = c->n_kv_heads,
                            .head_dim = c->head_dim,
                            .eps = c->rms_eps,
                            .rope_theta = c->rope_theta};
}

int ltd_head_net_init(ltd_head_net *ret, const ltd_head_shape *s, ltd_err *err)
{
    *ret = (ltd_head_net){.shape = *s, .scale = {1, 1, 1}};
    if (s->hidden < 8 || s->hidden % 8 || s->ffn < 4 || s->ffn % 4 || s->kv_heads < 1 ||
        s->heads % s->kv_heads || s->head_dim < 8 || s->head_dim % 8)
        return ltd_fail(err, LTD_EINVAL,
                        "draft head of hidden %d, ffn %d, %d heads, %d key/value heads of %d: "
                        "expected multiples of 8, 4, key/value heads, 1 and 8",
                        s->hidden, s->ffn, s->heads, s->kv_heads, s->head_dim);
    int64_t h = s->hidden, q = (int64_t)s->heads * s->head_dim;
    int64_t kv = 2 * (int64_t)s->kv_heads * s->head_dim;
    const int64_t extents[LTD_HEAD_PARTS][2] = {
        {h, 3 * h},  {q, 2 * h}, {kv, 2 * h}, {h, q}, {2 * (int64_t)s->ffn, h},
        {h, s->ffn}, {h, 0},     {h, 0},      {h, 0}, {h, 0}};
    for (int p = 0; p < LTD_HEAD_PARTS; p++) {
        ret->rows[p] = extents[p][0];
        ret->cols[p] = extents[p][1];
        ret->offset[p] = ret->n;
        ret->n += extents[p][0] * (extents[p][1] ? extents[p][1] : 1);
    }
    if (!(ret->data = ltd_mem_aligned((size_t)ret->n, sizeof *ret->data)))
        return ltd_fail(err, LTD_ENOMEM, "draft head of %lld parameters: no memory",
                        (long long)ret->n);
    return LTD_OK;
}

void ltd_head_net_fini(ltd_head_net *net)
{
    free(net->data);
    *net = (ltd_head_net){0};
}

static float *part_of(const ltd_head_net *net, ltd_head_part part)
{
    return net->data + net->offset[part];
}

static void fill_normal(float *x, int64_t n, float deviation, ltd_rng *rng)
{
    for (int64_t i = 0; i < n; i++) x[i] = deviation * ltd_rng_normal(rng);
}

void ltd_head_net_random(ltd_head_net *net, ltd_rng *rng)
{
    fill_normal(net->data, net->offset[LTD_HEAD_INPUT_NORM], 0.02f, rng);
    for (int64_t i = net->offset[LTD_HEAD_INPUT_NORM]; i < net->n; i++) net->data[i] = 1;
}

/* [rows, 2 h]: small numbers, then the rows of `from` [rows, h]. */
static void widen(float *to, const float *from, int64_t rows, int64_t h, ltd_rng *rng)
{
    for (int64_t r = 0; r < rows; r++, to += 2 * h, from += h) {
        fill_normal(to, h, 0.02f, rng);
        memcpy(to + h, from, (size_t)h * sizeof *to);
    }
}

/* Gate, up and down of the layer's first units, or, where it has fewer, all and small ones. */
static void take_ffn(ltd_head_net *net, const float *gate_up, const float *down, int64_t had,
                     ltd_rng *rng)
{
    int64_t h = net->shape.hidden, ffn = net->shape.ffn, both = had < ffn ? had : ffn;
    float *to = part_of(net, LTD_HEAD_GATE_UP), *out = part_of(net, LTD_HEAD_DOWN);
    fill_normal(to, 2 * ffn * h, 0.02f, rng);
    fill_normal(out, h * ffn, 0.005f, rng);
    for (int64_t u = 0; u < 2; u++)
        memcpy(to + u * ffn * h, gate_up + u * had * h, (size_t)(both * h) * sizeof *to);
    for (int64_t r = 0; r < h; r++)
        memcpy(out + r * ffn, down + r * had, (size_t)both * sizeof *out);
}

int ltd_head_net_from_layer(ltd_head_net *net, const ltd_llama *model, ltd_rng *rng, ltd_err *err)
{
    const ltd_llm_config *c = ltd_llama_config(model);
    int32_t last = c->n_layers - 1;
    int64_t h = c->hidden, q = net->rows[LTD_HEAD_Q], kv = net->rows[LTD_HEAD_KV];
    float *qkv = ltd_mem_zeros((size_t)((q + kv) * h), sizeof *qkv);
    float *gate_up = ltd_mem_zeros((size_t)(2 * c->ffn * h), sizeof *gate_up);
    float *down = ltd_mem_zeros((size_t)(c->ffn * h), sizeof *down);
    if (qkv && gate_up && down) {
        ltd_llama_layer_part(model, last, LTD_LAYER_QKV, qkv);
        ltd_llama_layer_part(model, last, LTD_LAYER_GATE_UP, gate_up);
        ltd_llama_layer_part(model, last, LTD_LAYER_DOWN, down);
        ltd_llama_layer_part(model, last, LTD_LAYER_OUT, part_of(net, LTD_HEAD_OUT));
        ltd_llama_layer_part(model, last, LTD_LAYER_ATTN_NORM, part_of(net, LTD_HEAD_INPUT_NORM));
        ltd_llama_layer_part(model, last, LTD_LAYER_ATTN_NORM, part_of(net, LTD_HEAD_HIDDEN_NORM));
        ltd_llama_layer_part(model, last, LTD_LAYER_FFN_NORM, part_of(net, LTD_HEAD_POST_NORM));
        memcpy(part_of(net, LTD_HEAD_NORM), ltd_llama_output_norm(model), (size_t)h * sizeof *qkv);
        widen(part_of(net, LTD_HEAD_Q), qkv, q, h, rng);
        widen(part_of(net, LTD_HEAD_KV), qkv + q * h, kv, h, rng);
        take_ffn(net, gate_up, down, c->ffn, rng);
        /* The last tap as it was before it was scaled, and a little of all three. */
        float *fc = part_of(net, LTD_HEAD_FC);
        fill_normal(fc, 3 * h * h, 0.005f, rng);
        for (int64_t i = 0; i < h; i++) fc[i * 3 * h + 2 * h + i] += 1 / net->scale[2];
    }
    bool ok = qkv && gate_up && down;
    free(qkv);
    free(gate_up);
    free(down);
    return ok ? LTD_OK : ltd_fail(err, LTD_ENOMEM, "draft head: no memory for the target's layer");
}
