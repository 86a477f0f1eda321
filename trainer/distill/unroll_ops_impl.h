/* The graph of a batch and the operations on it, for unroll.c alone.  Every operation goes through
 * a `graph`, which remembers the first failure: after it, operations do nothing and give NULL. */
#ifndef LTD_TRAINER_DISTILL_UNROLL_OPS_IMPL_H
#define LTD_TRAINER_DISTILL_UNROLL_OPS_IMPL_H

#include "models/llm/rope.h"
#include "models/torch/ltd_torch.h"
#include "trainer/distill/unroll.h"

typedef struct graph {
    const ltd_unroll_options *o;
    const ltd_head_net *net;
    const ltd_batch *b;
    ltd_unroll_stats *stats;
    ltd_err *err;
    int rc;
    bool train;
    ltd_tensor *part[LTD_HEAD_PARTS];
    /* Of all rows: embedding normed, keys, values; of all anchors: targets' distributions. */
    ltd_tensor *embed, *k0, *v0, *lm_head, *target, *weight, *p;
    ltd_tensor *loss;
    ltd_rope rope;
    /* Of a step. */
    int32_t anchors;          /* that still have a target */
    int64_t *row, *keep, *at; /* [anchors] */
    int64_t *best;            /* [anchors] most probable token of each target */
    float *minus_entropy;     /* [anchors] of its distribution */
    float *cos, *sin;         /* [rows or anchors, head_dim / 2] */
    float *mask;              /* of a text: [anchors, rows it sees] */
    ltd_tensor *k[LTD_UNROLL_MAX], *v[LTD_UNROLL_MAX];
} graph;

#define OP(name, params, ...)                                                                      \
    static ltd_tensor *name params                                                                 \
    {                                                                                              \
        ltd_tensor *ret = NULL;                                                                    \
        if (g->rc == LTD_OK) g->rc = __VA_ARGS__;                                                  \
        return ret;                                                                                \
    }

OP(add, (graph * g, ltd_tensor *a, ltd_tensor *b), ltd_tensor_add(&ret, a, b, g->err))
OP(sub, (graph * g, ltd_tensor *a, ltd_tensor *b), ltd_tensor_sub(&ret, a, b, g->err))
OP(mul, (graph * g, ltd_tensor *a, ltd_tensor *b), ltd_tensor_mul(&ret, a, b, g->err))
OP(scale, (graph * g, ltd_tensor *a, double f), ltd_tensor_scale(&ret, a, f, g->err))
OP(matmul, (graph * g, ltd_tensor *a, ltd_tensor *b), ltd_tensor_matmul(&ret, a, b, g->err))
OP(silu_mul, (graph * g, ltd_tensor *a), ltd_tensor_silu_mul(&ret, a, g->err))
OP(cross_entropy, (graph * g, ltd_tensor *z, ltd_tensor *p, ltd_tensor *index),
   ltd_tensor_cross_entropy(&ret, z, p, index, g->err))
OP(softmax, (graph * g, ltd_tensor *a, int dim), ltd_tensor_softmax(&ret, a, dim, g->err))
OP(logarithm, (graph * g, ltd_tensor *a), ltd_tensor_log(&ret, a, 1e-30, g->err))
OP(argmax, (graph * g, ltd_tensor *a), ltd_tensor_argmax(&ret, a, 1, g->err))
OP(sum, (graph * g, ltd_tensor *a, int dim), ltd_tensor_sum(&ret, a, dim, g->err))
OP(rows, (graph * g, ltd_tensor *a, ltd_tensor *index), ltd_tensor_rows(&ret, a, index, g->err))
OP(narrow, (graph * g, ltd_tensor *a, int dim, int64_t from, int64_t n),
   ltd_tensor_narrow(&ret, a, dim, from, n, g->err))
OP(shape, (graph * g, ltd_tensor *a, int64_t x, int64_t y, int64_t z),
   ltd_tensor_reshape(&ret, a, (int64_t[]){x, y, z}, 3, g->err))
OP(shape4, (graph * g, ltd_tensor *a, int64_t w, int64_t x, int64_t y, int64_t z),
   ltd_tensor_reshape(&ret, a, (int64_t[]){w, x, y, z}, 4, g->err))
OP(shape2, (graph * g, ltd_tensor *a, int64_t x, int64_t y),
   ltd_tensor_reshape(&ret, a, (int64_t[]){x, y}, 2, g->err))
OP(turn, (graph * g, ltd_tensor *a, int64_t x, int64_t y, int64_t z),
   ltd_tensor_permute(&ret, a, (int64_t[]){x, y, z}, 3, g->err))
OP(turn4, (graph * g, ltd_tensor *a, int64_t w, int64_t x, int64_t y, int64_t z),
   ltd_tensor_permute(&ret, a, (int64_t[]){w, x, y, z}, 4, g->err))
OP(concat, (graph * g, ltd_tensor *const *parts, int n, int dim),
   ltd_tensor_concat(&ret, (const ltd_tensor *const *)parts, n, dim, g->err))
OP(norm, (graph * g, ltd_tensor *a, ltd_head_part w),
   ltd_tensor_rms_norm(&ret, a, g->part[w], (double)g->net->shape.eps, g->err))
OP(view_f32, (graph * g, float *data, int64_t x, int64_t y),
   ltd_tensor_view_f32(&ret, data, (int64_t[]){x, y}, y ? 2 : 1, g->err))
OP(copy_i64, (graph * g, const int64_t *data, int64_t n),
   ltd_tensor_from_i64(&ret, data, (int64_t[]){n}, 1, g->err))
OP(copy_f32, (graph * g, const float *data, int64_t x, int64_t y),
   ltd_tensor_from_f32(&ret, data, (int64_t[]){x, y}, 2, g->err))
OP(widen, (graph * g, ltd_tensor *a), ltd_tensor_to_f64(&ret, a, g->err))

static ltd_tensor *constant(graph *g, float *data, int64_t x, int64_t y)
{
    ltd_tensor *t = view_f32(g, data, x, y);
    return g->o->f64 ? widen(g, t) : t;
}

/* The same, of memory that changes before the graph is done. */
static ltd_tensor *constant_copy(graph *g, const float *data, int64_t x, int64_t y)
{
    ltd_tensor *t = copy_f32(g, data, x, y);
    return g->o->f64 ? widen(g, t) : t;
}

static ltd_tensor *product(graph *g, ltd_tensor *x, ltd_tensor *w)
{
    ltd_tensor *ret = NULL;
    if (g->rc < 0) return NULL;
    g->rc = g->o->bf16 ? ltd_tensor_linear_bf16(&ret, x, w, g->err)
                       : ltd_tensor_linear(&ret, x, w, NULL, g->err);
    return ret;
}

static void count_flop(graph *g, ltd_tensor *a, int64_t inner, int backward)
{
    if (g->rc == LTD_OK)
        g->stats->flop +=
            2.0 * (double)ltd_tensor_count(a) * (double)inner * (g->train ? 1 + backward : 1);
}

static ltd_tensor *linear(graph *g, ltd_tensor *x, ltd_head_part w)
{
    ltd_tensor *y = product(g, x, g->part[w]);
    count_flop(g, y, g->net->cols[w], 2);
    return y;
}

/* Of [rows, heads * head_dim], at the positions whose cos and sin are given. */
static ltd_tensor *rope(graph *g, ltd_tensor *x, int32_t n, int32_t heads, ltd_tensor *cos,
                        ltd_tensor *sin)
{
    ltd_tensor *ret = NULL;
    x = shape(g, x, n, heads, g->net->shape.head_dim);
    if (g->rc == LTD_OK) g->rc = ltd_tensor_rope(&ret, x, cos, sin, g->err);
    return ret;
}

#endif
